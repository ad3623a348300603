"""An explanation for machines: what `POST …/v1/route` answers, with the model, the boundaries and the costs."""

from decimal import Decimal
from typing import Any

from tierway_cli.explain.explanation import UNNAMED, Explanation, by_preset
from tierway_cli.explain.model import boundaries, model_name, weights
from tierway_cli.explain.offers import Offer
from tierway_operator.amounts import PICO
from tierway_proxy.contract.base import CLASSES
from tierway_proxy.core.explained import explained


def as_json(found: Explanation) -> dict[str, Any]:
    """`line` is that of a file with several requests."""
    line = {} if found.request.line is None else {"line": found.request.line}
    classifier = {"classifier": _classifier(found)}
    if found.decision is None:
        presets = {preset: ask.klass for preset, ask in by_preset(found.request, found.options).items()}
        return {**line, **classifier, "presets": presets, "input_tokens": found.ask.input_tokens}
    assumed = {"output_tokens": found.assumed.output_tokens, "said_by": found.assumed.source}
    said = {"policy": found.policy, **explained(found.decision, found.caller, UNNAMED), **classifier}
    return {**line, **said, "assumed": assumed, "costs": [*map(_offer, found.offers)]}


def _classifier(found: Explanation) -> dict[str, Any]:
    """What the classifier says, also where a rule, a header or a pin decides."""
    ask, least, own = found.ask, boundaries(found.options), found.options.model
    return {
        "class": ask.klass,
        "confidence": ask.confidence,
        "probabilities": dict(zip(CLASSES, ask.probabilities, strict=True)),
        "reasons": list(ask.reasons),
        "model": model_name(found.options),
        "weights": weights(found.options),
        "labels": None if own is None else own.labels,
        "preset": least.preset,
        "boundaries": {"moderate": least.moderate, "complex": least.complex},
        "on_uncertain": found.options.on_uncertain,
        "decides": not found.decided_otherwise,
    }


def _offer(offer: Offer) -> dict[str, Any]:
    return {
        "turn": offer.turn,
        "tier": offer.tier,
        "model": offer.model,
        "providers": list(offer.providers),
        "output_tokens": offer.output_tokens,
        "cost_usd": f"{Decimal(offer.cost) / PICO:f}",
        "why": offer.why or None,
    }
