"""Mergeable histograms over logarithmic buckets.

Bucket i holds the values in (BASE**(i-1), BASE**i]; any percentile read from it is within 2% of a sample (the idea of
DDSketch: Masson, Rim, Lee, VLDB 2019). Two histograms are merged by adding counts.
"""

from collections.abc import Iterable
from math import ceil, log

from tierway_proxy.contract.observations import Histogram

BASE = 1.04
_LOG_BASE = log(BASE)


def bucket(value: float) -> int:
    """The index of a value's bucket; everything up to 1 is in bucket 0."""
    return ceil(log(value) / _LOG_BASE) if value > 1 else 0


def middle(index: int) -> float:
    """The value that stands for a bucket: the harmonic middle, at most 2% from either edge."""
    return float(2 * BASE**index / (1 + BASE)) if index > 0 else 1.0


def merged(parts: Iterable[Histogram]) -> Histogram:
    total: Histogram = {}
    for part in parts:
        for index, count in part.items():
            total[index] = total.get(index, 0) + count
    return total


def quantile(histogram: Histogram, share: float) -> float | None:
    """The value below which `share` (0..1) of the samples lie (nearest rank); None without samples."""
    rank = max(1, ceil(share * sum(histogram.values())))
    for index in sorted(histogram):
        rank -= histogram[index]
        if rank <= 0:
            return middle(index)
    return None
