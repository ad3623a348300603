"""A store in memory and proxies on the wire, for tests of the loop. The store keeps a journal of its writes."""

import asyncio
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web

from tests.operator.worlds import Json, policy, tier
from tierway_operator.reconcile import Pace, Reconciler
from tierway_operator.scrape import Scraper
from tierway_operator.store import Entry, Listing, Proxy, Published, Ref, Secrets, StatusRefused, Unreachable, World
from tierway_proxy.contract.base import digest
from tierway_proxy.contract.observations import Day, LoadedTable, Observations
from tierway_proxy.contract.table import RouteTable

QUICK = Pace(
    debounce=0.0, resync=5.0, scrape=0.05, status=0.05, poll=0.01, burst=1.0, first_pause=0.01, longest_pause=0.02
)
TOKEN = "0" * 64


@dataclass
class MemoryStore:
    """`broken`: names of methods that are unreachable now. `journal`: (what, name, content), in order.

    `searches`: how often somebody wanted to know the proxies.
    """

    objects: dict[tuple[str, str, str], Json] = field(default_factory=dict)
    secrets: Secrets = field(default_factory=Secrets)
    tables: dict[str, Published] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    members: list[Proxy] = field(default_factory=list)
    tally: str | None = None
    broken: set[str] = field(default_factory=set)
    list_error: str | None = None
    elsewhere: dict[str, str] = field(default_factory=dict)
    refuses_statuses_of: set[str] = field(default_factory=set)
    journal: list[tuple[str, str, Any]] = field(default_factory=list)
    searches: int = 0
    _change: asyncio.Event = field(default_factory=asyncio.Event)

    def apply(self, *objects: Json) -> None:
        for each in objects:
            key = (each["kind"], each["metadata"]["namespace"], each["metadata"]["name"])
            status = self.objects.get(key, {}).get("status")
            self.objects[key] = {**each, **({} if status is None else {"status": status})}
        self._change.set()

    def delete(self, kind: str, name: str, namespace: str = "llm") -> None:
        del self.objects[kind, namespace, name]
        self._change.set()

    def status(self, kind: str, name: str, namespace: str = "llm") -> Json:
        found: Json = self.objects[kind, namespace, name].get("status", {})
        return found

    def condition(self, kind: str, name: str, of: str) -> tuple[str, str] | None:
        found = {each["type"]: each for each in self.status(kind, name).get("conditions", ())}
        return (found[of]["status"], found[of]["reason"]) if of in found else None

    def touched(self) -> None:
        self._change.set()

    async def changed(self) -> None:
        await self._change.wait()
        self._change.clear()

    async def world(self) -> World:
        self._reach("world")
        lists = {
            kind: Listing(tuple(Entry(each) for key, each in sorted(self.objects.items()) if key[0] == kind))
            for kind in ("ModelTier", "RoutingPolicy")
        }
        if self.list_error:
            lists["RoutingPolicy"] = Listing(error=self.list_error)
        return World(
            lists["ModelTier"], lists["RoutingPolicy"], self.secrets, published=dict(self.tables), keys=dict(self.keys),
            elsewhere=dict(self.elsewhere),
        )  # fmt: skip

    async def proxies(self) -> tuple[Proxy, ...]:
        self._reach("proxies")
        self.searches += 1
        return tuple(self.members)

    async def publish(self, policy: str, published: Published) -> None:
        self._reach("publish", policy)
        self.tables[policy] = published
        self.journal.append(("publish", policy, published))

    async def unpublish(self, policy: str) -> None:
        self._reach("unpublish", policy)
        self.tables.pop(policy, None)
        self.journal.append(("unpublish", policy, None))

    async def publish_keys(self, keys: Mapping[str, str]) -> None:
        self._reach("publish_keys")
        self.keys = dict(keys)
        self.journal.append(("keys", "", dict(keys)))

    async def token(self) -> str:
        return TOKEN

    async def write_status(self, ref: Ref, status: Mapping[str, Any]) -> None:
        self._reach("write_status")
        if ref.name in self.refuses_statuses_of:
            self.journal.append(("refused", ref.name, None))
            raise StatusRefused("status.models[0].name: Invalid value")
        found = self.objects.get((ref.kind, ref.namespace, ref.name))
        if found is not None and found["metadata"]["uid"] == ref.uid:
            self.objects[ref.kind, ref.namespace, ref.name] = {**found, "status": dict(status)}
            self.journal.append(("status", f"{ref.kind}/{ref.name}", status))

    async def load_tally(self) -> str | None:
        self._reach("load_tally")
        return self.tally

    async def save_tally(self, text: str) -> None:
        self._reach("save_tally")
        self.tally = text
        self.journal.append(("tally", "", text))

    def _reach(self, *names: str) -> None:
        if self.broken & set(names):
            raise Unreachable(f"{names} cannot be reached")


@dataclass
class FakeProxy:
    """Loads what the store publishes at once, unless it is `stuck`; its counts are what a test says.

    `asked`: how often somebody wanted its observations.
    """

    store: MemoryStore
    name: str
    started_at: float
    stuck: bool = False
    final: bool = False
    days: dict[str, Day] = field(default_factory=dict)
    acknowledged: bool = False
    token: str = TOKEN
    asked: int = 0
    _kept: dict[str, str] = field(default_factory=dict)

    def observations(self) -> Observations:
        if not self.stuck:
            self._kept = {policy: each.table for policy, each in self.store.tables.items()}
        tables = (
            LoadedTable(policy=policy, hash=digest(text), generation=RouteTable.model_validate_json(text).generation)
            for policy, text in self._kept.items()
        )
        return Observations(
            reads=(1,), instance=self.name, started_at=self.started_at, final=self.final, draining=self.final,
            tables=tuple(tables), days=self.days,
        )  # fmt: skip

    @asynccontextmanager
    async def serving(self):
        async def observed(request: web.Request) -> web.Response:
            self.asked += 1
            if request.headers.get("Authorization") != f"Bearer {self.token}" or request.query["version"] != "1":
                return web.Response(status=401)
            return web.Response(text=self.observations().model_dump_json())

        async def acknowledged(_: web.Request) -> web.Response:
            self.acknowledged = True
            self.store.journal.append(("ack", self.name, None))
            return web.Response(status=204)

        app = web.Application()
        app.add_routes([web.get("/observations", observed), web.post("/observations/ack", acknowledged)])
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        try:
            yield Proxy(self.name, f"http://127.0.0.1:{port}", serving=True)
        finally:
            await runner.cleanup()


@dataclass
class CountingPulse:
    tries: int = 0
    lists: int = 0
    refusals: int = 0

    def tried(self) -> None:
        self.tries += 1

    def listed(self) -> None:
        self.lists += 1

    def status_refused(self) -> None:
        self.refusals += 1


@asynccontextmanager
async def running(store: MemoryStore, pace: Pace = QUICK, pulse: CountingPulse | None = None, now=time.time):
    """The loop over a store, until the block ends."""
    async with aiohttp.ClientSession() as session:
        loop = Reconciler(store, Scraper(session, patience=0.05), pulse or CountingPulse(), pace, now)
        task = asyncio.create_task(loop.run())
        try:
            yield loop
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        if not task.cancelled():
            task.result()


async def until(true, seconds: float = 5.0) -> None:
    """Wait for something to become true, looking often."""
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 - what is waited for sets no event
            await asyncio.sleep(0.005)


@asynccontextmanager
async def applied(proxies=2, **more):
    """A store with two tiers and a policy, so many proxies, and the loop."""
    store = MemoryStore(**more)
    store.apply(tier("cheap"), tier("dear"), policy())
    async with AsyncExitStack() as stack:
        fakes = [FakeProxy(store, f"proxy-{index}", time.time()) for index in range(proxies)]
        for each in fakes:
            store.members.append(await stack.enter_async_context(each.serving()))
        yield store, fakes


def programmed(store):
    return store.condition("RoutingPolicy", "default", "Programmed")
