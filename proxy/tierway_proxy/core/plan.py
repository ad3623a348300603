"""Which candidates may serve a request, in which order, and why not the others: a pure function of values.

`target` says who is wanted; here those are left out, or put last, that cannot serve the request now.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from tierway_proxy.contract.base import CLASSES, RequestClass
from tierway_proxy.core.able import output_limit, unable, unfit_now
from tierway_proxy.core.ask import Ask, Examined
from tierway_proxy.core.caller import Caller
from tierway_proxy.core.catalog import Candidate, Catalog, place
from tierway_proxy.core.classify import examine
from tierway_proxy.core.health import Health
from tierway_proxy.core.refusal import Refusal, bad_request, no_candidate
from tierway_proxy.core.target import AUTO, Request, Target, wanted


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


def decide(
    catalog: Catalog,
    fields: Mapping[str, Any],
    headers: Mapping[str, str],
    health: Health,
    now: float,
    caller: Caller | None = None,
) -> Plan | Refusal:
    """The plan for a chat-completions body, or the refusal that the caller gets. `headers` ignores case.

    `caller` None: nobody was asked who they are.
    """
    model = fields.get("model", AUTO)
    if not isinstance(model, str):
        return bad_request("'model' must be a string: 'auto', a tier or a model.", param="model")
    if (unreadable := without_messages(fields)) is not None:
        return unreadable
    target = wanted(catalog, Request(model, fields, headers, caller, examine(fields)))
    if isinstance(target, Refusal):
        return target
    limit = _class_limit(catalog, target.ask)
    found = _chain(catalog, target, limit, health, now)
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


def _class_limit(catalog: Catalog, ask: Examined) -> int | None:
    return catalog.table.routes[ask.klass].max_output_tokens if isinstance(ask, Ask) else None


def _too_much(ask: Examined, most: int) -> Refusal:
    message = f"This request asks for {ask.output_tokens} output tokens; the policy allows {most}, by class and model."
    return bad_request(message, "output_limit_exceeded", "max_tokens")


def _refused_above(catalog: Catalog, candidate: Candidate, ask: Examined, limit: int | None) -> int | None:
    """The limit of a candidate that must not clamp and is asked for more; None: it gives what is asked, or clamps."""
    most = output_limit(candidate, limit) if catalog.table.output_limit == "Reject" else None
    return most if most is not None and (ask.output_tokens or 0) > most else None


def _chain(
    catalog: Catalog,
    target: Target,
    limit: int | None,
    health: Health,
    now: float,
    before: tuple[Skipped, ...] = (),
) -> Plan | Refusal:
    """`before`: whom the routes of easier classes would have had."""
    fit: list[Candidate] = []
    unfit: list[Candidate] = []
    skipped: list[Skipped] = []
    short: list[int] = []  # the limits of those who would serve it if it asked for less
    for each in target.candidates:
        if (reason := unable(each, target.ask, limit)) is None:
            if (most := _refused_above(catalog, each, target.ask, limit)) is not None:
                reason = f"gives at most {most} output tokens"
                short.append(most)
            else:
                reason = unfit_now(each, health, now)
                (fit if reason is None else unfit).append(each)
        if reason is not None:
            skipped.append(Skipped(each.key, reason))
    if not fit and not unfit:
        if short:
            return _too_much(target.ask, max(short))
        harder = _harder(catalog, target) if skipped else None
        if harder is None:
            return _nobody(catalog, target, skipped)
        return _chain(catalog, harder, limit, health, now, _joined(before, target, skipped))
    return Plan(catalog, target.ask, (*fit, *unfit), len(fit), _joined(before, target, skipped), target.reason, limit)


def _joined(before: tuple[Skipped, ...], target: Target, skipped: list[Skipped]) -> tuple[Skipped, ...]:
    """All who were passed over, each once: what a harder route says of one counts."""
    here = {each.key for each in target.candidates} if before else ()
    return (*(each for each in before if each.key not in here), *skipped)


def _harder(catalog: Catalog, target: Target) -> Target | None:
    """The route of the next harder class: where a request goes that no model of its class's route can serve at all."""
    following = CLASSES[CLASSES.index(target.route) + 1 :] if target.route is not None else ()
    if not following:
        return None
    reason = f"{target.reason}; no model of the {target.route} route can serve it, so {following[0]}'s"
    return target._replace(candidates=catalog.routes[following[0]], reason=reason, route=following[0])


def _nobody(catalog: Catalog, target: Target, skipped: list[Skipped]) -> Refusal:
    if skipped:
        reasons = "; ".join(sorted({f"{place(each.key).model} {each.reason}" for each in skipped}))
        return bad_request(f"No model of this route can serve the request: {reasons}.", "no_capable_model")
    klass = target.ask.klass if isinstance(target.ask, Ask) else None
    sentences = catalog.gone.get(klass, ()) if klass is not None else ()
    said = " ".join(sentences) or "None of its tiers has a model that takes requests."
    return no_candidate(
        f"Routing policy {catalog.table.policy!r} has no candidate for this request ({target.reason}). {said}"
    )
