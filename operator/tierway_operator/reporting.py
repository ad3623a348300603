"""Writes statuses: puts together what was compiled and what was seen, and asks `writes` whether it is worth a write.

What users must correct is said in the log as well.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tierway_operator.at_once import for_all
from tierway_operator.compiler import Compiled, PolicyResult
from tierway_operator.observing import Seen
from tierway_operator.policy_status import PolicyTotals, policy_status
from tierway_operator.programmed import Progress, progress
from tierway_operator.store import Entry, Ref, StatusRefused, Store
from tierway_operator.telling import Teller
from tierway_operator.tier_status import TierCounts, tier_status
from tierway_operator.writes import Written, done, due, wanting
from tierway_proxy.contract.observations import PolicyCounts

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Standing:
    """Of one policy: how many proxies should have its table, how many do, and seconds for which some lacked it."""

    desired: int
    programmed: int
    pending: float


class Reporter:
    """`interval`: seconds between writes of one object's figures. `refused` is called for each refused status."""

    def __init__(self, store: Store, now: Callable[[], float], interval: float, refused: Callable[[], None]) -> None:
        self._store, self._now, self._interval, self._refused = store, now, interval, refused
        self._records: dict[Ref, Written] = {}
        self._hopeless: dict[Ref, Mapping[str, Any]] = {}
        self._loading: dict[str, tuple[str | None, float]] = {}
        self._teller = Teller()

    def listed(self, entries: Iterable[tuple[Ref, Entry]], since: float) -> None:
        """Take the statuses of a LIST that began at `since` for what stands, but not over what was written later."""
        there, records = dict(entries), {}
        self._teller.listed(there)
        for ref, entry in there.items():
            known = self._records.get(ref)
            if known is not None and known.at >= since:
                records[ref] = known
                continue
            stands = entry.manifest.get("status") or {}
            if known is None:
                records[ref] = Written(stands, float("-inf"), stands, float("-inf"))
            else:
                records[ref] = Written(stands, known.at, known.wanted, known.changed_at)
        self._records = records
        self._hopeless = {ref: status for ref, status in self._hopeless.items() if ref in records}
        policies = {f"{ref.namespace}/{ref.name}" for ref in records if ref.kind == "RoutingPolicy"}
        self._loading = {policy: begun for policy, begun in self._loading.items() if policy in policies}

    def progress(self, policy: str, result: PolicyResult, seen: Seen) -> Progress:
        """Say how far a table has come; for how long some proxy has lacked it is remembered from call to call."""
        now = self._now()
        begun = self._loading.get(policy)
        if begun is None or begun[0] != result.hash:
            begun = (result.hash, now)
        found = progress(policy, result, seen.proxies, seen.loaded, now - begun[1])
        if found.complete:
            self._loading.pop(policy, None)
        else:
            self._loading[policy] = begun
        return found

    def standing(self, compiled: Compiled, seen: Seen) -> dict[str, Standing]:
        now, found = self._now(), {}
        for key, result in compiled.policies.items():
            each = self.progress(key, result, seen)
            lacking = result.hash is not None and not each.complete
            found[key] = Standing(each.desired, each.loaded, now - self._loading[key][1] if lacking else 0.0)
        return found

    def statuses(self) -> dict[Ref, Mapping[str, Any]]:
        """Return the newest status of each object, whether or not it was worth a write yet."""
        return {ref: record.wanted for ref, record in self._records.items()}

    async def tiers(self, compiled: Compiled, seen: Seen) -> None:
        now = self._now()
        for key, result in compiled.tiers.items():
            counts = TierCounts(
                seen.date, seen.window.get(key, {}), seen.today.get(key, {}), seen.covered, seen.open_at
            )
            self._want(result.ref, tier_status(key, result, counts, self._stands(result.ref), now))
        await self._write(each.ref for each in compiled.tiers.values())

    async def policies(self, compiled: Compiled, keys: Iterable[str], seen: Seen) -> None:
        now, refs = self._now(), []
        for key in keys:
            result = compiled.policies[key]
            totals = PolicyTotals(seen.date, seen.total.policies.get(key, PolicyCounts()), seen.incomplete_since)
            found = self.progress(key, result, seen)
            self._want(result.ref, policy_status(result, found, totals, self._stands(result.ref), now))
            refs.append(result.ref)
        await self._write(refs)

    async def rest(self) -> None:
        """Write all that has not been written yet, however small: nothing will come after."""
        await for_all([ref for ref, record in self._records.items() if record.status != record.wanted], self._one)

    def _stands(self, ref: Ref) -> Mapping[str, Any]:
        """Return the last status, refused ones too: their times of transition must not move at every try."""
        return self._hopeless.get(ref) or (self._records[ref].status if ref in self._records else {})

    def _want(self, ref: Ref, status: Mapping[str, Any]) -> None:
        self._teller.tell(ref, status)
        self._records[ref] = wanting(self._records.get(ref), status, self._now())

    async def _write(self, refs: Iterable[Ref]) -> None:
        now = self._now()
        await for_all([ref for ref in refs if due(self._records[ref], now, self._interval)], self._one)

    async def _one(self, ref: Ref) -> None:
        record = self._records[ref]
        if record.status == record.wanted or self._hopeless.get(ref) == record.wanted:
            return
        try:
            await self._store.write_status(ref, record.wanted)
        except StatusRefused as error:
            self._give_up(ref, record, str(error))
        else:
            self._records[ref] = done(record, self._now())

    def _give_up(self, ref: Ref, record: Written, why: str) -> None:
        logger.error("a status was refused", extra={"object": f"{ref.namespace}/{ref.name}", "error": why})
        self._hopeless[ref] = record.wanted
        self._refused()
