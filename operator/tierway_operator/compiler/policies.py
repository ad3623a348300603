"""What one policy publishes next: its newest spec as a table, or, when that is refused, its last good table unmoved.

Either way its state is found anew, so that a tier which is deleted leaves a refused policy as fast as any other.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from tierway_operator.compiler.credentials import keys_for
from tierway_operator.compiler.objects import Object, comes_from
from tierway_operator.compiler.references import Reference, Resolved, references, resolved
from tierway_operator.compiler.tables import expression_problems, route_table
from tierway_operator.compiler.tiers import TierFacts
from tierway_operator.compiler.withdrawals import (
    departed,
    empty_classes,
    next_state,
    unsendable,
    why_empty,
    withdrawals,
)
from tierway_operator.conditions import (
    ACCEPTED,
    CLASS_EMPTY,
    INVALID,
    RESOLVED_REFS,
    TABLE_TOO_LARGE,
    TIER_NOT_USABLE,
    Problem,
    Verdict,
    judged,
)
from tierway_operator.resources import RoutingPolicy
from tierway_operator.store import Published, World
from tierway_proxy.contract.base import READS, canonical
from tierway_proxy.contract.state import State, Withdrawal
from tierway_proxy.contract.table import RouteTable

MAX_BYTES = 1_000_000
"""What both texts of a policy may have: a ConfigMap's 1 MiB, less its metadata."""


@dataclass(frozen=True)
class Decision:
    """The table in force (None: none ever was), what is published for it, and what is said of the policy."""

    table: RouteTable | None
    published: Published | None
    verdicts: tuple[Verdict, ...]
    keys: Mapping[str, str]


@dataclass(frozen=True)
class _Draft:
    """The newest spec, compiled; `table` None: it is refused for `problems`. `known`: problems that refuse nothing."""

    table: RouteTable | None
    problems: tuple[Problem, ...]
    references: tuple[Problem, ...]


def decided(policy: Object[RoutingPolicy], facts: Mapping[str, TierFacts], world: World) -> Decision:
    old = world.published.get(policy.key)
    last, state = _last_table(policy.key, old), _last_state(old)
    draft = _draft(policy, facts, world, last)
    table = draft.table or last
    keys = _keys((table, last), facts, world)
    withdrawn = () if table is None else withdrawals(table, facts, keys)
    published = old
    if table is not None:
        # a frozen table keeps its bytes, whatever wrote them
        text = old.table if old is not None and draft.table is None else canonical(table)
        uid = old.uid if old is not None and draft.table is None else policy.ref.uid
        published = Published(text, canonical(next_state(policy.key, withdrawn, state)), uid)
    return Decision(table, published, _verdicts(policy, draft, withdrawn), keys)


def _draft(
    policy: Object[RoutingPolicy], facts: Mapping[str, TierFacts], world: World, last: RouteTable | None
) -> _Draft:
    if policy.resource is None:
        return _Draft(None, (), ())
    same = last if _is_published(policy, last, world) else None
    found = resolved(policy.resource, facts, world.config_maps, same)
    problems = (*found.refused, *expression_problems(policy.resource))
    if problems:
        return _Draft(None, problems, (*found.refused, *found.known))
    table = route_table(policy.resource, found.tiers, found.model)
    if len(canonical(table).encode()) > MAX_BYTES:
        message = f"The policy and its tiers take more than {MAX_BYTES} bytes; name fewer tiers or split one."
        return _Draft(None, (Problem(TABLE_TOO_LARGE, message),), found.known)
    return _judged_by_use(policy.resource, table, found, facts, world, new=same is None)


def _is_published(policy: Object[RoutingPolicy], last: RouteTable | None, world: World) -> bool:
    """Whether the published table is of this very object and generation, and not of a dead namesake."""
    if last is None or last.generation != policy.generation:
        return False
    return comes_from(world.published.get(policy.key), policy.ref)


def _judged_by_use(
    policy: RoutingPolicy,
    table: RouteTable,
    found: Resolved,
    facts: Mapping[str, TierFacts],
    world: World,
    *,
    new: bool,
) -> _Draft:
    """Refuse a new generation with a candidate or a class that nothing can be sent to; report it of a published one."""
    keys = _keys((table,), facts, world)
    places = _useless(references(policy), table, keys) if new else {}
    useless = tuple(_unusable(key, paths, facts[key]) for key, paths in places.items())
    told = {path for paths in places.values() for path in paths}
    empty = tuple(_empty(table, facts, keys, told))
    if new and (useless or empty):
        return _Draft(None, (*useless, *empty), (*found.known, *useless))
    return _Draft(table, (), (*found.known, *empty))


def _useless(named: Iterable[Reference], table: RouteTable, keys: Mapping[str, str]) -> Mapping[str, list[str]]:
    """Return each tier that nothing can be sent to, with all places that name it."""
    paths: dict[str, list[str]] = {}
    for each in named:
        tier = table.tiers[each.tier]
        models = [model for model in tier.models if not each.models or model.name in each.models]
        if each.serves and all(unsendable(tier, model, keys) for model in models):
            paths.setdefault(each.tier, []).append(each.path)
    return paths


def _unusable(tier: str, paths: Iterable[str], facts: TierFacts) -> Problem:
    message = f"{', '.join(paths)}: nothing can be sent to ModelTier {tier}: {facts.fault}"
    return Problem(TIER_NOT_USABLE, message)


def _empty(
    table: RouteTable, facts: Mapping[str, TierFacts], keys: Mapping[str, str], told: Collection[str]
) -> Iterator[Problem]:
    """Yield the classes that nobody serves, but those of whose candidates it is `told` one by one."""
    withdrawn = withdrawals(table, facts, keys)
    for request_class in empty_classes(table, withdrawn):
        path, candidates = f"spec.routes[{request_class}]", table.routes[request_class].candidates
        if all(f"{path}.candidates[{index}]" in told for index in range(len(candidates))):
            continue
        message = f"{path}: no candidate takes requests; {why_empty(candidates, withdrawn, facts)}"
        yield Problem(CLASS_EMPTY, message)


def _keys(tables: Iterable[RouteTable | None], facts: Mapping[str, TierFacts], world: World) -> dict[str, str]:
    """Return the keys of all tables: the one that is being replaced still serves until proxies have the new one."""
    found: dict[str, str] = {}
    for table in tables:
        if table is not None:
            left = table.tiers.keys() - {each.tier for each in departed(table, facts)}
            found |= keys_for(table, sorted(left), world.secrets, world.keys)
    return found


def _verdicts(policy: Object[RoutingPolicy], draft: _Draft, withdrawn: tuple[Withdrawal, ...]) -> tuple[Verdict, ...]:
    faults = () if policy.fault is None else (Problem(INVALID, f"The newest spec is not valid: {policy.fault}"),)
    accepted = judged(
        ACCEPTED, (*faults, *draft.problems), "The newest spec is in force, or on its way to the proxies."
    )
    if policy.resource is None:
        return accepted, Verdict(RESOLVED_REFS, "Unknown", INVALID, f"The spec cannot be read: {policy.fault}")
    out = " ".join(each.message for each in withdrawn[:5])
    good = f"All tiers and models exist and may be used. {out}".strip()
    return accepted, judged(RESOLVED_REFS, draft.references, good)


def _last_table(policy: str, old: Published | None) -> RouteTable | None:
    """Return the table that is published; None when there is none that this version reads."""
    try:
        table = None if old is None else RouteTable.model_validate_json(old.table)
    except ValidationError:
        return None
    return table if table is not None and table.policy == policy and table.version in READS else None


def _last_state(old: Published | None) -> State | None:
    try:
        return None if old is None else State.model_validate_json(old.state)
    except ValidationError:
        return None
