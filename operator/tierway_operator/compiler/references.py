"""What a policy names, whether it may, and the data that its table carries for each tier that it names.

A reference that is newly bad refuses the edit. One that was good when this generation was published keeps its last
known data in the table, whose bytes so stay as they are; the tier or model leaves through the state instead.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tierway_operator.compiler.own_models import own_model
from tierway_operator.compiler.tiers import TierFacts
from tierway_operator.conditions import (
    MODEL_NOT_FOUND,
    REF_NOT_PERMITTED,
    TIER_NOT_FOUND,
    TIER_NOT_USABLE,
    Problem,
)
from tierway_operator.resources import RoutingPolicy
from tierway_operator.resources.common import TierRef
from tierway_operator.store import ConfigMaps
from tierway_proxy.contract.own_model import OwnModel
from tierway_proxy.contract.table import RouteTable, Tier


@dataclass(frozen=True)
class Reference:
    """A tier that a policy names, and which of its models. `path` says where; `serves`: requests are sent by it."""

    path: str
    tier: str
    models: tuple[str, ...] = ()
    serves: bool = True


@dataclass(frozen=True)
class Resolved:
    """`tiers` as the table carries them, `model` the classifier's own, if it has one.

    `refused`: problems that no older data helps over; `known`: those it does.
    """

    tiers: Mapping[str, Tier]
    model: OwnModel | None = None
    refused: tuple[Problem, ...] = ()
    known: tuple[Problem, ...] = ()


def tier_key(reference: TierRef, policy: RoutingPolicy) -> str:
    return f"{reference.namespace or policy.metadata.namespace}/{reference.name}"


def references(policy: RoutingPolicy) -> Iterator[Reference]:
    spec = policy.spec
    for route in spec.routes:
        for index, candidate in enumerate(route.candidates):
            path = f"spec.routes[{route.class_}].candidates[{index}]"
            yield Reference(path, tier_key(candidate.tier_ref, policy), candidate.models or ())
    for index, rule in enumerate(spec.rules or ()):
        if rule.use.tier_ref is not None:
            yield Reference(f"spec.rules[{index}].use", tier_key(rule.use.tier_ref, policy))
    if spec.baseline is not None:
        models = () if spec.baseline.model is None else (spec.baseline.model,)
        yield Reference("spec.baseline", tier_key(spec.baseline.tier_ref, policy), models, serves=False)


def resolved(
    policy: RoutingPolicy, facts: Mapping[str, TierFacts], maps: ConfigMaps, last: RouteTable | None
) -> Resolved:
    """`last`: the table that is published for this very generation; None when this generation is new."""
    old = {} if last is None else last.tiers
    named = tuple(references(policy))
    problems = {each: _tier_problem(each, policy.metadata.namespace, facts) for each in named}
    tiers = {each.tier: facts[each.tier].data if problem is None else old.get(each.tier)
             for each, problem in problems.items()}  # fmt: skip
    there = {key: tier for key, tier in tiers.items() if tier is not None}
    found = [(problem, each.tier in there) for each, problem in problems.items() if problem is not None]
    for path, key, model in _models(policy, named, there):
        carried = _carried(model, key, there, old)
        found.append((_model_problem(path, key, model, facts), carried is not None))
        there.update(carried or {})
    own = own_model(policy, maps)
    before = None if last is None else last.classifier.model
    if isinstance(own, Problem):
        found.append((own, before is not None))
    return Resolved(
        tiers=there,
        model=before if isinstance(own, Problem) else own,
        refused=tuple(problem for problem, helped in found if not helped),
        # that a tier's newest spec cannot be used is said at the tier, and harms nobody who has older data
        known=tuple(problem for problem, helped in found if helped and problem.reason != TIER_NOT_USABLE),
    )


def _tier_problem(each: Reference, namespace: str, facts: Mapping[str, TierFacts]) -> Problem | None:
    tier = facts.get(each.tier)
    if tier is None:
        message = f"{each.path}: there is no ModelTier {each.tier}; create it, or name another."
        return Problem(TIER_NOT_FOUND, message)
    if tier.permits(namespace) is False:
        message = (
            f"{each.path}: ModelTier {each.tier} does not let policies of namespace {namespace} use it;"
            f" add the namespace to its spec.allowedPolicies, or name another tier."
        )
        return Problem(REF_NOT_PERMITTED, message)
    if tier.data is None:
        return Problem(TIER_NOT_USABLE, f"{each.path}: ModelTier {each.tier} cannot be used: {tier.fault}")
    return None


def _models(
    policy: RoutingPolicy, named: tuple[Reference, ...], tiers: Mapping[str, Tier]
) -> Iterator[tuple[str, str | None, str]]:
    """Yield (path, tier, model) of each named model that is not there; tier None: any tier of a route would do."""
    for each in named:
        for model in each.models if each.tier in tiers else ():
            if not _has(tiers[each.tier], model):
                yield each.path, each.tier, model
    routes = [each.tier for each in named if each.path.startswith("spec.routes") and each.tier in tiers]
    for index, rule in enumerate(policy.spec.rules or ()):
        wanted = rule.use.model
        if wanted is not None and not any(_has(tiers[key], wanted) for key in routes):
            yield f"spec.rules[{index}].use.model", None, wanted


def _has(tier: Tier, model: str) -> bool:
    return any(each.name == model for each in tier.models)


def _model_problem(path: str, tier: str | None, model: str, facts: Mapping[str, TierFacts]) -> Problem:
    if tier is None:
        message = f"{path}: no tier of this policy's routes has a model {model!r}; name another, or route to its tier."
        return Problem(MODEL_NOT_FOUND, message)
    known = facts[tier].states if tier in facts else {}
    message = f"{path}: ModelTier {tier} has no model {model!r}, only {', '.join(known)}; correct the name."
    return Problem(MODEL_NOT_FOUND, message)


def _carried(
    model: str, tier: str | None, tiers: Mapping[str, Tier], old: Mapping[str, Tier]
) -> dict[str, Tier] | None:
    """Return the tiers that change when a model is put back as it was published last; None when it never was."""
    for key in tiers if tier is None else (tier,):
        before = old.get(key)
        if before is not None and _has(before, model):
            return {key: _put_back(model, tiers[key], before)}
    return None


def _put_back(model: str, tier: Tier, before: Tier) -> Tier:
    places = {each.name: place for place, each in enumerate(before.models)}
    models = [*tier.models, before.models[places[model]]]
    used = {each.provider for each in before.models[places[model]].endpoints}
    return Tier(
        providers={**{name: before.providers[name] for name in sorted(used)}, **tier.providers},
        # in the old order, so that the bytes are the old ones when nothing else has changed
        models=tuple(sorted(models, key=lambda each: places.get(each.name, len(places)))),
    )
