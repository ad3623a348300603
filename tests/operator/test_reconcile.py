"""The loop, over a store in memory and proxies on the wire."""

import asyncio
import logging
import time
from contextlib import AsyncExitStack, asynccontextmanager

from tests.operator.counted import attempts, day
from tests.operator.memory import QUICK, CountingPulse, FakeProxy, MemoryStore, running, until
from tests.operator.worlds import NAME, policy, provider, routes, secret, tier
from tierway_operator.amounts import timestamp
from tierway_operator.store import Secrets
from tierway_operator.tally import day_of
from tierway_proxy.contract.observations import PolicyCounts


@asynccontextmanager
async def world(proxies=2, **more):
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


def said(store, generation):
    """What Programmed was in each status that was written for a generation of the policy."""
    return [
        next(each["status"] for each in status["conditions"] if each["type"] == "Programmed")
        for what, name, status in store.journal
        if (what, name) == ("status", "RoutingPolicy/default") and status["observedGeneration"] == generation
    ]


async def test_an_applied_policy_is_published_and_programmed():
    """Keys, table, status; every proxy has it; everything is ready."""
    async with world() as (store, _), running(store):
        await until(lambda: programmed(store) == ("True", "Programmed"))
        assert store.condition("RoutingPolicy", "default", "Ready") == ("True", "Ready")
        assert store.condition("ModelTier", "cheap", "Ready") == ("True", "Ready")
        assert store.status("RoutingPolicy", "default")["summary"]["programmed"] == "2/2"


async def test_programmed_is_false_in_the_first_write_after_an_edit():
    """However fast the proxies are: first False, and then True once."""
    async with world() as (store, _), running(store):
        await until(lambda: programmed(store) == ("True", "Programmed"))
        for generation in range(2, 12):
            store.apply(policy(generation=generation))
            await until(lambda: store.status("RoutingPolicy", "default")["programmedGeneration"] == generation)  # noqa: B023
            assert said(store, generation)[:2] == ["False", "True"]


async def test_programmed_stays_false_while_one_proxy_has_not_loaded_the_table():
    """Its reason says what is waited for; the generation in force is the old one."""
    async with world() as (store, fakes), running(store):
        await until(lambda: programmed(store) == ("True", "Programmed"))
        fakes[1].stuck = True
        store.apply(policy(generation=2))
        await until(lambda: store.status("RoutingPolicy", "default")["summary"]["programmed"] == "1/2")
        assert programmed(store) == ("False", "Pending")
        assert store.status("RoutingPolicy", "default")["programmedGeneration"] == 1
        fakes[1].stuck = False
        await until(lambda: programmed(store) == ("True", "Programmed"))
        assert store.status("RoutingPolicy", "default")["programmedGeneration"] == 2


async def test_without_a_proxy_programmed_is_false():
    """And turns True when one comes."""
    async with world(proxies=0) as (store, _), running(store):
        await until(lambda: programmed(store) == ("False", "NoProxies"))
        late = FakeProxy(store, "late", time.time())
        async with late.serving() as address:
            store.members.append(address)
            store.touched()
            await until(lambda: programmed(store) == ("True", "Programmed"))


async def test_a_deleted_policy_is_unpublished_and_a_failed_list_deletes_nothing():
    """Only a successful LIST shows what is gone."""
    async with world() as (store, _), running(store):
        await until(lambda: NAME in store.tables)
        store.list_error = "403"
        store.delete("RoutingPolicy", "default")
        await asyncio.sleep(0.1)
        assert NAME in store.tables
        store.list_error = None
        await until(lambda: NAME not in store.tables)


async def test_the_loop_outlives_an_unreachable_store_and_says_so_once(caplog):
    """It beats on, tries again, and edits flow when the store is back."""
    pulse = CountingPulse()
    async with world() as (store, _), running(store, pulse=pulse):
        await until(lambda: programmed(store) == ("True", "Programmed"))
        with caplog.at_level(logging.INFO):
            store.broken = {"world", "proxies", "save_tally", "write_status"}
            lists, tries = pulse.lists, pulse.tries
            store.apply(policy(generation=2))
            await until(lambda: pulse.tries > tries + 3)
            assert pulse.lists == lists
            store.broken = set()
            await until(
                lambda: programmed(store) == ("True", "Programmed") and store.tables[NAME].table.count('"generation":2')
            )
        assert caplog.text.count("cannot reach the store") == 1
        assert caplog.text.count("reached the store again") == 1


async def test_what_one_policy_cannot_publish_stops_no_other():
    """The rest is published; the one is tried again."""
    async with world() as (store, _):
        store.apply(policy("other"))
        store.broken = {NAME}
        async with running(store):
            await until(lambda: store.condition("RoutingPolicy", "other", "Programmed") == ("True", "Programmed"))
            assert NAME not in store.tables
            store.broken = set()
            await until(lambda: programmed(store) == ("True", "Programmed"))


async def test_keys_are_there_before_the_table_that_names_them():
    """A table must not meet requests before its keys."""
    keyed = tier("cheap", providers=[provider(credentialRef={"name": "keys", "key": "api-key"})])
    async with world(secrets=Secrets((secret(),))) as (store, _):
        store.apply(keyed)
        async with running(store):
            await until(lambda: programmed(store) == ("True", "Programmed"))
            order = [what for what, _, _ in store.journal if what in {"keys", "publish"}]
            assert order == ["keys", "publish"]
            assert list(store.keys.values()) == ["k-1"]


async def test_a_restart_of_the_operator_shows_in_no_status():
    """It asks who has loaded what before it writes: nothing flips, nothing is written again."""
    async with world() as (store, _):
        async with running(store):
            await until(lambda: programmed(store) == ("True", "Programmed"))
            await asyncio.sleep(0.2)
        before = len(store.journal)
        async with running(store):
            await asyncio.sleep(0.2)
        assert [each for each in store.journal[before:] if each[0] == "status"] == []


async def test_a_refused_status_is_loud_and_not_tried_again(caplog):
    """The same again would be refused again; another object's status is not held up."""
    pulse = CountingPulse()
    async with world(refuses_statuses_of={"cheap"}) as (store, _), running(store, pulse=pulse):
        await until(lambda: programmed(store) == ("True", "Programmed"))
        await asyncio.sleep(0.2)
        assert pulse.refusals == [what for what, _, _ in store.journal].count("refused") == 1
        assert "a status was refused" in caplog.text
        assert store.condition("ModelTier", "dear", "Ready") == ("True", "Ready")


async def test_a_status_that_somebody_else_changed_is_written_back():
    """Edits are overwritten at the next LIST."""
    async with world() as (store, _), running(store):
        await until(lambda: programmed(store) == ("True", "Programmed"))
        store.objects["ModelTier", "llm", "cheap"]["status"] = {"conditions": []}
        store.touched()
        await until(lambda: store.condition("ModelTier", "cheap", "Ready") == ("True", "Ready"))


class TestCounting:
    """From what proxies count to what statuses say."""

    async def test_counts_reach_both_statuses_after_the_tally_is_saved(self):
        """No figure is in a status that a crash of the operator could take back."""
        async with world() as (store, fakes), running(store):
            today = day_of(time.time())
            counts = PolicyCounts(requests={"Simple": 2}, cost=70, baseline_cost=700)
            fakes[0].days = {today: day(attempts(3), {NAME: counts})}
            fakes[1].days = {today: day(attempts(4), {NAME: counts})}
            await until(lambda: store.status("ModelTier", "cheap").get("today", {}).get("requests") == 7)
            await until(lambda: store.status("RoutingPolicy", "default")["today"]["requests"]["simple"] == 4)
            assert store.status("RoutingPolicy", "default")["summary"]["saved"] == "90%"
            whats = [what for what, _, _ in store.journal]
            saved = next(
                place
                for place, (what, _, text) in enumerate(store.journal)
                if what == "tally" and '"attempts":4' in text
            )
            shown = next(
                place
                for place, (what, _, status) in enumerate(store.journal)
                if what == "status" and status.get("today", {}).get("requests") == 7
            )
            assert saved < shown < len(whats)

    async def test_a_draining_proxy_may_go_after_its_last_counts_are_saved(self):
        """And is not counted twice while it is still there."""
        async with world() as (store, fakes), running(store):
            fakes[0].days = {day_of(time.time()): day(attempts(5))}
            fakes[0].final = True
            await until(lambda: fakes[0].acknowledged)
            whats = [
                what for what, _, text in store.journal if what == "ack" or (what == "tally" and "proxy-0" in text)
            ]
            assert whats[0] == "tally"
            await until(lambda: store.status("ModelTier", "cheap")["today"]["requests"] == 5)
            await asyncio.sleep(0.15)
            assert store.status("ModelTier", "cheap")["today"]["requests"] == 5

    async def test_a_restarted_operator_counts_on_from_the_tally(self):
        """Nothing is doubled, nothing forgotten."""
        async with world() as (store, fakes):
            fakes[0].days = {day_of(time.time()): day(attempts(5))}
            async with running(store):
                await until(lambda: store.status("ModelTier", "cheap").get("today", {}).get("requests") == 5)
            fakes[0].days = {day_of(time.time()): day(attempts(9))}
            async with running(store):
                await until(lambda: store.status("ModelTier", "cheap")["today"]["requests"] == 9)

    async def test_a_proxy_that_vanished_is_said_since_when(self):
        """Its counts stay, and the day may lack what it counted last."""
        async with world() as (store, fakes):
            now = [time.time()]
            async with running(store, now=lambda: now[0]):
                fakes[0].days = {day_of(now[0]): day(attempts(5))}
                await until(lambda: store.status("ModelTier", "cheap").get("today", {}).get("requests") == 5)
                vanished = timestamp(now[0])
                del store.members[0]
                await asyncio.sleep(0.15)
                now[0] += 45
                await until(lambda: "incompleteSince" in store.status("RoutingPolicy", "default").get("today", {}))
                assert store.status("RoutingPolicy", "default")["today"]["incompleteSince"] == vanished
                assert store.status("ModelTier", "cheap")["today"]["requests"] == 5

    async def test_a_proxy_with_another_token_is_not_heard(self, caplog):
        """It is said once, and whoever it is does not count as programmed."""
        async with world() as (store, _):
            stranger = FakeProxy(store, "stranger", time.time(), token="f" * 64)
            async with stranger.serving() as address, running(store):
                store.members.append(address)
                store.touched()
                await until(
                    lambda: store.status("RoutingPolicy", "default").get("summary", {}).get("programmed") == "2/3"
                )
                assert programmed(store)[0] == "False"
                await until(lambda: "does not say what it counted" in caplog.text)
                await asyncio.sleep(0.15)
            assert caplog.text.count("does not say what it counted") == 1


async def test_figures_are_written_at_their_pace_and_conditions_at_once():
    """A thousand requests between two writes are one write."""
    slow = type(QUICK)(**{**vars(QUICK), "status": 60.0})
    async with world() as (store, fakes), running(store, slow) as loop:
        await until(lambda: programmed(store) == ("True", "Programmed"))
        for count in range(1, 5):
            fakes[0].days = {day_of(time.time()): day(attempts(count * 100))}
            await asyncio.sleep(0.06)
        store.apply(policy(generation=2, routes=routes(simple="nobody")))
        await until(lambda: store.condition("RoutingPolicy", "default", "Accepted") == ("False", "TierNotFound"))
        writes = [status for what, name, status in store.journal if (what, name) == ("status", "ModelTier/cheap")]
        assert len(writes) <= 2  # the first, and Available once traffic is seen
        await loop.finish()
        assert store.status("ModelTier", "cheap")["today"]["requests"] == 400
