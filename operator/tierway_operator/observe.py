"""What the last minutes were like: the counts of all instances, cut to a window, and the figures in them. Pure.

Attempts that were cut for slowness have no first token. They rank above every measured one and are never shown as a
latency: a percentile that falls among them is "at least" the time at which they were cut.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import ceil, floor
from typing import Any, Final

from tierway_operator.counting import added, since
from tierway_proxy.contract.histogram import BASE, bucket, merged, middle
from tierway_proxy.contract.observations import Day, EndpointCounts, Histogram, Observations

WINDOW_SECONDS: Final = 600.0
_SNAPSHOTS: Final = 20
NOT_FAILED: Final = frozenset({"ClientLeft", "RequestFault"})
"""Reasons for which an attempt had no good end and nobody serves badly: the client left, or asked for nonsense."""


@dataclass
class _Seen:
    """Snapshots of one instance, oldest first; the first is what its counts are compared with."""

    snapshots: deque[tuple[float, Mapping[str, Any]]]
    from_birth: bool
    latest: tuple[float, Mapping[str, Any]]


@dataclass
class Window:
    """The last `seconds` of all instances together; of those that vanished too, until they are out of it.

    `began`: when watching began. Times are seconds since the epoch, and never go back.
    """

    began: float
    seconds: float = WINDOW_SECONDS
    _seen: dict[str, _Seen] = field(default_factory=dict)

    def add(self, observed: Observations, now: float) -> None:
        """Take a scrape. An instance that started inside the window is counted from zero, another from here on."""
        days = {date: day.model_dump() for date, day in observed.days.items()}
        seen = self._seen.get(observed.instance)
        if seen is None:
            young = observed.started_at >= now - self.seconds
            first = (observed.started_at, {}) if young else (now, days)
            seen = self._seen[observed.instance] = _Seen(deque([first]), young, first)
        seen.latest = (now, days)
        if now - seen.snapshots[-1][0] >= self.seconds / _SNAPSHOTS:
            seen.snapshots.append(seen.latest)

    def counts(self, now: float) -> Day:
        """Return what was counted in the window."""
        total: dict[Any, Any] = {}
        for instance, seen in list(self._seen.items()):
            if seen.latest[0] < now - self.seconds:
                del self._seen[instance]
                continue
            while len(seen.snapshots) > 1 and seen.snapshots[1][0] <= now - self.seconds:
                seen.snapshots.popleft()
            then = seen.snapshots[0][1]
            # a day that fell out of the counters was over before the window began
            for date, day in seen.latest[1].items():
                total = added(total, since(day, then.get(date, {})))
        return Day.model_validate(total)

    def covers(self, now: float) -> bool:
        """Whether nothing of the window was missed: it was watched to its full length, or every instance from birth."""
        return now - self.began >= self.seconds or (
            bool(self._seen) and all(seen.from_birth for seen in self._seen.values())
        )


@dataclass(frozen=True)
class FirstTokens:
    """Milliseconds; None where the percentile falls among attempts that were cut. `p95_at_least`: when p95 does."""

    p50: int | None
    p95: int | None
    p99: int | None
    censored_percent: int
    p95_at_least: int | None = None


def first_tokens(counts: EndpointCounts, limits: Iterable[int]) -> FirstTokens | None:
    """Return the times to first token of all input sizes; None without a sample. `limits`: milliseconds, of the models.

    An attempt is cut a moment after its limit; where a limit fits the time of the cut, it is the limit that is told.
    """
    finite, cut = merged(counts.ttft.values()), merged(counts.censored.values())
    samples, cuts = sum(finite.values()), sum(cut.values())
    if samples + cuts == 0:
        return None
    p50, p95, p99 = (_percentile(finite, samples + cuts, share) for share in (0.50, 0.95, 0.99))
    at_least = None
    if p95 is None:
        at_least = _cut_at(cut, _rank(0.95, samples + cuts) - samples, limits)
    return FirstTokens(p50, p95, p99, round(100 * cuts / (samples + cuts)), at_least)


def _rank(share: float, total: int) -> int:
    return max(1, ceil(share * total))


def _percentile(finite: Histogram, total: int, share: float) -> int | None:
    rank = _rank(share, total)
    for index in sorted(finite):
        rank -= finite[index]
        if rank <= 0:
            return round(middle(index))
    return None


def _cut_at(cut: Histogram, rank: int, limits: Iterable[int]) -> int:
    for index in sorted(cut):
        rank -= cut[index]
        if rank <= 0:
            break
    near = [limit for limit in limits if bucket(limit) in (index, index - 1)]
    return max(near) if near else max(1, floor(BASE ** (index - 1)))


def failures(counts: EndpointCounts) -> int:
    """Return the attempts that failed by the provider's fault or ours."""
    return sum(count for reason, count in counts.errors.items() if reason not in NOT_FAILED)
