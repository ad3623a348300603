"""What this proxy serves now: one route table and state a policy, and the provider keys.

All payloads come through here, wherever their bytes are from. A bad one never replaces a good one: the old keeps
serving and `refused` says why. A swap is one assignment, so a request that holds a `Served` sees it whole to its end.
"""

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from tierway_proxy.contract.base import digest
from tierway_proxy.contract.observations import LoadedTable
from tierway_proxy.contract.state import State
from tierway_proxy.contract.table import RouteTable
from tierway_proxy.core.classify.judge import judge
from tierway_proxy.shell.contact import Contact
from tierway_proxy.shell.keeper import Keeper, Kept
from tierway_proxy.shell.reading import UnusableError, claimed_policy, read

logger = logging.getLogger(__name__)

TOKEN = "token"  # noqa: S105  # the name of the release's token among the keys, not the token
"""The name of the release's token among the provider keys."""


@dataclass(frozen=True)
class Served:
    """What requests to one policy are routed by. `refused`: why a newer payload is not served, one sentence."""

    table: RouteTable
    hash: str
    state: State
    refused: str | None = None


class Tables:
    """`served` by policy (`namespace/name`); `keys` by credential id; `ready`: there was a list, or a copy of one.

    `loaded_at`: when a policy's table or state last changed here, in seconds since the epoch.

    `on_change` is called with a policy's name after its table or state was swapped or it left.
    """

    def __init__(self, keeper: Keeper | None = None) -> None:
        self.served: dict[str, Served] = {}
        self.keys: dict[str, str] = {}
        self.token: str | None = None
        self.ready = False
        self.contact = Contact()
        self.loaded_at: dict[str, float] = {}
        self.on_change: list[Callable[[str], None]] = []
        self._keeper = keeper
        self._source_of: dict[str, str] = {}
        self._refused: dict[str, tuple[str, str]] = {}

    def offer(self, source: str, table_text: str, state_text: str) -> None:
        """Serve a payload if it is good. `source` names where it came from: a ConfigMap, a folder."""
        try:
            table, state = read(table_text, state_text)
        except UnusableError as error:
            self._refuse(source, claimed_policy(table_text), str(error))
            return
        self._refused.pop(source, None)
        if self._swap(source, Served(table, digest(table_text), state)) and self._keeper:
            self._keeper.keep_table(Kept(source, table_text, state_text))

    def withdraw(self, source: str) -> None:
        """Drop what this source last gave, from memory and disk: it is gone."""
        self._refused.pop(source, None)
        for policy in [policy for policy, giver in self._source_of.items() if giver == source]:
            del self._source_of[policy]
            self.loaded_at.pop(policy, None)
            self.served = {name: served for name, served in self.served.items() if name != policy}
            logger.info("table withdrawn", extra={"policy": policy, "source": source})
            self._tell(policy)
        if self._keeper:
            self._keeper.forget_table(source)

    def retain(self, sources: Iterable[str]) -> None:
        """Withdraw what any other source gave, on disk too: these are all there are. The proxy is ready."""
        there = set(sources)
        for source in sorted({*self._source_of.values(), *self._refused} - there):
            self.withdraw(source)
        if self._keeper:
            self._keeper.retain_tables(there)
        self.ready = True
        self.contact.heard()

    def offer_keys(self, keys: Mapping[str, str]) -> None:
        """All provider keys by credential id, and the release's token under `token`."""
        self.token = keys.get(TOKEN)
        self.keys = {name: key for name, key in keys.items() if name != TOKEN}
        if self._keeper:
            self._keeper.keep_keys(keys)

    def restore(self) -> None:
        """Serve the copy on disk, if there is one: for a start while the source cannot be reached."""
        if self._keeper is None or self.served:
            return
        if keys := self._keeper.keys():
            self.offer_keys(keys)
        for kept in list(self._keeper.tables()):
            self.offer(*kept)
        self.ready = self.ready or bool(self.served)

    def loaded(self) -> tuple[LoadedTable, ...]:
        """Say in observations' form what is served; a policy whose only table was refused has an empty hash."""
        tables = [
            LoadedTable(
                policy=policy,
                hash=served.hash,
                generation=served.table.generation,
                state_sequence=served.state.sequence,
                refused=served.refused,
            )
            for policy, served in self.served.items()
        ]
        never = {policy: reason for policy, reason in self._refused.values() if policy not in self.served}
        tables += [LoadedTable(policy=policy, hash="", generation=0, refused=why) for policy, why in never.items()]
        return tuple(tables)

    def _swap(self, source: str, new: Served) -> bool:
        """Whether this is news."""
        policy = new.table.policy
        self._source_of[policy] = source
        if self.served.get(policy) == new:
            return False
        judge(new.table.classifier.model)  # unpacked now, in a few milliseconds, not while a request waits
        self.served = {**self.served, policy: new}
        self.loaded_at[policy] = time.time()
        logger.info(
            "table loaded",
            extra={"policy": policy, "hash": new.hash, "generation": new.table.generation, "state": new.state.sequence},
        )
        self._tell(policy)
        return True

    def _refuse(self, source: str, claimed: str | None, reason: str) -> None:
        given = next((policy for policy, giver in self._source_of.items() if giver == source), None)
        policy = given or claimed or source
        if self._refused.get(source) != (policy, reason):
            logger.error("table refused", extra={"policy": policy, "source": source, "reason": reason})
        self._refused[source] = (policy, reason)
        if policy in self.served:
            self.served = {**self.served, policy: replace(self.served[policy], refused=reason)}

    def _tell(self, policy: str) -> None:
        for callback in self.on_change:
            callback(policy)
