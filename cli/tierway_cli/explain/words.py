"""An explanation for people: what is said of one request, and a line for each of many."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

from tierway_cli.explain.explanation import Explanation, by_preset
from tierway_cli.explain.model import boundaries, model_name, weights
from tierway_cli.explain.offers import Offer
from tierway_cli.table import aligned
from tierway_operator.amounts import PICO
from tierway_proxy.contract.base import CLASSES
from tierway_proxy.contract.table import Classifier
from tierway_proxy.core.plan import Plan
from tierway_proxy.core.refusal import Refusal

_FIGURES = 2
_SAID_BY = {
    "request": "the request's limit, so at most that",
    "option": "as told",
    "default": "assumed: the request sets no max_tokens",
}


def of_one(found: Explanation) -> str:
    facts = [*_class(found), *_classifier(found)]
    if found.decision is None:
        facts.append(("Tokens", f"about {found.ask.input_tokens} in"))
        return f"{_facts(facts)}\n{_presets(found)}"
    facts += [*_decision(found), ("Tokens", _tokens(found))]
    return f"{_facts(facts)}\n{_offers(found.offers)}"


def of_many(found: Sequence[Explanation]) -> str:
    """A line for each, and the sum of it."""
    with_costs = any(each.decision is not None for each in found)
    costs = [each.sent.cost for each in found if each.sent is not None]
    decimals = _decimals(costs)
    head = ["LINE", "CLASS", *(klass.upper() for klass in CLASSES)]
    rows = [[*head, *(["SENT-TO", "COST"] if with_costs else []), "REASON"]]
    for each in found:
        line = [str(each.request.line), _klass(each) or "-", *(f"{share:.2f}" for share in each.ask.probabilities)]
        rows.append([*line, *(_sent(each, decimals) if with_costs else []), _reason(each)])
    spent = f"; {dollars(sum(costs), decimals)} for {len(costs)} of them" if with_costs else ""
    return f"{aligned(rows)}\n{_classes(found)}{spent}\n"


def _facts(facts: Sequence[tuple[str, str]]) -> str:
    width = max(len(name) for name, _ in facts) + 3
    return "".join(f"{f'{name}:' if name else '':{width}}{text}\n" for name, text in facts)


def _class(found: Explanation) -> Iterator[tuple[str, str]]:
    ask = found.ask
    if found.decided_otherwise:
        yield "Class", f"{_klass(found) or 'none'}; the classifier, which is not asked, would say {ask.klass}"
    else:
        yield "Class", f"{ask.klass}, confidence {ask.confidence:.2f}"
    yield (
        "Probability",
        ", ".join(f"{klass} {share:.2f}" for klass, share in zip(CLASSES, ask.probabilities, strict=True)),
    )
    for number, reason in enumerate(ask.reasons):
        yield "" if number else "Reasons", reason


def _klass(found: Explanation) -> str | None:
    """The class that the request is routed by; None where it, or a rule, names a tier or a model."""
    return found.decision.klass if isinstance(found.decision, Plan) else found.ask.klass


def _classifier(found: Explanation) -> Iterator[tuple[str, str]]:
    options = found.options
    least, own = boundaries(options), options.model
    name = "general" if own is None else f"{model_name(options)}, the policy's own of {own.labels} labels, over"
    yield "Model", f"{name} ({weights(options)})" if own is None else f"{name} {weights(options)}"
    whose = f"{least.preset}:" if least.preset else "the policy's own:"
    uncertain = "the higher class when uncertain" if options.on_uncertain == "Promote" else "as classified"
    shares = f"more than Simple from {least.moderate:.2f}, Complex from {least.complex:.2f}"
    yield "Boundaries", f"{whose} {shares}; {uncertain}"


def _decision(found: Explanation) -> Iterator[tuple[str, str]]:
    yield "Policy", str(found.policy)
    if isinstance(found.decision, Refusal):
        yield "Refused", f"{found.decision.status} {found.decision.code}: {found.decision.message}"
    elif found.decision is not None:
        yield "Decision", found.decision.reason
    if found.note is not None:
        yield "Callers", found.note


def _tokens(found: Explanation) -> str:
    output = f"{found.assumed.output_tokens} out ({_SAID_BY[found.assumed.source]})"
    return f"about {found.ask.input_tokens} in, none of them cached; {output}"


def _presets(found: Explanation) -> str:
    rows = [["PRESET", "CLASS", "MODERATE-FROM", "COMPLEX-FROM"]]
    for preset, ask in by_preset(found.request, found.options).items():
        least = boundaries(Classifier(preset=preset))
        rows.append([preset, ask.klass, f"{least.moderate:.2f}", f"{least.complex:.2f}"])
    return aligned(rows)


def _offers(offers: Sequence[Offer]) -> str:
    decimals = _decimals(each.cost for each in offers)
    rows = [["TURN", "TIER", "MODEL", "PROVIDERS", "OUT", "COST", "WHY"]]
    for each in offers:
        why = each.why or {1: "sent here", None: ""}.get(each.turn, "when those before it fail")
        who = [_turn(each), each.tier, each.model, ", ".join(each.providers)]
        rows.append([*who, str(each.output_tokens), dollars(each.cost, decimals), why])
    return aligned(rows)


def _turn(offer: Offer) -> str:
    """Return the places of its providers in the chain: `1`, `3-4`, `-` when it is not tried."""
    if offer.turn is None:
        return "-"
    last = offer.turn + len(offer.providers) - 1
    return str(offer.turn) if last == offer.turn else f"{offer.turn}-{last}"


def _sent(found: Explanation, decimals: int) -> list[str]:
    sent = found.sent
    if sent is None:
        return [f"refused ({found.decision.code})" if isinstance(found.decision, Refusal) else "-", "-"]
    return [f"{sent.tier}/{sent.model}", dollars(sent.cost, decimals)]


def _reason(found: Explanation) -> str:
    if isinstance(found.decision, Plan) and found.decided_otherwise:
        return found.decision.reason
    return found.ask.reasons[0]


def _classes(found: Sequence[Explanation]) -> str:
    classes = Counter(map(_klass, found))
    told = [f"{klass or 'without a class'} {classes[klass]}" for klass in (*CLASSES, None) if classes[klass]]
    return f"{len(found)} requests: {', '.join(told)}"


def dollars(pico: int, decimals: int) -> str:
    return f"${Decimal(pico) / PICO:.{decimals}f}"


def _decimals(costs: Iterable[int]) -> int:
    """Return how many decimals show the least of some costs in two figures: a column is read by its decimal points."""
    least = min((cost for cost in costs if cost), default=PICO)
    return max(2, _FIGURES - 1 - (Decimal(least) / PICO).adjusted())
