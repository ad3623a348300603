"""From a body to its class: signals of structure, weighed and summed; two sums and two boundaries give the class."""

from collections.abc import Mapping
from math import exp, log2
from operator import mul, neg
from typing import Any, Final, NamedTuple

from tierway_proxy.contract.base import RequestClass
from tierway_proxy.contract.table import Classifier, Preset
from tierway_proxy.core.ask import Ask, Examined, ask_for
from tierway_proxy.core.classify.conversation import Asked, asked
from tierway_proxy.core.classify.signals import Signals, signals
from tierway_proxy.core.classify.weights import BIAS, OF_CIRCUMSTANCES, OF_SIGNALS

BOUNDARIES: Final[dict[Preset, tuple[float, float]]] = {
    "Balanced": (0.5, 0.53),
    "Safe": (0.4, 0.38),
    "Thrifty": (0.56, 0.68),
}
"""The least probability of being more than Simple, and of being Complex, from which a request is taken to be so."""

UNCERTAIN: Final = 0.03
"""A request this near below the boundary of the next class is uncertain."""

BRIEF_TOKENS: Final = 64
"""An answer of so many tokens holds a label, a figure or a sentence."""

_DEFAULT: Final = Classifier()
_REASONS: Final = 3
_MANY_TOOLS: Final = 16

_TEXT_MODERATE: Final = tuple(weight.moderate for weight in OF_SIGNALS.values())
_TEXT_COMPLEX: Final = tuple(weight.complex for weight in OF_SIGNALS.values())
_AROUND_MODERATE: Final = tuple(weight.moderate for weight in OF_CIRCUMSTANCES.values())
_AROUND_COMPLEX: Final = tuple(weight.complex for weight in OF_CIRCUMSTANCES.values())
_ALL_MODERATE: Final = _TEXT_MODERATE + _AROUND_MODERATE
_ALL_COMPLEX: Final = _TEXT_COMPLEX + _AROUND_COMPLEX
_WORDS: Final = tuple(weight.words for weight in (*OF_SIGNALS.values(), *OF_CIRCUMSTANCES.values()))


class Circumstances(NamedTuple):
    """Of the request rather than of its text, 0 (absent) to 1 (strong)."""

    tools: float
    many_tools: float
    images: float
    schema: float
    reasoning: float
    brief: float


class Lean(NamedTuple):
    """Where a text leans, in log-odds, the signals that make it so, and whether it leans on what it replies to."""

    moderate: float
    complex: float
    because: Signals
    replies: bool = False


def classify(body: Mapping[str, Any], examined: Examined, options: Classifier = _DEFAULT) -> Ask:
    """Find the class of a request by its structure; never raises, whatever the values in the body are."""
    lean = _lean(asked(body))
    around = _circumstances(body, examined)
    more_than_simple = _probability(BIAS.moderate + lean.moderate + sum(map(mul, around, _AROUND_MODERATE)))
    complex_ = min(more_than_simple, _probability(BIAS.complex + lean.complex + sum(map(mul, around, _AROUND_COMPLEX))))
    least = _least(options)
    margin = UNCERTAIN if options.on_uncertain == "Promote" else 0.0
    klass = _class(more_than_simple, complex_, least, margin)
    reasons = _reasons(klass, lean.because, around)
    if lean.replies:
        reasons.insert(0, "a short reply, as hard as what it replies to")
    if margin and klass != _class(more_than_simple, complex_, least, 0.0):
        reasons.append("near the boundary, so the higher class")
    return ask_for(examined, klass, (1 - more_than_simple, more_than_simple - complex_, complex_), *reasons)


def _lean(what: Asked) -> Lean:
    own = _lean_of(signals(what.ask))
    if not what.share:
        return own
    taken = [_lean_of(signals(what.request))]
    if what.proposal:
        taken.append(_lean_of(signals(what.proposal, all_asked=True)))
    hardest = max(taken, key=lambda lean: lean.moderate + lean.complex)
    more = max(0.0, hardest.moderate - own.moderate)
    most = max(0.0, hardest.complex - own.complex)
    if not more and not most:
        return own
    return Lean(own.moderate + what.share * more, own.complex + what.share * most, hardest.because, replies=True)


def _lean_of(found: Signals) -> Lean:
    return Lean(sum(map(mul, found, _TEXT_MODERATE)), sum(map(mul, found, _TEXT_COMPLEX)), found)


def _circumstances(body: Mapping[str, Any], examined: Examined) -> Circumstances:
    tools = body.get("tools")
    count = len(tools) if isinstance(tools, list) else 0
    allowed = examined.output_tokens
    return Circumstances(
        tools=float(examined.tools),
        many_tools=min(1.0, log2(count) / log2(_MANY_TOOLS)) if count else 0.0,
        images=float(examined.images),
        schema=float("JSONSchema" in examined.needs),
        reasoning=float(examined.wants_reasoning),
        brief=float(allowed is not None and allowed <= BRIEF_TOKENS),
    )


def _least(options: Classifier) -> tuple[float, float]:
    """Return the boundaries that the policy names; a preset is for who names none."""
    own = options.boundaries
    return BOUNDARIES[options.preset] if own is None else (own.moderate_percent / 100, own.complex_percent / 100)


def _class(more_than_simple: float, complex_: float, least: tuple[float, float], margin: float) -> RequestClass:
    least_more, least_complex = least
    if complex_ >= least_complex - margin:
        return "Complex"
    return "Moderate" if more_than_simple >= least_more - margin else "Simple"


def _reasons(klass: RequestClass, because: Signals, around: Circumstances) -> list[str]:
    """Name the signals that spoke most for the class: of Simple, those that spoke against more."""
    said = list(map(mul, because + around, _ALL_COMPLEX if klass == "Complex" else _ALL_MODERATE))
    if klass == "Simple":
        said = list(map(neg, said))
    strongest = sorted(range(len(said)), key=said.__getitem__, reverse=True)[:_REASONS]
    return [_WORDS[at] for at in strongest if said[at] > 0] or [BIAS.words]


def _probability(log_odds: float) -> float:
    return 1 / (1 + exp(-log_odds))
