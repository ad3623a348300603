"""The one loop: list, compile, publish, report; and beside it the rounds that ask the proxies.

It knows a store by its protocol only. Whatever fails is tried again from a fresh LIST; a LIST that failed moves
nothing, least of all a deletion. Nothing here decides what is right: the compiler, the tally and `writes` do.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from tierway_operator.at_once import for_all
from tierway_operator.claims import served
from tierway_operator.compiler import Compiled, PolicyResult, compiled
from tierway_operator.observing import Observer, Seen
from tierway_operator.reporting import Reporter, Standing
from tierway_operator.scrape import Scraper
from tierway_operator.store import Entry, Kind, Listing, Ref, Store, Unreachable, World
from tierway_operator.trying import Trying

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 1.0
_ROUND_SECONDS = 5.0


class Pulse(Protocol):
    """Told how the loop fares: it tried, it has a good LIST, a status was refused."""

    def tried(self) -> None: ...

    def listed(self) -> None: ...

    def status_refused(self) -> None: ...


@dataclass(frozen=True)
class Pace:
    """Seconds. `status`: between two writes of one object's figures. `burst`: how long proxies are polled closely.

    `glance`: between two looks at who the proxies are and what they have, while something is not served by all.
    """

    debounce: float = 0.2
    resync: float = 60.0
    scrape: float = 10.0
    status: float = 30.0
    poll: float = 0.1
    burst: float = 5.0
    glance: float = 1.0
    first_pause: float = 0.5
    longest_pause: float = 5.0


class Reconciler:
    """`now` gives seconds since the epoch."""

    def __init__(
        self,
        store: Store,
        scraper: Scraper,
        pulse: Pulse,
        pace: Pace | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._store, self._pulse, self._now, self._pace = store, pulse, now, pace or Pace()
        self._observer = Observer(store, scraper, now)
        self._reporter = Reporter(store, now, self._pace.status, pulse.status_refused)
        self._compiled: Compiled | None = None
        self._listed = asyncio.Event()
        self._hurry = asyncio.Event()
        # held from a publication to the status that says that it is under way: nobody says before that it has arrived
        self._telling = asyncio.Lock()

    async def run(self) -> None:
        """Reconcile until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow())
            tasks.create_task(self._observe())

    @property
    def seen(self) -> Seen:
        return self._observer.seen

    def standing(self) -> Mapping[str, Standing]:
        """Return how far the table of each policy has come; nothing before the first LIST."""
        return {} if self._compiled is None else self._reporter.standing(self._compiled, self._observer.seen)

    def statuses(self) -> Mapping[Ref, Mapping[str, Any]]:
        return self._reporter.statuses()

    async def finish(self) -> None:
        """Write what has not been written yet: for the end of a process, after `run` was cancelled."""
        await self._reporter.rest()

    async def _follow(self) -> None:
        trying = Trying("the store", self._pace.first_pause, self._pace.longest_pause)
        while True:
            self._pulse.tried()
            if await trying.succeeded(self._turn()):
                await self._changed()
                await asyncio.sleep(self._pace.debounce)

    async def _changed(self) -> None:
        try:
            async with asyncio.timeout(self._pace.resync):
                await self._store.changed()
        except TimeoutError:
            logger.debug("nothing changed; looking all the same")

    async def _turn(self) -> None:
        started = self._now()
        world = await self._store.world()
        found = compiled(served(world))
        if found is None:
            raise Unreachable(f"a LIST failed: {world.tiers.error or world.policies.error}")
        self._pulse.listed()
        others = await self._observer.find()
        if self._compiled is None:
            # asked before the first status is written, so that a restart of this process shows in none
            await self._observer.count(_LOOK_SECONDS)
        async with self._telling:
            self._reporter.listed(_entries(world), started)
            self._compiled = found = _without_tiers(found, world.elsewhere)
            seen = self._observer.seen
            try:
                told = await self._publish(found, world, seen)
            finally:
                if others or any(each.news for each in found.policies.values()):
                    self._hurry.set()
                self._listed.set()
            await self._reporter.tiers(found, seen)
            await self._reporter.policies(found, found.policies.keys() - told, seen)

    async def _publish(self, found: Compiled, world: World, seen: Seen) -> set[str]:
        """Keys before the tables that name them, each table before its policy's status says that it is on its way.

        Return the policies with a new table. Nobody has loaded that yet, so their statuses may speak of proxies that
        have come and were not asked yet; of other tables that would take back what is true.
        """
        if dict(found.keys) != dict(world.keys):
            await self._store.publish_keys(found.keys)
            logger.info("published provider keys", extra={"keys": len(found.keys)})
        news = {key: each.published for key, each in found.policies.items() if each.news and each.published}
        old = world.published
        moved = {key for key, each in news.items() if key not in old or old[key].table != each.table}

        async def one(policy: str) -> None:
            if policy in found.gone:
                await self._withdraw(policy)
                return
            await self._store.publish(policy, news[policy])
            what, known = ("table", self._observer.known) if policy in moved else ("state", seen)
            _say_published(what, policy, found.policies[policy], len(known.proxies))
            await self._reporter.policies(found, [policy], known)

        await for_all([*news, *found.gone], one)
        return moved

    async def _withdraw(self, policy: str) -> None:
        await self._store.unpublish(policy)
        logger.info("withdrew a table", extra={"policy": policy})

    async def _observe(self) -> None:
        await self._listed.wait()
        trying = Trying("what proxies count", self._pace.first_pause, self._pace.longest_pause)
        while True:
            if await trying.succeeded(self._round()):
                await trying.succeeded(self._bursts())

    async def _round(self) -> None:
        try:
            others = await self._observer.find()
        except Unreachable:
            # those of before are asked all the same: what is counted now outlives who is killed before the next round
            await self._observer.count(_ROUND_SECONDS)
            raise
        if others:
            self._hurry.set()
        await self._observer.count(_ROUND_SECONDS)
        await self._tell(None)

    async def _bursts(self) -> None:
        """Wait for the next round; meanwhile follow each publication closely, and glance while something lacks."""
        loop = asyncio.get_running_loop()
        next_round = loop.time() + self._pace.scrape
        while (now := loop.time()) < next_round:
            glance = now + self._pace.glance if self._lacking() else next_round
            if await self._hurried(min(glance, next_round)):
                await self._burst(loop.time() + self._pace.burst)
            elif glance < next_round:
                await self._observer.find_others()
                await self._burst(loop.time())

    async def _hurried(self, until: float) -> bool:
        """Return whether there is something to follow before `until`."""
        try:
            async with asyncio.timeout_at(until):
                await self._hurry.wait()
        except TimeoutError:
            return False
        self._hurry.clear()
        return True

    async def _burst(self, until: float) -> None:
        """Look until all have what they should have; once in any case: who has come was never asked."""
        loop = asyncio.get_running_loop()
        asked, glance = list(self._compiled.policies) if self._compiled else [], loop.time() + self._pace.glance
        while asked:
            await self._observer.look(_LOOK_SECONDS)
            await self._tell(asked)
            asked = self._lacking() if self._observer.seen.proxies else []
            if loop.time() >= until:
                return
            await asyncio.sleep(self._pace.poll)
            if loop.time() >= glance:
                await self._observer.find_others()
                glance = loop.time() + self._pace.glance

    async def _tell(self, policies: Collection[str] | None) -> None:
        """Write the statuses of these policies, or of everything."""
        async with self._telling:
            found, seen = self._compiled, self._observer.seen
            if found is None:
                return
            if policies is None:
                await self._reporter.tiers(found, seen)
            named = found.policies if policies is None else found.policies.keys() & set(policies)
            await self._reporter.policies(found, sorted(named), seen)

    def _lacking(self) -> list[str]:
        """Return the policies with a table that is not yet with all proxies, or that no proxy serves."""
        if self._compiled is None:
            return []
        results, seen = self._compiled.policies.items(), self._observer.seen
        return [
            key for key, result in results if result.hash and not self._reporter.progress(key, result, seen).complete
        ]


def _say_published(what: str, policy: str, result: PolicyResult, proxies: int) -> None:
    if result.table is not None:
        told = {"policy": policy, "generation": result.table.generation, "hash": result.hash, "proxies": proxies}
        logger.info("published a %s", what, extra=told)


def _without_tiers(found: Compiled, elsewhere: Mapping[str, str]) -> Compiled:
    """Return what statuses are written of: tiers of others were read for policies of ours, the others report them."""
    return replace(found, tiers={key: each for key, each in found.tiers.items() if each.ref.namespace not in elsewhere})


def _entries(world: World) -> Iterator[tuple[Ref, Entry]]:
    kinds: tuple[tuple[Kind, Listing], ...] = (("ModelTier", world.tiers), ("RoutingPolicy", world.policies))
    for kind, listing in kinds:
        for entry in listing.entries:
            meta = entry.manifest["metadata"]
            if meta["namespace"] not in world.elsewhere:
                yield Ref(kind, meta["namespace"], meta["name"], meta["uid"]), entry
