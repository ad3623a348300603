"""One RoutingPolicy and its tiers' data as a route table. Defaults that may change one day are applied here."""

import re
from collections.abc import Iterator, Mapping

from tierway_operator.compiler.references import tier_key
from tierway_operator.conditions import INVALID, Problem
from tierway_operator.resources import RoutingPolicy, defaults
from tierway_operator.resources import routing as spec_of
from tierway_proxy.contract.own_model import OwnModel
from tierway_proxy.contract.table import (
    Baseline,
    Boundaries,
    Choice,
    Classifier,
    Fallback,
    HeaderMatch,
    Match,
    Pins,
    Route,
    RouteTable,
    Rule,
    Streaming,
    Tier,
    Use,
)


def expression_problems(policy: RoutingPolicy) -> Iterator[Problem]:
    """Yield regular expressions that RE2 knows and the proxies' engine does not."""
    for index, rule in enumerate(policy.spec.rules or ()):
        for header in rule.match.headers or ():
            try:
                re.compile(header.value if header.type == "RegularExpression" else "")
            except re.error as error:
                path = f"spec.rules[{index}].match.headers[{header.name}].value"
                yield Problem(INVALID, f"{path}: this regular expression cannot be used: {error}; write it otherwise.")


def route_table(policy: RoutingPolicy, tiers: Mapping[str, Tier], model: OwnModel | None = None) -> RouteTable:
    """`tiers` has the data of every tier that the policy names; `model` is its classifier's own."""
    spec = policy.spec
    limit = spec.output_limit and spec.output_limit.on_exceeded
    return RouteTable(
        policy=f"{policy.metadata.namespace}/{policy.metadata.name}",
        generation=policy.metadata.generation,
        tiers=dict(tiers),
        routes={each.class_: _route(each, policy) for each in spec.routes},
        rules=tuple(_rule(each, policy) for each in spec.rules or ()),
        pins=_pins(spec.pins or spec_of.Pins()),
        unknown_models=spec.unknown_models or defaults.UNKNOWN_MODELS,
        classifier=_classifier(spec.classifier or spec_of.Classifier(), model),
        fallback=_fallback(spec.fallback or spec_of.Fallback()),
        streaming=_streaming(spec.streaming or spec_of.Streaming()),
        output_limit=limit or defaults.ON_OUTPUT_LIMIT_EXCEEDED,
        baseline=None if spec.baseline is None else _baseline(spec.baseline, policy, tiers),
    )


def _route(spec: spec_of.Route, policy: RoutingPolicy) -> Route:
    choices = (Choice(tier=tier_key(each.tier_ref, policy), models=each.models or ()) for each in spec.candidates)
    return Route(candidates=tuple(choices), max_output_tokens=spec.max_output_tokens)


def _rule(spec: spec_of.RoutingRule, policy: RoutingPolicy) -> Rule:
    tier = None if spec.use.tier_ref is None else tier_key(spec.use.tier_ref, policy)
    use = Use(request_class=spec.use.class_, tier=tier, model=spec.use.model)
    return Rule(name=spec.name, match=_match(spec.match), use=use)


def _match(spec: spec_of.Match) -> Match:
    length = spec.input_tokens or spec_of.InputTokens()
    return Match(
        headers=tuple(
            HeaderMatch(name=each.name, value=each.value, regular_expression=each.type == "RegularExpression")
            for each in spec.headers or ()
        ),
        callers=spec.callers or (),
        namespaces=spec.namespaces or (),
        models=spec.models or (),
        tools=spec.tools,
        images=spec.images,
        min_input_tokens=length.min,
        max_input_tokens=length.max,
    )


def _pins(spec: spec_of.Pins) -> Pins:
    allowed = {
        "request_class": spec.class_,
        "tier": spec.tier,
        "model": spec.model,
    }
    return Pins(
        **{what: (pin or defaults.PIN) == "Allow" for what, pin in allowed.items()},
        callers=spec.callers or (),
        namespaces=spec.namespaces or (),
    )


def _classifier(spec: spec_of.Classifier, model: OwnModel | None) -> Classifier:
    return Classifier(
        preset=spec.preset or defaults.CLASSIFIER_PRESET,
        boundaries=None if spec.boundaries is None else _boundaries(spec.boundaries),
        on_uncertain=spec.on_uncertain or defaults.ON_UNCERTAIN,
        model=model,
        model_name=spec.model_ref.name if spec.model_ref else None,
    )


def _boundaries(spec: spec_of.Boundaries) -> Boundaries:
    return Boundaries(moderate_percent=spec.moderate_percent, complex_percent=spec.complex_percent)


def _fallback(spec: spec_of.Fallback) -> Fallback:
    delay = spec.delay_milliseconds
    return Fallback(
        max_attempts=spec.max_attempts, delay_ms=defaults.FALLBACK_DELAY_MILLISECONDS if delay is None else delay
    )


def _streaming(spec: spec_of.Streaming) -> Streaming:
    return Streaming(
        upstream=spec.upstream or defaults.UPSTREAM_STREAMING,
        first_token_timeout_ms=spec.first_token_timeout_milliseconds or defaults.FIRST_TOKEN_TIMEOUT_MILLISECONDS,
        stall_ms=spec.stall_milliseconds or defaults.STALL_MILLISECONDS,
        buffer_bytes=spec.buffer_bytes or defaults.BUFFER_BYTES,
    )


def _baseline(spec: spec_of.Baseline, policy: RoutingPolicy, tiers: Mapping[str, Tier]) -> Baseline:
    key = tier_key(spec.tier_ref, policy)
    return Baseline(tier=key, model=spec.model or _cheapest(tiers[key]))


def _cheapest(tier: Tier) -> str:
    """Return the model with the cheapest output, so that savings are never overstated; the first of equals."""

    def price(place: int) -> tuple[int, int]:
        return min((each.price.output, each.price.input) for each in tier.models[place].endpoints)

    return tier.models[min(range(len(tier.models)), key=price)].name
