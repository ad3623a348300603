"""The loop, over a store in memory and proxies on the wire."""

import asyncio
import logging
import time

from tests.operator.counted import attempts, day
from tests.operator.memory import QUICK, CountingPulse, FakeProxy, applied, programmed, running, until
from tests.operator.worlds import NAME, model, policy, provider, routes, secret, tier
from tierway_operator.store import Secrets
from tierway_operator.tally import day_of


def said(store, generation):
    """What Programmed was in each status that was written for a generation of the policy."""
    return [
        next(each["status"] for each in status["conditions"] if each["type"] == "Programmed")
        for what, name, status in store.journal
        if (what, name) == ("status", "RoutingPolicy/default") and status["observedGeneration"] == generation
    ]


async def test_an_applied_policy_is_published_and_programmed():
    """Keys, table, status; every proxy has it; everything is ready."""
    async with applied() as (store, _), running(store):
        await until(lambda: programmed(store) == ("True", "Programmed"))
        assert store.condition("RoutingPolicy", "default", "Ready") == ("True", "Ready")
        assert store.condition("ModelTier", "cheap", "Ready") == ("True", "Ready")
        assert store.status("RoutingPolicy", "default")["summary"]["programmed"] == "2/2"


async def test_programmed_is_false_in_the_first_write_after_an_edit():
    """However fast the proxies are: first False, and then True once."""
    async with applied() as (store, _), running(store):
        await until(lambda: programmed(store) == ("True", "Programmed"))
        for generation in range(2, 12):
            store.apply(policy(generation=generation))
            await until(lambda: store.status("RoutingPolicy", "default")["programmedGeneration"] == generation)  # noqa: B023
            assert said(store, generation)[:2] == ["False", "True"]


async def test_programmed_stays_false_while_one_proxy_has_not_loaded_the_table():
    """Its reason says what is waited for; the generation in force is the old one."""
    async with applied() as (store, fakes), running(store):
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
    async with applied(proxies=0) as (store, _), running(store):
        await until(lambda: programmed(store) == ("False", "NoProxies"))
        late = FakeProxy(store, "late", time.time())
        async with late.serving() as address:
            store.members.append(address)
            store.touched()
            await until(lambda: programmed(store) == ("True", "Programmed"))


async def test_a_deleted_policy_is_unpublished_and_a_failed_list_deletes_nothing():
    """Only a successful LIST shows what is gone."""
    async with applied() as (store, _), running(store):
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
    async with applied() as (store, _), running(store, pulse=pulse):
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
    async with applied() as (store, _):
        store.apply(policy("other"))
        store.broken = {NAME}
        async with running(store):
            await until(lambda: store.condition("RoutingPolicy", "other", "Programmed") == ("True", "Programmed"))
            assert NAME not in store.tables
            store.broken = set()
            await until(lambda: programmed(store) == ("True", "Programmed"))


async def test_keys_are_there_before_the_table_that_names_them(caplog):
    """A table must not meet requests before its keys. The log counts them and has none."""
    caplog.set_level(logging.INFO, "tierway_operator.reconcile")
    keyed = tier("cheap", providers=[provider(credentialRef={"name": "keys", "key": "api-key"})])
    async with applied(secrets=Secrets((secret(),))) as (store, _):
        store.apply(keyed)
        async with running(store):
            await until(lambda: programmed(store) == ("True", "Programmed"))
            order = [what for what, _, _ in store.journal if what in {"keys", "publish"}]
            assert order == ["keys", "publish"]
            assert list(store.keys.values()) == ["k-1"]
            (line,) = [each for each in caplog.records if each.getMessage() == "published provider keys"]
            assert line.keys == 1
            assert "k-1" not in str(vars(line))


async def test_a_restart_of_the_operator_shows_in_no_status():
    """It asks who has loaded what before it writes: nothing flips, nothing is written again."""
    async with applied() as (store, _):
        async with running(store):
            await until(lambda: programmed(store) == ("True", "Programmed"))
            await asyncio.sleep(0.2)
        before = len(store.journal)
        async with running(store):
            await asyncio.sleep(0.2)
        assert [each for each in store.journal[before:] if each[0] == "status"] == []


async def test_a_refused_status_is_loud_and_not_tried_again(caplog):
    """The same again would be refused again; another object's status is not held up."""
    pulse, start = CountingPulse(), time.time()
    # a clock that runs fast: the time of a transition must not make the same status another
    fast = lambda: start + 20 * (time.time() - start)  # noqa: E731
    async with applied(refuses_statuses_of={"cheap"}) as (store, _), running(store, pulse=pulse, now=fast):
        await until(lambda: programmed(store) == ("True", "Programmed"))
        await asyncio.sleep(0.2)
        assert pulse.refusals == [what for what, _, _ in store.journal].count("refused") == 1
        assert "a status was refused" in caplog.text
        assert store.condition("ModelTier", "dear", "Ready") == ("True", "Ready")


async def test_a_status_that_somebody_else_changed_is_written_back():
    """Edits are overwritten at the next LIST."""
    async with applied() as (store, _), running(store):
        await until(lambda: programmed(store) == ("True", "Programmed"))
        store.objects["ModelTier", "llm", "cheap"]["status"] = {"conditions": []}
        store.touched()
        await until(lambda: store.condition("ModelTier", "cheap", "Ready") == ("True", "Ready"))


async def test_figures_are_written_at_their_pace_and_conditions_at_once():
    """A thousand requests between two writes are one write."""
    slow = type(QUICK)(**{**vars(QUICK), "status": 60.0})
    async with applied() as (store, fakes), running(store, slow) as loop:
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


def kept_by_others():
    """A tier of another namespace, for everybody, and a policy there."""
    everybody = {"from": "All"}
    return tier("shared", namespace="other", allowedPolicies=everybody), policy("theirs", namespace="other")


async def test_objects_of_a_namespace_that_another_release_holds_are_left_alone():
    """No table, no status, at whatever change; a tier of there serves our policies all the same."""
    async with applied(elsewhere={"other": "beta/tw"}) as (store, _):
        shared = {"tierRef": {"name": "shared", "namespace": "other"}}
        store.apply(*kept_by_others(), policy(routes=routes(complex_=shared)))
        async with running(store) as loop:
            await until(lambda: programmed(store) == ("True", "Programmed"))
            store.apply(policy("theirs", namespace="other", generation=2))
            await asyncio.sleep(0.2)
            await loop.finish()
        assert set(store.tables) == {NAME}
        assert "other/shared" in store.tables[NAME].table
        told = {name for what, name, _ in store.journal if what == "status"}
        assert told == {"RoutingPolicy/default", "ModelTier/cheap", "ModelTier/dear"}


async def test_a_namespace_that_another_release_takes_is_withdrawn_and_one_that_comes_is_served():
    """Its tables go, its statuses are not touched any more; and the other way round."""
    async with applied() as (store, _):
        store.apply(*kept_by_others(), tier("cheap", namespace="other"), tier("dear", namespace="other"))
        async with running(store) as loop:
            await until(lambda: store.condition("RoutingPolicy", "default", "Programmed") == ("True", "Programmed"))
            await until(lambda: "other/theirs" in store.tables)
            store.elsewhere = {"other": "beta/tw"}
            store.touched()
            await until(lambda: set(store.tables) == {NAME})
            before = len(store.journal)
            store.objects["ModelTier", "other", "shared"]["status"] = {"conditions": []}
            store.touched()
            await asyncio.sleep(0.2)
            await loop.finish()
            assert {name for what, name, _ in store.journal[before:] if what == "status"} & {
                "RoutingPolicy/theirs",
                "ModelTier/shared",
            } == set()
            store.elsewhere = {}
            store.touched()
            await until(lambda: store.tables.keys() == {NAME, "other/theirs"})


async def test_the_log_says_what_was_published_and_for_whom(caplog):
    """Policy, generation, hash, proxies; a state that moves without an edit is called one; and what is withdrawn."""
    caplog.set_level(logging.INFO, "tierway_operator.reconcile")
    async with applied() as (store, _), running(store):
        await until(lambda: programmed(store) == ("True", "Programmed"))
        store.apply(tier("cheap", models=[model(state="Draining")]))
        await until(lambda: "Draining" in store.tables[NAME].state)
        lines = [each for each in caplog.records if each.getMessage().startswith("published")]
        assert [each.getMessage() for each in lines] == ["published a table", "published a state"]
        hashed = store.status("RoutingPolicy", "default")["tableHash"]
        assert {(each.policy, each.generation, each.hash, each.proxies) for each in lines} == {(NAME, 1, hashed, 2)}
        store.delete("RoutingPolicy", "default")
        await until(lambda: any(each.getMessage() == "withdrew a table" for each in caplog.records))
