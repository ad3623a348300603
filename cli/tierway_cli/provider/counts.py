"""The exact account of what was served, to check other people's figures against.

The billing rule: a request is billed for its prompt and for the tokens that were generated and written so far, unless
it was answered with an error status or an error frame. So a request that was accepted and then stalled, cut or left by
its client is billed for its prompt and for what was written; a JSON answer is written whole or not at all. A connection
that was refused was never accepted.

A request is settled just before its last bytes are written, so that whoever read them finds it counted.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

End = Literal["answered", "failed", "broken", "left"]


@dataclass(slots=True)
class Counts:
    """What one model served.

    ``requests`` named the model and were well-formed; ``answered`` got a whole answer; ``cancelled`` were left by their
    client. ``prompt_tokens``, ``cached_tokens`` (part of them) and ``completion_tokens`` are of all accepted requests,
    the ``billed_…`` ones of those that the billing rule charges. ``faults`` counts the faults that were played.
    """

    requests: int = 0
    answered: int = 0
    cancelled: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    billed_prompt_tokens: int = 0
    billed_cached_tokens: int = 0
    billed_completion_tokens: int = 0
    faults: Counter[str] = field(default_factory=Counter)


class Tab:
    """One request's account: accepted, written to, closed once."""

    def __init__(self, counts: Counts, on_close: Callable[[Tab], None]) -> None:
        counts.requests += 1
        self._counts, self._on_close = counts, on_close
        self._prompt = self._cached = self._written = 0
        self.end: End | None = None

    def fault(self, name: str) -> None:
        self._counts.faults[name] += 1

    def accept(self, prompt: int, cached: int) -> None:
        """Take a prompt of so many tokens, of which so many are cached."""
        self._prompt, self._cached = prompt, cached
        self._counts.prompt_tokens += prompt
        self._counts.cached_tokens += cached

    def wrote(self, tokens: int) -> None:
        self._written += tokens
        self._counts.completion_tokens += tokens

    def close(self, end: End) -> None:
        """Settle by the billing rule; the first end counts, later ones change nothing."""
        if self.end is not None:
            return
        self.end = end
        self._counts.answered += end == "answered"
        self._counts.cancelled += end == "left"
        if end != "failed":
            self._counts.billed_prompt_tokens += self._prompt
            self._counts.billed_cached_tokens += self._cached
            self._counts.billed_completion_tokens += self._written
        self._on_close(self)


class Ledger:
    """The counts of all models, and how many requests are open."""

    def __init__(self, models: list[str]) -> None:
        self._models = models
        self._counts = {name: Counts() for name in models}
        self._open: dict[Tab, str] = {}
        self._idle = asyncio.Event()
        self._idle.set()

    def open(self, model: str) -> Tab:
        """Begin a request's account."""
        tab = Tab(self._counts[model], self._closed)
        self._open[tab] = model
        self._idle.clear()
        return tab

    def _closed(self, tab: Tab) -> None:
        del self._open[tab]
        if not self._open:
            self._idle.set()

    def break_all(self) -> None:
        """Settle every open request as broken by the provider."""
        for tab in list(self._open):
            tab.close("broken")

    async def idle(self) -> None:
        """Wait until no request is open."""
        await self._idle.wait()

    def reset(self) -> None:
        """Start from zero; a request that is open now is not counted in the new figures."""
        self._counts = {name: Counts() for name in self._models}

    def counts(self) -> dict[str, dict[str, Any]]:
        """Return a copy: model -> every field of :class:`Counts`, and ``in_flight``."""
        in_flight = Counter(self._open.values())
        return {
            name: {**asdict(counts), "faults": dict(counts.faults), "in_flight": in_flight[name]}
            for name, counts in self._counts.items()
        }
