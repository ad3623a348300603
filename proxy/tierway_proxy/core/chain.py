"""Which candidate a request turns to next, and whether the one at hand may be cut for being slow."""

from collections.abc import Sequence

from tierway_proxy.core import outcome
from tierway_proxy.core.attempt import Attempt
from tierway_proxy.core.catalog import Candidate
from tierway_proxy.core.outcome import Failure, Next
from tierway_proxy.core.plan import Plan


class Chain:
    """The candidates of a plan, as they are used up. `revived`: a slow one has been given its second, uncut try."""

    __slots__ = ("_fit", "_most", "_queue", "_sent", "revived")

    def __init__(self, plan: Plan) -> None:
        self._queue = list(plan.candidates)
        self._fit = plan.candidates[: plan.fit]
        self._most = plan.catalog.table.fallback.max_attempts
        self._sent = 0
        self.revived = False

    def opened(self) -> None:
        """An attempt is sent."""
        self._sent += 1

    def may_cut(self) -> bool:
        """An attempt is cut only where another in good health, and within the policy's number, follows."""
        followed = bool(self._queue) and self._queue[0] in self._fit
        return not self.revived and followed and (self._most is None or self._sent + 1 < self._most)

    def follower(self) -> Candidate | None:
        """Who would be next; None: the chain, or the policy's number of attempts, is used up."""
        return self._queue[0] if self._queue and (self._most is None or self._sent < self._most) else None

    def take(self) -> Candidate:
        """Next in line, no longer in it."""
        return self._queue.pop(0)

    def failed(self, failure: Failure, candidate: Candidate) -> None:
        """An attempt on which nothing was sent does not count.

        After a request that was too long, or asked what the model cannot do, only others that might are left.
        """
        if not failure.sent:
            self._sent -= 1
        if failure.next is Next.LARGER:
            window = candidate.context_window or 0
            self._queue = [e for e in self._queue if e.context_window is None or e.context_window > window]
        elif failure.next is Next.CAPABLE:
            self._queue = [e for e in self._queue if (e.tier, e.model) != (candidate.tier, candidate.model)]

    def revive(self, attempts: Sequence[Attempt]) -> Candidate | None:
        """When all later ones failed, the first that was cut for slowness is tried once more, uncut."""
        slow = next((each for each in attempts if each.failure is outcome.SLOW), None)
        if slow is None or self.revived:
            return None
        self.revived = True
        return slow.candidate
