"""A policy of a folder as the proxies would have it, made by the operator's own compiler, with nothing written."""

from pathlib import Path

from tierway_cli.alone import judged, world_of
from tierway_cli.kinds import unknown_kind
from tierway_cli.standalone.words import default_policy, policies
from tierway_operator.compiler.objects import Object, policy_objects
from tierway_operator.compiler.tables import route_table
from tierway_operator.compiler.withdrawals import withdrawals
from tierway_operator.folder.documents import Parsed
from tierway_operator.folder.files import Files
from tierway_operator.resources import RoutingPolicy
from tierway_operator.store import World
from tierway_proxy.contract.base import canonical, digest
from tierway_proxy.contract.state import State
from tierway_proxy.contract.table import RouteTable
from tierway_proxy.core.catalog import Catalog


class UnusableError(Exception):
    """Its text is a sentence for people."""


def catalog(folder: Path, wanted: str | None, region: str | None = None) -> Catalog:
    """Return a policy (None: the one that `/v1` would mean) as proxies of a region have it, or raise UnusableError."""
    files = _files(folder)
    world = world_of(files)
    found = policy_objects(world.policies.entries)
    name = wanted or default_policy(world)
    if name is None or name not in found:
        raise UnusableError(_not_there(folder, files, policies(world), wanted))
    table, state = _compiled(found[name], world)
    return Catalog(table, state, digest(canonical(table)), region)


def _files(folder: Path) -> tuple[Parsed, ...]:
    try:
        return Files(folder).look(0.0)
    except (FileNotFoundError, NotADirectoryError):
        raise UnusableError(f"{folder} is no folder; give one with the YAML of tiers and policies.") from None
    except OSError as error:
        raise UnusableError(f"{folder} cannot be read: {error.strerror}.") from None


def _not_there(folder: Path, files: tuple[Parsed, ...], names: list[str], wanted: str | None) -> str:
    """Say what there is instead, and what may be the cause."""
    if wanted is not None and names:
        return f"there is no RoutingPolicy {wanted} in {folder}; there is {', '.join(names)}."
    if names:
        return f"{folder} has several policies; name one with --policy: {', '.join(names)}."
    broken = [file.error for file in files if file.error is not None]
    strange = [unknown_kind(document) for file in files for document in file.documents]
    more = " ".join([*broken, *(f"{each}." for each in strange if each is not None)])
    return f"there is no RoutingPolicy in {folder}. {more}".strip()


def _compiled(policy: Object[RoutingPolicy], world: World) -> tuple[RouteTable, State]:
    if policy.resource is None or policy.fault is not None:
        raise UnusableError(f"RoutingPolicy {policy.key} is not valid: {policy.fault}")
    facts, found, problems = judged(policy.resource, world)
    if problems:
        raise UnusableError(f"RoutingPolicy {policy.key} is refused: {' '.join(each.message for each in problems)}")
    table = route_table(policy.resource, found.tiers, found.model)
    providers = [each for tier in table.tiers.values() for each in tier.providers.values()]
    keys = {each.credential: "" for each in providers if each.credential is not None}
    return table, State(policy=policy.key, sequence=1, withdrawn=withdrawals(table, facts, keys))
