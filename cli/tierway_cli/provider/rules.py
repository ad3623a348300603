"""The faults that are on while the server runs: which model they hit, how often, and how many times more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from tierway_cli.provider.faults import Fault, FaultError, fault

_FIELDS = ("model", "fault", "share", "count")


@dataclass(slots=True)
class Rule:
    """``model`` None is every model; ``share`` 0..1 of the requests; ``left`` None is without end."""

    fault: Fault
    model: str | None = None
    share: float = 1.0
    left: int | None = None

    def shown(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "fault": self.fault.name,
            "share": self.share,
            "count": self.left,
            **self.fault.params,
        }


def rule(posted: dict[str, Any], models: list[str]) -> Rule:
    """Make a rule of what was posted: the four fields, and the fault's parameters beside them."""
    params = {name: value for name, value in posted.items() if name not in _FIELDS}
    model, share, count = posted.get("model"), posted.get("share", 1.0), posted.get("count")
    if model is not None and model not in models:
        raise FaultError(f"Unknown model {model!r}; known: {', '.join(models)}.")
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
        raise FaultError("share is a number from 0 to 1.")
    if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 1):
        raise FaultError("count is an integer from 1, or null.")
    return Rule(fault(str(posted.get("fault")), params), model, share, count)


class Rules:
    """All rules, in the order in which they were set."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._rules: list[Rule] = []

    def add(self, rule: Rule) -> None:
        self._rules.append(rule)

    def clear(self) -> None:
        self._rules.clear()

    def shown(self) -> list[dict[str, Any]]:
        return [rule.shown() for rule in self._rules]

    def draw(self, model: str, applies: Callable[[Fault], bool]) -> Iterator[Fault]:
        """Yield the faults that hit a request; behind one that answers instead of the model none is drawn."""
        for rule in list(self._rules):
            if rule.model not in (None, model) or not applies(rule.fault) or self._random.random() >= rule.share:
                continue
            if rule.left is not None:
                rule.left -= 1
                if rule.left == 0:
                    self._rules.remove(rule)
            yield rule.fault
            if rule.fault.kind.refuses:
                return
