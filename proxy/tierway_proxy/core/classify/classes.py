"""From a body to its class: features, weighed; two probabilities and two boundaries."""

from collections.abc import Mapping
from typing import Any, Final

from tierway_proxy.contract.base import RequestClass
from tierway_proxy.contract.table import Classifier, Preset
from tierway_proxy.core.ask import Ask, Examined, ask_for
from tierway_proxy.core.classify.conversation import Conversation, conversation
from tierway_proxy.core.classify.features import features_of
from tierway_proxy.core.classify.judge import Judge, Judgement, judge, judged, probabilities
from tierway_proxy.core.classify.reasons import reasons

BOUNDARIES: Final[dict[Preset, tuple[float, float]]] = {
    "Balanced": (0.56, 0.40),
    "Safe": (0.43, 0.24),
    "Thrifty": (0.60, 0.60),
}
"""The least probability of being more than Simple, and of being Complex, from which a request is taken to be so."""

UNCERTAIN: Final = 0.03
"""A request this near below the boundary of a higher class is uncertain whether it belongs there."""

_DEFAULT: Final = Classifier()

Odds = tuple[float, float, float]


def classify(body: Mapping[str, Any], examined: Examined, options: Classifier = _DEFAULT) -> Ask:
    """Find the class of a request; never raises, whatever the values in the body are."""
    said, by = conversation(body), judge(options.model)
    judgement = judged(by, features_of(said, body, examined))
    accepted = _accepted(said, body, examined, by)
    inherits = accepted is not None and sum(accepted.sums) > sum(judgement.sums)
    if accepted is not None and inherits:
        judgement = accepted
    odds = probabilities(judgement.sums)
    margin = UNCERTAIN if options.on_uncertain == "Promote" else 0.0
    klass = _class(odds, _least(options), margin)
    why = reasons(klass, by, judgement)
    if inherits:
        why.insert(0, "a short reply, as hard as what it accepts")
    if margin and klass != _class(odds, _least(options), 0.0):
        why.append("near the boundary, so the higher class")
    return ask_for(examined, klass, odds, *why)


def _accepted(said: Conversation, body: Mapping[str, Any], examined: Examined, by: Judge) -> Judgement | None:
    """Judge what the ask accepts, as if it had been asked; the hardest of it."""
    texts = (Conversation(ask=text, system=said.system, turns=1) for text in said.accepted)
    return max(
        (judged(by, features_of(each, body, examined)) for each in texts), key=lambda each: sum(each.sums), default=None
    )


def _least(options: Classifier) -> tuple[float, float]:
    """Where a policy puts its boundaries: where it says itself, else where its preset does."""
    if options.boundaries is None:
        return BOUNDARIES[options.preset]
    return options.boundaries.moderate_percent / 100, options.boundaries.complex_percent / 100


def _class(odds: Odds, least: tuple[float, float], margin: float) -> RequestClass:
    simple, _, complex_ = odds
    if complex_ >= least[1] - margin:
        return "Complex"
    return "Moderate" if 1 - simple >= least[0] - margin else "Simple"
