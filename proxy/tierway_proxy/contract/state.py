"""What moves without an edit of the policy.

It has a sequence number instead of a hash, so that `Programmed` never flaps.

A tier or model that is deleted, no longer permitted, draining or disabled leaves through here, also for a policy whose
table is frozen because its newest edit was refused.
"""

from typing import Literal

from tierway_proxy.contract.base import Message


class Withdrawal(Message):
    """A tier (`model` None) or one model of it that takes no routed requests, and the sentence that says why.

    Draining: still answers those who name it. Disabled: answers nobody.
    """

    tier: str
    model: str | None = None
    how: Literal["Draining", "Disabled"]
    message: str


class EffectiveLimits(Message):
    """Limits that stand in for the spec's; None keeps the spec's."""

    tier: str
    model: str
    max_ttft_ms: int | None = None
    min_output_tokens_per_second: int | None = None


class State(Message):
    version: Literal[1] = 1
    policy: str
    sequence: int
    withdrawn: tuple[Withdrawal, ...] = ()
    limits: tuple[EffectiveLimits, ...] = ()
