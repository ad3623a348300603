"""How far a policy's table has come: which proxies have loaded it, and what is said while some have not. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from tierway_operator.compiler import PolicyResult
from tierway_operator.conditions import (
    NO_PROXIES,
    NOT_ACCEPTED,
    PENDING,
    PROGRAMMED,
    REFUSED,
    STRAGGLER,
    Verdict,
)
from tierway_operator.store import Proxy
from tierway_proxy.contract.observations import LoadedTable, Observations

STRAGGLING_SECONDS: Final = 10.0
_NAMES: Final = 5


@dataclass(frozen=True)
class Progress:
    """`desired`: proxies that count; `loaded`: those that have the table in force; `complete`: all of them have it."""

    verdict: Verdict
    desired: int
    loaded: int
    complete: bool


Loaded = Mapping[str, Mapping[str, LoadedTable]]
"""What each proxy said last of each policy: admin URL -> policy -> table."""


def loaded_by(said: Mapping[str, Observations]) -> Loaded:
    return {url: {table.policy: table for table in each.tables} for url, each in said.items()}


def progress(policy: str, result: PolicyResult, proxies: Iterable[Proxy], loaded: Loaded, waited: float) -> Progress:
    """`waited`: seconds for which some proxy has lacked the table."""
    counted = [each for each in proxies if each.serving and not each.terminating]
    said = {each.name: loaded.get(each.admin_url, {}).get(policy) for each in counted}
    have = [name for name, table in said.items() if table is not None and table.hash == result.hash]
    complete = bool(counted) and len(have) == len(counted) and result.hash is not None
    verdict = _verdict(result, said, have, waited, complete=complete)
    return Progress(verdict, len(counted), len(have), complete)


def _verdict(
    result: PolicyResult, said: Mapping[str, LoadedTable | None], have: list[str], waited: float, *, complete: bool
) -> Verdict:
    missing = [name for name in said if name not in have]
    refused = {name: table.refused for name in missing if (table := said[name]) is not None and table.refused}
    if result.table is None:
        return _no(NOT_ACCEPTED, "Nothing was ever published for this policy; see Accepted.")
    if not result.own:
        return _no(NOT_ACCEPTED, "It is refused; the table of the one that it replaced stays in force; see Accepted.")
    if result.table.generation != result.generation:
        message = f"Generation {result.generation} is refused, {result.table.generation} stays in force; see Accepted."
        return _no(NOT_ACCEPTED, message)
    if not said:
        return _no(NO_PROXIES, "No proxy serves; look at the release's proxy Deployment.")
    if complete:
        return Verdict(PROGRAMMED, "True", PROGRAMMED, f"All proxies have loaded generation {result.generation}.")
    if refused:
        name, reason = next(iter(refused.items()))
        return _no(REFUSED, f"{_named(list(refused))} refused the table and kept the last good one: {name}: {reason}")
    if waited >= STRAGGLING_SECONDS:
        return _no(STRAGGLER, f"Not loaded after {STRAGGLING_SECONDS:.0f} s by {_named(missing)}.")
    return _no(PENDING, "Proxies are loading the table.")


def _no(reason: str, message: str) -> Verdict:
    return Verdict(PROGRAMMED, "False", reason, message[:4096])


def _named(names: list[str]) -> str:
    more = len(names) - _NAMES
    return ", ".join(names[:_NAMES]) + (f" and {more} more" if more > 0 else "")
