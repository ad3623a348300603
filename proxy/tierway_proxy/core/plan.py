"""Which candidates may serve a request, in which order, and why not the others: a pure function of values.

A rule of the policy decides first, then what the caller pinned by `model` or class header, then the classifier.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, NamedTuple

from tierway_proxy.contract.base import CLASSES, RequestClass
from tierway_proxy.contract.table import Match, Rule
from tierway_proxy.core.able import unable, unfit_now
from tierway_proxy.core.ask import Ask, Examined, declared
from tierway_proxy.core.catalog import Candidate, Catalog, place
from tierway_proxy.core.classify import classify, examine
from tierway_proxy.core.health import Health
from tierway_proxy.core.refusal import Refusal, bad_request, model_not_found, no_candidate, not_allowed

CLASS_HEADER = "X-Tierway-Class"
AUTO = "auto"


class Skipped(NamedTuple):
    """A candidate that will not, or only as a last resort, be tried."""

    key: str
    reason: str


class Plan(NamedTuple):
    """`candidates` in order, of which the first `fit` are in good health; the others are tried when those fail.

    `ask` is an `Ask` when the request has a class, else only what was examined. `output_limit`: the class's, in tokens.
    """

    catalog: Catalog
    ask: Examined
    candidates: tuple[Candidate, ...]
    fit: int
    skipped: tuple[Skipped, ...]
    reason: str
    output_limit: int | None = None

    @property
    def klass(self) -> RequestClass | None:
        return self.ask.klass if isinstance(self.ask, Ask) else None


class _Target(NamedTuple):
    """Who is wanted, before anyone is left out."""

    candidates: tuple[Candidate, ...]
    ask: Examined
    reason: str
    route: RequestClass | None = None


def decide(
    catalog: Catalog, fields: Mapping[str, Any], headers: Mapping[str, str], health: Health, now: float
) -> Plan | Refusal:
    """The plan for a chat-completions body, or the refusal that the caller gets. `headers` ignores case."""
    model = fields.get("model", AUTO)
    if not isinstance(model, str):
        return bad_request("'model' must be a string: 'auto', a tier or a model.", param="model")
    if (unreadable := without_messages(fields)) is not None:
        return unreadable
    target = _target(catalog, model, fields, headers, examine(fields))
    if isinstance(target, Refusal):
        return target
    limit = _class_limit(catalog, target.ask)
    found = _too_much(catalog, target.ask, limit) or _chain(catalog, target, limit, health, now)
    return _counted(found, target.ask) if isinstance(found, Refusal) else found


def without_messages(fields: Mapping[str, Any]) -> Refusal | None:
    """The refusal of a body that has nothing to be classified or answered; None for all others."""
    if isinstance(fields.get("messages"), list) and fields["messages"]:
        return None
    return bad_request("'messages' must be a non-empty list.", param="messages")


def _counted(refusal: Refusal, ask: Examined) -> Refusal:
    """A refusal of a request whose class or pin is known already."""
    klass = ask.klass if isinstance(ask, Ask) else None
    return replace(refusal, klass=klass, pinned=klass is None)


def _target(
    catalog: Catalog, model: str, fields: Mapping[str, Any], headers: Mapping[str, str], seen: Examined
) -> _Target | Refusal:
    for rule in catalog.table.rules:
        if _matches(rule.match, model, headers, seen):
            return _by_rule(catalog, rule, seen)
    if model not in (AUTO, ""):
        pinned = _by_name(catalog, model, seen)
        if pinned is not None:
            return pinned
        if catalog.table.unknown_models == "Reject":
            return model_not_found(model, catalog.table.policy, catalog.disabled(model))
    hint = headers.get(CLASS_HEADER)
    return _by_class(catalog, _classified(catalog, fields, seen) if hint is None else _hinted(catalog, hint, seen))


def _by_rule(catalog: Catalog, rule: Rule, seen: Examined) -> _Target:
    reason, use = f"rule {rule.name}", rule.use
    if use.request_class is not None:
        ask = declared(seen, use.request_class, reason)
        return _Target(catalog.routes[use.request_class], ask, reason, use.request_class)
    if use.model is not None:
        return _Target(catalog.of_model(use.model, use.tier), seen, reason)
    return _Target(catalog.of_tier(use.tier or ""), seen, reason)


def _by_name(catalog: Catalog, name: str, seen: Examined) -> _Target | Refusal | None:
    """What `model` pins, model names before tier names; None when it names neither."""
    pins, found = catalog.table.pins, catalog.of_model(name)
    if found:
        return _Target(found, seen, f"pinned to model {name}") if pins.model else _pin_denied("model", name)
    tier = catalog.tier_named(name)
    if tier is None or not catalog.of_tier(tier):
        return None
    return _Target(catalog.of_tier(tier), seen, f"pinned to tier {tier}") if pins.tier else _pin_denied("tier", name)


def _pin_denied(what: str, name: str) -> Refusal:
    return not_allowed(
        f"This routing policy does not let callers choose the {what} ({name!r}): send model 'auto'.", "model"
    )


def _classified(catalog: Catalog, fields: Mapping[str, Any], seen: Examined) -> Ask:
    return classify(fields, seen, catalog.table.classifier)


def _hinted(catalog: Catalog, hint: str, seen: Examined) -> Ask | Refusal:
    klass = next((each for each in CLASSES if each.lower() == hint.strip().lower()), None)
    if klass is None:
        return bad_request(
            f"{CLASS_HEADER} must be one of {', '.join(CLASSES)}, not {hint[:40]!r}.", param=CLASS_HEADER
        )
    if not catalog.table.pins.request_class:
        return not_allowed(
            f"This routing policy does not let callers choose the class: leave {CLASS_HEADER} out.", CLASS_HEADER
        )
    return declared(seen, klass, f"the caller's {CLASS_HEADER}")


def _by_class(catalog: Catalog, ask: Ask | Refusal) -> _Target | Refusal:
    if isinstance(ask, Refusal):
        return ask
    return _Target(catalog.routes[ask.klass], ask, f"{ask.klass}: {ask.reasons[0]}", ask.klass)


def _matches(match: Match, model: str, headers: Mapping[str, str], seen: Examined) -> bool:
    return (
        (not match.models or model in match.models)
        and (match.tools is None or match.tools == seen.tools)
        and (match.images is None or match.images == seen.images)
        and (match.min_input_tokens is None or seen.input_tokens >= match.min_input_tokens)
        and (match.max_input_tokens is None or seen.input_tokens <= match.max_input_tokens)
        and all(
            _header_matches(headers.get(each.name), each.value, expression=each.regular_expression)
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


def _class_limit(catalog: Catalog, ask: Examined) -> int | None:
    return catalog.table.routes[ask.klass].max_output_tokens if isinstance(ask, Ask) else None


def _too_much(catalog: Catalog, ask: Examined, limit: int | None) -> Refusal | None:
    if catalog.table.output_limit == "Reject" and limit is not None and (ask.output_tokens or 0) > limit:
        message = f"This request asks for {ask.output_tokens} output tokens; the policy allows {limit} for its class."
        return bad_request(message, "output_limit_exceeded", "max_tokens")
    return None


def _chain(
    catalog: Catalog,
    target: _Target,
    limit: int | None,
    health: Health,
    now: float,
    before: tuple[Skipped, ...] = (),
) -> Plan | Refusal:
    """`before`: whom the routes of easier classes would have had."""
    fit: list[Candidate] = []
    unfit: list[Candidate] = []
    skipped: list[Skipped] = []
    for each in target.candidates:
        reason = unable(each, target.ask, limit)
        if reason is None:
            reason = unfit_now(each, health, now)
            (fit if reason is None else unfit).append(each)
        if reason is not None:
            skipped.append(Skipped(each.key, reason))
    if not fit and not unfit:
        harder = _harder(catalog, target) if skipped else None
        if harder is None:
            return _nobody(catalog, target, skipped)
        return _chain(catalog, harder, limit, health, now, _joined(before, target, skipped))
    return Plan(catalog, target.ask, (*fit, *unfit), len(fit), _joined(before, target, skipped), target.reason, limit)


def _joined(before: tuple[Skipped, ...], target: _Target, skipped: list[Skipped]) -> tuple[Skipped, ...]:
    """All who were passed over, each once: what a harder route says of one counts."""
    here = {each.key for each in target.candidates} if before else ()
    return (*(each for each in before if each.key not in here), *skipped)


def _harder(catalog: Catalog, target: _Target) -> _Target | None:
    """The route of the next harder class: where a request goes that no model of its class's route can serve at all."""
    following = CLASSES[CLASSES.index(target.route) + 1 :] if target.route is not None else ()
    if not following:
        return None
    reason = f"{target.reason}; no model of the {target.route} route can serve it, so {following[0]}'s"
    return target._replace(candidates=catalog.routes[following[0]], reason=reason, route=following[0])


def _nobody(catalog: Catalog, target: _Target, skipped: list[Skipped]) -> Refusal:
    if skipped:
        reasons = "; ".join(sorted({f"{place(each.key).model} {each.reason}" for each in skipped}))
        return bad_request(f"No model of this route can serve the request: {reasons}.", "no_capable_model")
    klass = target.ask.klass if isinstance(target.ask, Ask) else None
    sentences = catalog.gone.get(klass, ()) if klass is not None else ()
    said = " ".join(sentences) or "None of its tiers has a model that takes requests."
    return no_candidate(
        f"Routing policy {catalog.table.policy!r} has no candidate for this request ({target.reason}). {said}"
    )
