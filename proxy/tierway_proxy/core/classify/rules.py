"""From a body to its class: signals of structure, weighed and summed; the sum and two boundaries give the class."""

from collections.abc import Mapping
from math import exp
from typing import Any, Final, Literal

from tierway_proxy.contract.base import CLASSES
from tierway_proxy.core.ask import Ask, Examined, ask_for

Preset = Literal["Balanced", "Safe", "Thrifty"]
OnUncertain = Literal["Promote", "AsClassified"]

_UNCERTAIN: Final = 0.4
_SHIFT: Final[dict[Preset, float]] = {"Balanced": 0.0, "Safe": 0.7, "Thrifty": -0.7}


def classify(
    body: Mapping[str, Any], examined: Examined, preset: Preset = "Balanced", on_uncertain: OnUncertain = "Promote"
) -> Ask:
    """Find the class of a request by its structure; never raises, whatever the values in the body are."""
    score = min(examined.input_tokens, 2000) / 400 + 2 * examined.wants_reasoning + examined.tools - 1 + _SHIFT[preset]
    least_moderate, complex_ = 1 / (1 + exp(-score)), 1 / (1 + exp(2.5 - score))
    probabilities = (1 - least_moderate, least_moderate - complex_, complex_)
    at = max(range(3), key=probabilities.__getitem__)
    if on_uncertain == "Promote" and probabilities[at] < _UNCERTAIN:
        at = min(at + 1, 2)
    return ask_for(examined, CLASSES[at], probabilities, f"about {examined.input_tokens} tokens, {len(body)} fields")
