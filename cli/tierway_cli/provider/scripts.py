"""One accepted request's answer as a value: what is said, how fast, and which faults shape it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random

from tierway_cli.provider.answers import Choice
from tierway_cli.provider.chat import Json
from tierway_cli.provider.faults import Fault
from tierway_cli.provider.pace import Pace


@dataclass(frozen=True)
class Script:
    """One accepted request's answer, and the faults that shape it (by name)."""

    model: str
    created: int
    choices: tuple[Choice, ...]
    prompt_tokens: int
    cached_tokens: int
    wants_usage: bool
    pace: Pace
    random: Random
    faults: Mapping[str, Fault] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """Output tokens of the whole answer."""
        return sum(len(choice.deltas) for choice in self.choices)

    @property
    def rows(self) -> int:
        """How many tokens the longest choice has: the choices are generated side by side."""
        return max(len(choice.deltas) for choice in self.choices)

    @property
    def first_seconds(self) -> float:
        """Seconds from the request to the first token, without what keeps a stream busy meanwhile."""
        slow = self.faults.get("slow_first_token")
        return self.pace.first_seconds + (slow.number("ms") / 1000 if slow else 0)

    def gap(self, sent: int) -> float:
        """Draw the seconds between two tokens when so many were sent."""
        crawl = self.faults.get("crawl")
        if crawl and sent >= crawl.integer("tokens"):
            return 1 / crawl.number("tokens_per_second")
        return self.pace.gap()

    def usage(self) -> Json:
        """Return the usage object, all zero where the fault says so."""
        zero = "zero_usage" in self.faults
        prompt, cached, output = (0, 0, 0) if zero else (self.prompt_tokens, self.cached_tokens, self.total)
        reasoning = 0 if zero else sum(choice.reasoning_tokens for choice in self.choices)
        return {
            "prompt_tokens": prompt,
            "completion_tokens": output,
            "total_tokens": prompt + output,
            "prompt_tokens_details": {"cached_tokens": cached},
            "completion_tokens_details": {"reasoning_tokens": reasoning},
        }

    def new_id(self) -> str:
        return f"chatcmpl-{self.random.getrandbits(96):024x}"
