"""Prometheus metrics of a proxy: a view of the counters behind `/observations`, made when they are asked for.

The request path pays for counting once. Names follow OpenTelemetry's GenAI semantic conventions where those have one
(`gen_ai_*`). Label values come from tables and from closed sets, never from what a caller sent.
"""

from tierway_proxy.shell.metrics.collector import Metrics

__all__ = ["Metrics"]
