"""From what proxies count to what statuses say."""

import asyncio
import time

from tests.operator.counted import attempts, day
from tests.operator.memory import FakeProxy, applied, programmed, running, until
from tests.operator.worlds import NAME
from tierway_operator.amounts import timestamp
from tierway_operator.tally import day_of
from tierway_proxy.contract.observations import PolicyCounts


def requests(store):
    """What the tier's status says of today."""
    return store.status("ModelTier", "cheap").get("today", {}).get("requests")


async def test_counts_reach_both_statuses_after_the_tally_is_saved():
    """No figure is in a status that a crash of the operator could take back."""
    async with applied() as (store, fakes), running(store):
        today = day_of(time.time())
        counts = PolicyCounts(requests={"Simple": 2}, cost=70, baseline_cost=700)
        fakes[0].days = {today: day(attempts(3), {NAME: counts})}
        fakes[1].days = {today: day(attempts(4), {NAME: counts})}
        await until(lambda: requests(store) == 7)
        await until(lambda: store.status("RoutingPolicy", "default")["today"]["requests"]["simple"] == 4)
        assert store.status("RoutingPolicy", "default")["summary"]["saved"] == "90%"
        whats = [what for what, _, _ in store.journal]
        saved = next(
            place for place, (what, _, text) in enumerate(store.journal) if what == "tally" and '"attempts":4' in text
        )
        shown = next(
            place
            for place, (what, _, status) in enumerate(store.journal)
            if what == "status" and status.get("today", {}).get("requests") == 7
        )
        assert saved < shown < len(whats)


async def test_a_draining_proxy_may_go_after_its_last_counts_are_saved():
    """And is not counted twice while it is still there."""
    async with applied() as (store, fakes), running(store):
        fakes[0].days = {day_of(time.time()): day(attempts(5))}
        fakes[0].final = True
        await until(lambda: fakes[0].acknowledged)
        whats = [what for what, _, text in store.journal if what == "ack" or (what == "tally" and "proxy-0" in text)]
        assert whats[0] == "tally"
        await until(lambda: requests(store) == 5)
        await asyncio.sleep(0.15)
        assert requests(store) == 5


async def _known(store):
    """Proxies have been asked; from now on nothing of the store can be had."""
    await until(lambda: (programmed(store) or [""])[0] == "True")
    store.broken |= {"world", "proxies", "save_tally", "write_status"}


async def test_what_is_counted_while_the_store_is_away_outlives_a_killed_proxy():
    """Proxies of before are asked all the same; statuses have it as soon as they can be written."""
    async with applied() as (store, fakes), running(store):
        await _known(store)
        asked = fakes[0].asked
        fakes[0].days = {day_of(time.time()): day(attempts(5))}
        await until(lambda: fakes[0].asked > asked + 1)
        fakes[0].name, fakes[0].days = "after-the-kill", {}
        await until(lambda: fakes[0].asked > asked + 3)
        store.broken.clear()
        await until(lambda: requests(store) == 5)


async def test_an_operator_that_ends_asks_nobody_any_more(monkeypatch):
    """Also when it was about to learn who the proxies are: its end has a count of its own."""
    async with applied() as (store, fakes):
        async with running(store):
            await _known(store)
            looking = asyncio.Event()

            async def without_end():
                looking.set()
                await asyncio.Event().wait()

            monkeypatch.setattr(store, "proxies", without_end)
            await looking.wait()
            asked = fakes[0].asked
        assert fakes[0].asked == asked


async def test_a_proxy_may_not_go_while_its_counts_cannot_be_saved():
    """It waits until they are."""
    async with applied() as (store, fakes), running(store):
        await _known(store)
        fakes[0].days, fakes[0].final = {day_of(time.time()): day(attempts(5))}, True
        asked = fakes[0].asked
        await until(lambda: fakes[0].asked > asked + 2)
        assert not fakes[0].acknowledged
        store.broken.clear()
        await until(lambda: fakes[0].acknowledged)


async def test_a_restarted_operator_counts_on_from_the_tally():
    """Nothing is doubled, nothing forgotten."""
    async with applied() as (store, fakes):
        fakes[0].days = {day_of(time.time()): day(attempts(5))}
        async with running(store):
            await until(lambda: requests(store) == 5)
        fakes[0].days = {day_of(time.time()): day(attempts(9))}
        async with running(store):
            await until(lambda: requests(store) == 9)


async def test_a_proxy_that_vanished_is_said_since_when():
    """Its counts stay, and the day may lack what it counted last."""
    async with applied() as (store, fakes):
        now = [time.time()]
        async with running(store, now=lambda: now[0]):
            fakes[0].days = {day_of(now[0]): day(attempts(5))}
            await until(lambda: requests(store) == 5)
            vanished = timestamp(now[0])
            del store.members[0]
            await asyncio.sleep(0.15)
            now[0] += 45
            await until(lambda: "incompleteSince" in store.status("RoutingPolicy", "default").get("today", {}))
            assert store.status("RoutingPolicy", "default")["today"]["incompleteSince"] == vanished
            assert requests(store) == 5


async def test_a_proxy_with_another_token_is_not_heard(caplog):
    """It is said once, and whoever it is does not count as programmed."""
    async with applied() as (store, _):
        stranger = FakeProxy(store, "stranger", time.time(), token="f" * 64)
        async with stranger.serving() as address, running(store):
            store.members.append(address)
            store.touched()
            await until(lambda: store.status("RoutingPolicy", "default").get("summary", {}).get("programmed") == "2/3")
            assert programmed(store)[0] == "False"
            await until(lambda: "does not say what it counted" in caplog.text)
            await asyncio.sleep(0.15)
        assert caplog.text.count("does not say what it counted") == 1
