"""What this proxy counted since it started, from the settlements of its requests.

The one source of `/observations` and of `/metrics`. Cumulative; reading changes nothing. Counted by the UTC day of the
request's end. Days before yesterday are folded into `past`, so that totals never fall while memory stays flat.
"""

from bisect import bisect_left
from collections import Counter, defaultdict
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple

from tierway_proxy.contract.histogram import bucket
from tierway_proxy.contract.observations import SIZES, Day, EndpointCounts, PolicyCounts
from tierway_proxy.core.ledger import TROUBLE, AttemptEntry, Settlement

_BOUNDS = (1_000, 8_000, 32_000)
_DAYS_KEPT = 2


def _by_size() -> defaultdict[str, Counter[int]]:
    return defaultdict(Counter)


@dataclass(slots=True)
class EndpointTotals:
    """The counters behind the contract's `EndpointCounts`; see there for units."""

    attempts: int = 0
    committed: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    fallbacks: Counter[str] = field(default_factory=Counter)
    cost: int = 0
    abandoned_cost: int = 0
    input_tokens: int = 0
    cached_input_tokens: int = 0
    output_tokens: int = 0
    estimated: int = 0
    ttft: defaultdict[str, Counter[int]] = field(default_factory=_by_size)
    censored: defaultdict[str, Counter[int]] = field(default_factory=_by_size)
    output_tokens_per_second: Counter[int] = field(default_factory=Counter)
    ttlt: Counter[int] = field(default_factory=Counter)
    breaches: int = 0

    def add(self, entry: AttemptEntry) -> None:
        usage, size = entry.usage, SIZES[bisect_left(_BOUNDS, entry.usage.input)]
        self.attempts += 1
        self.cost += entry.cost
        self.input_tokens += usage.input
        self.cached_input_tokens += usage.cached
        self.output_tokens += usage.output
        self.estimated += usage.estimated
        if entry.ttft is not None:
            self.ttft[size][bucket(entry.ttft * 1000)] += 1
            self.breaches += entry.limit is not None and entry.ttft > entry.limit
        if entry.reason is None:
            self._add_answer(entry)
        else:
            self._add_failure(entry, entry.reason, size)

    def _add_answer(self, entry: AttemptEntry) -> None:
        self.committed += 1
        if entry.output_tokens_per_second is not None:
            self.output_tokens_per_second[bucket(entry.output_tokens_per_second)] += 1
        if entry.ttlt is not None:
            self.ttlt[bucket(entry.ttlt * 1000)] += 1

    def _add_failure(self, entry: AttemptEntry, reason: str, size: str) -> None:
        self.errors[reason] += 1
        self.abandoned_cost += entry.cost
        if entry.followed:
            self.fallbacks[reason] += 1
        if entry.waited is not None:
            self.censored[size][bucket(entry.waited * 1000)] += 1
            self.breaches += entry.limit is not None


@dataclass(slots=True)
class PolicyTotals:
    """The counters behind the contract's `PolicyCounts`."""

    requests: Counter[str] = field(default_factory=Counter)
    pinned: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    cost: int = 0
    baseline_cost: int = 0
    fallbacks: int = 0
    shed: int = 0
    first_token: Counter[int] = field(default_factory=Counter)

    def add(self, request: Settlement) -> None:
        self.pinned += request.pinned
        if request.klass is not None:
            self.requests[request.klass] += 1
        self.outcomes[request.outcome] += 1
        self.cost += request.cost
        self.baseline_cost += request.baseline_cost
        self.fallbacks += request.fell_back
        self.shed += request.shed
        if request.first_token is not None:
            self.first_token[bucket(request.first_token * 1000)] += 1


@dataclass(slots=True)
class DayTotals:
    policies: defaultdict[str, PolicyTotals] = field(default_factory=lambda: defaultdict(PolicyTotals))
    endpoints: defaultdict[str, EndpointTotals] = field(default_factory=lambda: defaultdict(EndpointTotals))

    def add(self, request: Settlement) -> None:
        self.policies[request.policy].add(request)
        for entry in request.attempts:
            self.endpoints[entry.candidate.key].add(entry)

    def fold(self, other: "DayTotals") -> None:
        for key, policy in other.policies.items():
            _fold(self.policies[key], policy)
        for key, endpoint in other.endpoints.items():
            _fold(self.endpoints[key], endpoint)

    def message(self) -> Day:
        return Day(
            policies={key: PolicyCounts(**_plain(each)) for key, each in self.policies.items()},
            endpoints={key: EndpointCounts(**_plain(each)) for key, each in self.endpoints.items()},
        )


class Failed(NamedTuple):
    """What a request was that got no answer, or not all of one; `status`: what its caller got, 502 when it was cut."""

    policy: str
    klass: str
    status: int


class Counters:
    """`failed` is of this process alone, for its metrics; observations have no such figure."""

    __slots__ = ("_days", "_past", "failed")

    def __init__(self) -> None:
        self.failed: Counter[Failed] = Counter()
        self._days: dict[str, DayTotals] = {}
        self._past = DayTotals()

    def record(self, request: Settlement, date: str) -> None:
        """`date`: the UTC day of the request's end, as YYYY-MM-DD."""
        day = self._days.get(date)
        if day is None:
            day = self._days[date] = DayTotals()
        day.add(request)
        if request.outcome in TROUBLE:
            klass = "Pinned" if request.pinned else request.klass or "Unknown"
            self.failed[Failed(request.policy, klass, request.status)] += 1
        while len(self._days) > _DAYS_KEPT:
            self._past.fold(self._days.pop(min(self._days)))

    def days(self) -> dict[str, Day]:
        return {date: day.message() for date, day in self._days.items()}

    def since_start(self) -> DayTotals:
        """All days together: what only grows while this process lives."""
        total = DayTotals()
        for part in (self._past, *self._days.values()):
            total.fold(part)
        return total


def _fold(into: Any, other: Any) -> None:
    for each in fields(into):
        mine, theirs = getattr(into, each.name), getattr(other, each.name)
        if isinstance(mine, defaultdict):
            for key, histogram in theirs.items():
                mine[key].update(histogram)
        elif isinstance(mine, Counter):
            mine.update(theirs)
        else:
            setattr(into, each.name, mine + theirs)


def _plain(totals: EndpointTotals | PolicyTotals) -> dict[str, Any]:
    return {each.name: getattr(totals, each.name) for each in fields(totals)}
