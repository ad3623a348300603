"""All objects at once: each tier judged alone, each policy with the tiers. No policy is harmed by another's fault."""

from collections.abc import Mapping
from dataclasses import dataclass

from tierway_operator.compiler.objects import comes_from, policy_objects, tier_objects
from tierway_operator.compiler.policies import Decision, decided
from tierway_operator.compiler.tier_data import served_by
from tierway_operator.compiler.tiers import TierFacts, tier_facts
from tierway_operator.conditions import Verdict
from tierway_operator.resources.model import Model
from tierway_operator.store import Published, Ref, World
from tierway_proxy.contract.base import digest
from tierway_proxy.contract.table import RouteTable


@dataclass(frozen=True)
class TierResult:
    """`models` is empty when the spec cannot be read; `usable` has the names of those that take requests.

    `providers` has each model's, by name.
    """

    ref: Ref
    generation: int
    verdicts: tuple[Verdict, ...]
    models: tuple[Model, ...]
    usable: frozenset[str]
    providers: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class PolicyResult:
    """`table` is the one in force, None when none ever was; `news`: it is other than what is published."""

    ref: Ref
    generation: int
    verdicts: tuple[Verdict, ...]
    table: RouteTable | None
    published: Published | None
    news: bool

    @property
    def hash(self) -> str | None:
        """What proxies report when they have loaded the table in force."""
        return None if self.published is None else digest(self.published.table)

    @property
    def own(self) -> bool:
        """Whether the table in force is of this object; else it is that of one that had its name before."""
        return self.table is not None and comes_from(self.published, self.ref)


@dataclass(frozen=True)
class Compiled:
    """By `namespace/name`. `keys`: credential id -> key, all that proxies may need. `gone`: policies to unpublish."""

    tiers: Mapping[str, TierResult]
    policies: Mapping[str, PolicyResult]
    keys: Mapping[str, str]
    gone: tuple[str, ...]


def compiled(world: World) -> Compiled | None:
    """Return what follows from the world; None when tiers or policies could not be listed: then nothing may move."""
    if world.tiers.error is not None or world.policies.error is not None:
        return None
    tiers = tier_objects(world.tiers.entries)
    facts = {key: tier_facts(each, world) for key, each in tiers.items()}
    policies = policy_objects(world.policies.entries)
    decisions = {key: decided(each, facts, world) for key, each in policies.items()}
    return Compiled(
        tiers={key: _tier(tiers[key].ref, tiers[key].generation, each) for key, each in facts.items()},
        policies={
            key: _policy(policies[key].ref, policies[key].generation, each, world.published.get(key))
            for key, each in decisions.items()
        },
        keys={name: key for each in decisions.values() for name, key in each.keys.items()},
        gone=tuple(sorted(world.published.keys() - policies.keys())),
    )


def _tier(ref: Ref, generation: int, facts: TierFacts) -> TierResult:
    usable = (name for name, state in facts.states.items() if state == "Active" and name not in facts.unsendable)
    spec = facts.spec
    return TierResult(
        ref=ref,
        generation=generation,
        verdicts=facts.verdicts,
        models=() if spec is None else spec.models,
        usable=frozenset(usable),
        providers={} if spec is None else {m.name: tuple(p for p, _ in served_by(m, spec)) for m in spec.models},
    )


def _policy(ref: Ref, generation: int, decision: Decision, old: Published | None) -> PolicyResult:
    news = decision.published != old
    return PolicyResult(ref, generation, decision.verdicts, decision.table, decision.published, news)
