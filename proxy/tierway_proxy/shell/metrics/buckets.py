"""Our logarithmic buckets as Prometheus's: each sample counts at the value that stands for its bucket."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from prometheus_client.core import HistogramMetricFamily

from tierway_proxy.contract import histogram
from tierway_proxy.contract.observations import Histogram

Sample = tuple[float, int]
"""A value and how often it was seen."""
middle = lru_cache(maxsize=1024)(histogram.middle)


def seconds(parts: Iterable[Histogram]) -> Iterator[Sample]:
    """Of histograms of milliseconds."""
    return ((middle(index) / 1000, count) for part in parts for index, count in part.items())


def seconds_per(parts: Iterable[Histogram]) -> Iterator[Sample]:
    """Of histograms of things a second: how long each thing took."""
    return ((1 / middle(index), count) for part in parts for index, count in part.items())


def add(
    family: HistogramMetricFamily, labels: Sequence[str], samples: Iterable[Sample], bounds: tuple[float, ...]
) -> None:
    """Add what was seen; nothing at all when nothing was, or most of a page would be zeros."""
    counts, total, summed = [0] * (len(bounds) + 1), 0, 0.0
    for value, count in samples:
        counts[bisect_left(bounds, value)] += count
        total += count
        summed += value * count
    if not total:
        return
    buckets, below = [], 0
    for bound, count in zip(bounds, counts, strict=False):
        below += count
        buckets.append((f"{bound:g}", float(below)))
    family.add_metric(labels, [*buckets, ("+Inf", float(total))], summed)
