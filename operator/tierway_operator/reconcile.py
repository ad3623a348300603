"""The one loop: list, compile, publish, report; and beside it the rounds that ask the proxies.

It knows a store by its protocol only. Whatever fails is tried again from a fresh LIST; a LIST that failed moves
nothing, least of all a deletion. Nothing here decides what is right: the compiler, the tally and `writes` do.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from tierway_operator.claims import served
from tierway_operator.compiler import Compiled, PolicyResult, compiled
from tierway_operator.observing import Observer, Seen
from tierway_operator.reporting import Reporter, Standing, all_of
from tierway_operator.scrape import Scraper
from tierway_operator.store import Entry, Kind, Listing, Published, Ref, Store, Unreachable, World

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 1.0
_ROUND_SECONDS = 5.0
_PUBLISHED_AT_ONCE = 8


class Pulse(Protocol):
    """Told how the loop fares: it tried, it has a good LIST, a status was refused."""

    def tried(self) -> None: ...

    def listed(self) -> None: ...

    def status_refused(self) -> None: ...


@dataclass(frozen=True)
class Pace:
    """Seconds. `status`: between two writes of one object's figures. `burst`: how long proxies are polled closely."""

    debounce: float = 0.2
    resync: float = 60.0
    scrape: float = 10.0
    status: float = 30.0
    poll: float = 0.1
    burst: float = 5.0
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
        trying = Trying("the store", self._pace)
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
                await self._publish(found, world, seen)
            finally:
                if others or any(each.news for each in found.policies.values()):
                    self._hurry.set()
                self._listed.set()
            await self._reporter.tiers(found, seen)
            await self._reporter.policies(found, found.policies, seen)

    async def _publish(self, found: Compiled, world: World, seen: Seen) -> None:
        """Keys before the tables that name them, each table before its policy's status says that it is on its way."""
        if dict(found.keys) != dict(world.keys):
            await self._store.publish_keys(found.keys)
            logger.info("published provider keys", extra={"keys": len(found.keys)})
        slots = asyncio.Semaphore(_PUBLISHED_AT_ONCE)

        async def one(policy: str, published: Published) -> None:
            async with slots:
                await self._store.publish(policy, published)
                _say_published(policy, found.policies[policy], world.published.get(policy), seen)
                await self._reporter.policies(found, [policy], seen)

        news = {key: each.published for key, each in found.policies.items() if each.news}
        await all_of(
            [one(policy, published) for policy, published in news.items() if published is not None]
            + [self._withdraw(policy) for policy in found.gone]
        )

    async def _withdraw(self, policy: str) -> None:
        await self._store.unpublish(policy)
        logger.info("withdrew a table", extra={"policy": policy})

    async def _observe(self) -> None:
        await self._listed.wait()
        trying = Trying("what proxies count", self._pace)
        while True:
            if await trying.succeeded(self._round()):
                await trying.succeeded(self._bursts())

    async def _round(self) -> None:
        if await self._observer.find():
            self._hurry.set()
        await self._observer.count(_ROUND_SECONDS)
        await self._tell(None)

    async def _bursts(self) -> None:
        """Wait for the next round; meanwhile follow each publication closely."""
        loop = asyncio.get_running_loop()
        next_round = loop.time() + self._pace.scrape
        while True:
            try:
                async with asyncio.timeout_at(next_round):
                    await self._hurry.wait()
            except TimeoutError:
                return
            self._hurry.clear()
            await self._burst(loop.time() + self._pace.burst)

    async def _burst(self, until: float) -> None:
        waiting = self._waiting()
        while waiting and asyncio.get_running_loop().time() < until:
            await self._observer.look(_LOOK_SECONDS)
            await self._tell(waiting)
            waiting = self._waiting()
            await asyncio.sleep(self._pace.poll)

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

    def _waiting(self) -> list[str]:
        """Return the policies whose table some proxy has yet to load."""
        if self._compiled is None:
            return []
        results, seen = self._compiled.policies.items(), self._observer.seen
        found = {key: self._reporter.progress(key, result, seen) for key, result in results}
        return [key for key, each in found.items() if each.desired and not each.complete]


class Trying:
    """Tries steps that may find the store unreachable: says so once, pauses longer each time, says when it is over."""

    def __init__(self, what: str, pace: Pace) -> None:
        self._what, self._first, self._longest = what, pace.first_pause, pace.longest_pause
        self._pause: float | None = None

    async def succeeded(self, step: Awaitable[None]) -> bool:
        try:
            await step
        except Unreachable as error:
            if self._pause is None:
                logger.warning("cannot reach %s; trying again", self._what, extra={"error": str(error)})
            self._pause = self._first if self._pause is None else min(2 * self._pause, self._longest)
            await asyncio.sleep(self._pause)
            return False
        if self._pause is not None:
            logger.info("reached %s again", self._what)
        self._pause = None
        return True


def _say_published(policy: str, result: PolicyResult, before: Published | None, seen: Seen) -> None:
    if result.published is None or result.table is None:
        return
    what = "state" if before is not None and before.table == result.published.table else "table"
    told = {"policy": policy, "generation": result.table.generation, "hash": result.hash, "proxies": len(seen.proxies)}
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
