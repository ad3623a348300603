"""Measurements that are too slow or too machine-bound to be tests; their figures are in docs/performance.md."""
