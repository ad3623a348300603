"""Files taken for all there is: the world that the compiler sees, and what it would refuse of a policy.

Keys are not looked at: nothing is sent, and a folder that is under version control seldom has them.
"""

import time
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from tierway_operator.amounts import timestamp
from tierway_operator.compiler.objects import policy_objects, tier_objects
from tierway_operator.compiler.references import Resolved, resolved
from tierway_operator.compiler.tables import expression_problems
from tierway_operator.compiler.tiers import TierFacts, tier_facts
from tierway_operator.conditions import Problem
from tierway_operator.crds import committed_crds
from tierway_operator.folder.documents import Parsed
from tierway_operator.folder.listing import Lister
from tierway_operator.folder.registry import Registry
from tierway_operator.folder.secrets import config_maps
from tierway_operator.resources import RoutingPolicy
from tierway_operator.store import Kind, Listing, World
from tierway_operator.validation import Validator


class Judged(NamedTuple):
    """A policy with nothing published before. `problems`: what it is refused for."""

    facts: dict[str, TierFacts]
    found: Resolved
    problems: tuple[Problem, ...]


def world_of(files: Iterable[Parsed]) -> World:
    """Return the world in which there is nothing but these files."""
    read = list(files)
    entries = Lister(Validator(committed_crds()), Registry(None)).entries(read, lambda _: {}, timestamp(time.time()))

    def listing(kind: Kind) -> Listing:
        return Listing(tuple(entry for which, entry in entries.items() if which.kind == kind))

    documents = [document for file in read for document in file.documents]
    return World(listing("ModelTier"), listing("RoutingPolicy"), config_maps=config_maps(documents))


def judged(policy: RoutingPolicy, world: World) -> Judged:
    facts = {key: tier_facts(each, world) for key, each in tier_objects(world.tiers.entries).items()}
    found = resolved(policy, facts, world.config_maps, None)
    return Judged(facts, found, (*found.refused, *expression_problems(policy)))


def refusals(files: Iterable[Parsed]) -> Iterator[tuple[str, Problem]]:
    """Yield the name of each policy that can be read, once with each problem that it would be refused for."""
    world = world_of(files)
    for key, policy in policy_objects(world.policies.entries).items():
        if policy.resource is not None and policy.fault is None:
            yield from ((key, problem) for problem in judged(policy.resource, world).problems)
