"""What became of a request and of each of its attempts: written once, when it ends, and counted from there."""

from typing import NamedTuple

from tierway_proxy.contract.base import RequestClass
from tierway_proxy.core.catalog import Candidate
from tierway_proxy.core.meter import Usage
from tierway_proxy.core.refusal import Refusal

OUTCOMES = ("Answered", "Rejected", "Failed", "Cut", "ClientLeft")
TROUBLE = frozenset({"Failed", "Cut"})
"""Outcomes that were nobody's wish: not the caller's fault, and not their leaving."""


class AttemptEntry(NamedTuple):
    """One attempt. `reason` is None for the one whose answer went out, else why it failed or was cut.

    `status`: of HTTP, when it is that which failed.

    Times in seconds: `ttft` from sending it to its first content token, `waited` until it was cut without one (only
    for those that were cut for being slow). `cost` is in pico-dollars.
    """

    candidate: Candidate
    usage: Usage
    cost: int
    reason: str | None = None
    followed: bool = False
    ttft: float | None = None
    waited: float | None = None
    limit: float | None = None
    output_tokens_per_second: float | None = None
    ttlt: float | None = None
    status: int | None = None


class Settlement(NamedTuple):
    """One request. `outcome`: Answered, Rejected, Failed, Cut or ClientLeft; times in seconds since it came.

    `pinned`: it, or a rule for it, named a tier or a model. A request that was refused before anybody knew its class or
    its pin has neither.
    """

    policy: str
    klass: RequestClass | None
    pinned: bool
    outcome: str
    status: int
    duration: float
    first_token: float | None = None
    attempts: tuple[AttemptEntry, ...] = ()
    baseline_cost: int = 0
    shed: bool = False
    input_tokens: int = 0
    reason: str = ""
    table: str = ""

    @property
    def cost(self) -> int:
        return sum(attempt.cost for attempt in self.attempts)

    @property
    def fell_back(self) -> bool:
        """A later attempt than the first gave the answer."""
        return len(self.attempts) > 1 and self.attempts[-1].reason is None


def refused(policy: str, table: str, refusal: Refusal, duration: float) -> Settlement:
    """A request that nobody was asked about: its own fault, or nobody was there to take it."""
    return Settlement(
        policy=policy,
        klass=refusal.klass,
        pinned=refusal.pinned,
        outcome="Rejected" if refusal.status < 500 else "Failed",
        status=refusal.status,
        duration=duration,
        shed=refusal.status == 503,
        reason=refusal.code,
        table=table,
    )


def left(policy: str, table: str, duration: float) -> Settlement:
    """A request whose client did not wait until somebody could be asked."""
    return Settlement(
        policy=policy,
        klass=None,
        pinned=False,
        outcome="ClientLeft",
        status=499,
        duration=duration,
        reason="client_left",
        table=table,
    )
