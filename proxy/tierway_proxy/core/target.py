"""Who is wanted for a request, before anyone is left out: a pure function of values.

A rule of the policy decides first, then what the caller pinned by `model` or class header, then the classifier.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from tierway_proxy.contract.base import CLASSES, RequestClass
from tierway_proxy.contract.table import Match, Pins, Rule
from tierway_proxy.core.ask import Ask, Examined, declared
from tierway_proxy.core.caller import Caller
from tierway_proxy.core.catalog import Candidate, Catalog
from tierway_proxy.core.classify import classify
from tierway_proxy.core.refusal import Refusal, bad_request, model_not_found, not_allowed

CLASS_HEADER = "X-Tierway-Class"
AUTO = "auto"


class Target(NamedTuple):
    """`route`: the class whose route this is."""

    candidates: tuple[Candidate, ...]
    ask: Examined
    reason: str
    route: RequestClass | None = None


class Request(NamedTuple):
    """What a target is found by. `headers` ignores case; `caller` None: nobody was asked who they are."""

    model: str
    fields: Mapping[str, Any]
    headers: Mapping[str, str]
    caller: Caller | None
    seen: Examined


def wanted(catalog: Catalog, request: Request) -> Target | Refusal:
    """The candidates in the order of the policy, or the refusal that the caller gets."""
    for rule in catalog.table.rules:
        if _matches(rule.match, request):
            return _by_rule(catalog, rule, request.seen)
    if request.model not in (AUTO, ""):
        pinned = _by_name(catalog, request)
        if pinned is not None:
            return pinned
        if catalog.table.unknown_models == "Reject":
            return model_not_found(request.model, catalog.table.policy, catalog.disabled(request.model))
    hint = request.headers.get(CLASS_HEADER)
    return _by_class(catalog, _classified(catalog, request) if hint is None else _hinted(catalog, hint, request))


def _by_rule(catalog: Catalog, rule: Rule, seen: Examined) -> Target:
    reason, use = f"rule {rule.name}", rule.use
    if use.request_class is not None:
        ask = declared(seen, use.request_class, reason)
        return Target(catalog.routes[use.request_class], ask, reason, use.request_class)
    if use.model is not None:
        return Target(catalog.of_model(use.model, use.tier), seen, reason)
    return Target(catalog.of_tier(use.tier or ""), seen, reason)


def _by_name(catalog: Catalog, request: Request) -> Target | Refusal | None:
    """What `model` pins, model names before tier names; None when it names neither."""
    pins, name, found = catalog.table.pins, request.model, catalog.of_model(request.model)
    if found:
        denied = _denied(pins, f"the model ({name!r})", request.caller, allowed=pins.model)
        return Target(found, request.seen, f"pinned to model {name}") if denied is None else _pin_denied(denied)
    tier = catalog.tier_named(name)
    if tier is None or not catalog.of_tier(tier):
        return None
    denied = _denied(pins, f"the tier ({name!r})", request.caller, allowed=pins.tier)
    return (
        Target(catalog.of_tier(tier), request.seen, f"pinned to tier {tier}") if denied is None else _pin_denied(denied)
    )


def _denied(pins: Pins, what: str, caller: Caller | None, *, allowed: bool) -> str | None:
    """Why this caller may not choose that; None when they may."""
    if not allowed:
        return f"This routing policy does not let callers choose {what}"
    if not (pins.callers or pins.namespaces) or (caller is not None and caller.among(pins.callers, pins.namespaces)):
        return None
    who = "a caller whom nobody authenticates" if caller is None else f"caller {caller.name!r}"
    return f"This routing policy does not let {who} choose {what}"


def _pin_denied(denied: str) -> Refusal:
    return not_allowed(f"{denied}: send model 'auto'.", "model")


def _classified(catalog: Catalog, request: Request) -> Ask:
    return classify(request.fields, request.seen, catalog.table.classifier)


def _hinted(catalog: Catalog, hint: str, request: Request) -> Ask | Refusal:
    klass = next((each for each in CLASSES if each.lower() == hint.strip().lower()), None)
    if klass is None:
        return bad_request(
            f"{CLASS_HEADER} must be one of {', '.join(CLASSES)}, not {hint[:40]!r}.", param=CLASS_HEADER
        )
    pins = catalog.table.pins
    denied = _denied(pins, "the class", request.caller, allowed=pins.request_class)
    if denied is not None:
        return not_allowed(f"{denied}: leave {CLASS_HEADER} out.", CLASS_HEADER)
    return declared(request.seen, klass, f"the caller's {CLASS_HEADER}")


def _by_class(catalog: Catalog, ask: Ask | Refusal) -> Target | Refusal:
    if isinstance(ask, Refusal):
        return ask
    return Target(catalog.routes[ask.klass], ask, f"{ask.klass}: {ask.reasons[0]}", ask.klass)


def _matches(match: Match, request: Request) -> bool:
    seen, caller = request.seen, request.caller
    return (
        (not match.models or request.model in match.models)
        and (not match.callers or (caller is not None and caller.name in match.callers))
        and (not match.namespaces or (caller is not None and caller.namespace in match.namespaces))
        and (match.tools is None or match.tools == seen.tools)
        and (match.images is None or match.images == seen.images)
        and (match.min_input_tokens is None or seen.input_tokens >= match.min_input_tokens)
        and (match.max_input_tokens is None or seen.input_tokens <= match.max_input_tokens)
        and all(
            _header_matches(request.headers.get(each.name), each.value, expression=each.regular_expression)
            for each in match.headers
        )
    )


def _header_matches(value: str | None, wanted: str, *, expression: bool) -> bool:
    if value is None:
        return False
    return _compiled(wanted).fullmatch(value) is not None if expression else value == wanted


@lru_cache(maxsize=1024)
def _compiled(expression: str) -> re.Pattern[str]:
    return re.compile(expression)
