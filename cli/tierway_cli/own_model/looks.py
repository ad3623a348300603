"""How the classifier sees a prompt, as figures: all that labelling and fitting need, and all that a label file keeps.

The texts themselves can be thrown away once labelled. Figures mean something only to the general weights they were made
for, whose id they carry.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

from tierway_proxy.contract.own_model import GENERAL, WORDS
from tierway_proxy.core.classify import examine, features, general_sums
from tierway_proxy.core.classify.structure import NAMES

_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Look:
    """`sums`: the general model's log-odds of being more than Simple and of being Complex; `words`: by own bucket."""

    sums: tuple[float, float]
    structure: tuple[float, ...]
    words: Mapping[int, float]


def look(body: Mapping[str, Any]) -> Look:
    """Look at a chat-completions body with the general model of this build; never raises."""
    found = features(body, examine(body))
    words: dict[int, float] = {}
    for value, buckets in found.groups:
        for bucket in buckets:
            words[bucket % WORDS] = words.get(bucket % WORDS, 0.0) + value
    return rounded(Look(general_sums(found), tuple(found.structure), words))


def rounded(seen: Look) -> Look:
    """Round as a label file does, so that a fit is the same from prompts and from their labels."""
    return Look(
        (round(seen.sums[0], _DIGITS), round(seen.sums[1], _DIGITS)),
        tuple(round(figure, _DIGITS) for figure in seen.structure),
        {bucket: round(seen.words[bucket], _DIGITS) for bucket in sorted(seen.words)},
    )


def as_json(seen: Look) -> dict[str, Any]:
    return {
        "over": GENERAL,
        "sums": list(seen.sums),
        "structure": list(seen.structure),
        "words": {str(bucket): value for bucket, value in seen.words.items()},
    }


def from_json(value: Any) -> Look | None:
    """Return the look that a label file kept; None when it was made for other weights, or is no look."""
    if not isinstance(value, dict) or value.get("over") != GENERAL:
        return None
    try:
        first, second = map(float, value["sums"])
        words = {int(bucket): float(each) for bucket, each in value["words"].items()}
        structure = tuple(map(float, value["structure"]))
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return None
    whole = len(structure) == len(NAMES) and all(0 <= each < WORDS for each in words)
    finite = all(map(isfinite, (first, second, *structure, *words.values())))
    return Look((first, second), structure, words) if whole and finite else None
