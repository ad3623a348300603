"""What this proxy has lately seen of each endpoint, as values: a breaker, a rest after 429, missed limits.

Nothing here ever removes an endpoint: one that is unfit goes to the end of the chain, so that a request is still
answered when all are unfit; and one request at a time tries it again, so that it recovers however little its traffic.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

FAILURES_TO_OPEN = 5
FIRST_OPEN_SECONDS = 2.0
LONGEST_OPEN_SECONDS = 30.0
LONGEST_REST_SECONDS = 60.0
LATENESS_WINDOW = 10
LATE_TO_DEMOTE = 6
LATE_TRIAL_SECONDS = 2.0


class Breaker(NamedTuple):
    """One opened or closed. `reason`, and `status` of HTTP if it is that: of the last failure.

    `seconds`: until a request tries the endpoint again.

    `opened_at`, in the shell's monotonic seconds, is also that of a breaker which has closed.
    """

    key: str
    is_open: bool
    opened_at: float
    reason: str = ""
    seconds: float = 0.0
    status: int | None = None


@dataclass(slots=True)
class EndpointHealth:
    """One model at one provider. Times are the shell's monotonic seconds."""

    failures: int = 0
    open_until: float = 0.0
    open_seconds: float = 0.0
    opened_at: float = 0.0
    rest_until: float = 0.0
    trial_at: float = 0.0
    late: deque[bool] = field(default_factory=lambda: deque(maxlen=LATENESS_WINDOW))
    slow: deque[bool] = field(default_factory=lambda: deque(maxlen=LATENESS_WINDOW))
    refused_parameters: set[str] = field(default_factory=set)

    @property
    def is_late(self) -> bool:
        return sum(self.late) >= LATE_TO_DEMOTE

    @property
    def is_slow(self) -> bool:
        return sum(self.slow) >= LATE_TO_DEMOTE

    @property
    def is_open(self) -> bool:
        return self.failures >= FAILURES_TO_OPEN


class Health:
    """By endpoint key; requests under way by provider key. An endpoint that was never tried is fit.

    `tell` hears of every breaker that opens or closes.
    """

    __slots__ = ("_endpoints", "_tell", "_under_way")

    def __init__(self, tell: Callable[[Breaker], None] = lambda _: None) -> None:
        self._tell = tell
        self._endpoints: dict[str, EndpointHealth] = {}
        self._under_way: dict[str, int] = {}

    def unfit(self, key: str, now: float) -> str | None:
        """Why this endpoint should be tried last, or None when it is fit."""
        known = self._endpoints.get(key)
        if known is None:
            return None
        if now < known.rest_until:
            return f"rate limited for {known.rest_until - now:.1f} s more"
        if known.is_open and now < known.open_until:
            return f"{known.failures} failures in a row; tried again in {known.open_until - now:.1f} s"
        return _lagging(known) if now < known.trial_at else None

    def began(self, key: str, provider: str, now: float) -> None:
        """An attempt is sent; while one tries an open, late or slow endpoint, no other does."""
        self._under_way[provider] = self._under_way.get(provider, 0) + 1
        known = self._endpoints.get(key)
        if known is not None:
            known.trial_at = now + LATE_TRIAL_SECONDS
            if known.is_open:
                known.open_until = now + known.open_seconds

    def ended(self, provider: str) -> None:
        left = self._under_way.get(provider, 0) - 1
        if left > 0:
            self._under_way[provider] = left
        else:
            self._under_way.pop(provider, None)

    def under_way(self, provider: str) -> int:
        return self._under_way.get(provider, 0)

    def timed(self, key: str, *, late: bool) -> None:
        """A first token came, in time or not, or the attempt was cut because none had come in time."""
        if late or key in self._endpoints:
            self._of(key).late.append(late)

    def paced(self, key: str, *, slow: bool) -> None:
        """An answer is over; `slow`: it had fewer output tokens a second than it must."""
        if slow or key in self._endpoints:
            self._of(key).slow.append(slow)

    def answered(self, key: str) -> None:
        """An answer was good to its end or until its reader left; a first token alone may be of one that is cut."""
        known = self._endpoints.get(key)
        if known is not None:
            was_open, known.failures, known.open_seconds = known.is_open, 0, 0.0
            if was_open:
                self._tell(Breaker(key, is_open=False, opened_at=known.opened_at))

    def failed(
        self, key: str, now: float, retry_after: float | None = None, reason: str = "", status: int | None = None
    ) -> None:
        """`reason`: in a word; `status`: of HTTP."""
        known = self._of(key)
        known.failures += 1
        if retry_after:
            known.rest_until = now + min(retry_after, LONGEST_REST_SECONDS)
        if known.is_open:
            known.open_seconds = min(known.open_seconds * 2 or FIRST_OPEN_SECONDS, LONGEST_OPEN_SECONDS)
            known.open_until = now + known.open_seconds
        if known.failures == FAILURES_TO_OPEN:
            known.opened_at = now
            self._tell(
                Breaker(key, is_open=True, opened_at=now, reason=reason, seconds=known.open_seconds, status=status)
            )

    def refuse_parameter(self, key: str, parameter: str) -> None:
        """This endpoint answered 400 about something that we added, and answered without: never add it there again."""
        self._of(key).refused_parameters.add(parameter)

    def refused_parameters(self, key: str) -> frozenset[str]:
        known = self._endpoints.get(key)
        return frozenset(known.refused_parameters) if known is not None else frozenset()

    def open_breakers(self) -> tuple[str, ...]:
        return tuple(sorted(key for key, known in self._endpoints.items() if known.is_open))

    def keep(self, keys: frozenset[str]) -> None:
        """Forget endpoints that no table names any more, so that memory stays flat."""
        self._endpoints = {key: known for key, known in self._endpoints.items() if key in keys}

    def _of(self, key: str) -> EndpointHealth:
        return self._endpoints.setdefault(key, EndpointHealth())


def _lagging(known: EndpointHealth) -> str | None:
    if known.is_late:
        return f"{sum(known.late)} of its last {len(known.late)} first tokens missed their limit"
    if known.is_slow:
        return f"{sum(known.slow)} of its last {len(known.slow)} answers had fewer tokens per second than their limit"
    return None
