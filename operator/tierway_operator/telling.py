"""Says in the log when an object is refused, names what is not there or is answered by no provider, and when that ends.

It is for whoever has only a terminal before them; the object's conditions say the same. What a store has said already,
that a text is not valid, is not said a second time.
"""

import logging
from collections.abc import Mapping
from typing import Any, Final

from tierway_operator.conditions import ACCEPTED, AVAILABLE, RESOLVED_REFS
from tierway_operator.store import Entry, Ref

logger = logging.getLogger(__name__)

_TOLD: Final = (ACCEPTED, RESOLVED_REFS, AVAILABLE)

Told = Mapping[str, tuple[str, str]]
"""Conditions of one object that were said to be False: type -> (reason, message)."""


class Teller:
    def __init__(self) -> None:
        self._told: dict[Ref, Told] = {}
        self._faults: dict[Ref, str] = {}

    def listed(self, entries: Mapping[Ref, Entry]) -> None:
        """Take these for all objects that there are."""
        self._told = {ref: told for ref, told in self._told.items() if ref in entries}
        self._faults = {ref: entry.fault for ref, entry in entries.items() if entry.fault is not None}

    def tell(self, ref: Ref, status: Mapping[str, Any]) -> None:
        """Say what is new in the conditions of a status; one that is Unknown moves nothing."""
        before = self._told.get(ref, {})
        after = {**before, **self._false(ref, status)}
        if _reason(before) == _reason(after):  # its words follow the breakers, from one write to the next
            after |= {AVAILABLE: before[AVAILABLE]} if AVAILABLE in before else {}
        for each in status["conditions"]:
            if each["status"] == "True":
                after.pop(each["type"], None)
        self._told[ref] = after
        _say(f"{ref.kind} {ref.namespace}/{ref.name}", before, after, status.get("programmedGeneration"))

    def _false(self, ref: Ref, status: Mapping[str, Any]) -> Told:
        fault = self._faults.get(ref)
        return {
            each["type"]: (each["reason"], each["message"])
            for each in status["conditions"]
            if each["type"] in _TOLD and each["status"] == "False" and not (fault and fault in each["message"])
        }


def _reason(told: Told) -> str | None:
    return told[AVAILABLE][0] if AVAILABLE in told else None


def _say(name: str, before: Told, after: Told, stays: int | None) -> None:
    """`stays`: the generation that serves on while the newest is refused."""
    news: dict[tuple[str, str], list[str]] = {}
    for kind, why in after.items():
        if before.get(kind) != why:
            news.setdefault(why, []).append(f"{kind}=False")
    for (reason, message), kinds in news.items():
        kept = f" Generation {stays} stays in force." if stays and f"{ACCEPTED}=False" in kinds else ""
        logger.warning("%s: %s (%s): %s%s", name, ", ".join(kinds), reason, message, kept)
    if over := [f"{kind}=True" for kind in before if kind not in after]:
        logger.info("%s: %s again", name, ", ".join(over))
