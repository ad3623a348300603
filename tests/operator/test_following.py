"""How soon a status says what has become true: proxies are looked at when they come, not only in the next round."""

import asyncio
import time
from contextlib import asynccontextmanager
from dataclasses import replace

from tests.operator.memory import QUICK, FakeProxy, MemoryStore, applied, programmed, running, until
from tests.operator.worlds import policy, routes, tier

FIRST_ROUND_ONLY = replace(QUICK, scrape=3600.0, resync=3600.0, glance=3600.0)
"""Whoever waits for the next round, or for the next look at what may have changed, waits longer than a test."""


@asynccontextmanager
async def coming(store, name="late"):
    """A proxy that comes now; nobody is told."""
    proxy = FakeProxy(store, name, time.time())
    async with proxy.serving() as address:
        store.members.append(address)
        yield proxy


async def settled(store):
    """Each turn and the first round have looked for proxies: no other look comes by itself."""
    turns = 2 if store.objects else 1  # they were applied before the first turn, which is news after it
    await until(lambda: store.searches == turns + 1)


def shown(store):
    """(reason, PROGRAMMED) of the policy, status by status."""
    return [
        (each["reason"], status["summary"]["programmed"])
        for what, name, status in store.journal
        if (what, name) == ("status", "RoutingPolicy/default")
        for each in status["conditions"]
        if each["type"] == "Programmed"
    ]


async def test_a_policy_applied_after_the_proxies_came_is_never_said_to_have_none():
    """As after an install: the first status has the proxies of this moment, the second what they loaded."""
    store = MemoryStore()
    async with running(store, FIRST_ROUND_ONLY):
        await settled(store)
        async with coming(store, "a"), coming(store, "b"):
            store.apply(tier("cheap"), tier("dear"), policy())
            await until(lambda: programmed(store) == ("True", "Programmed"))
            assert shown(store) == [("Pending", "0/2"), ("Programmed", "2/2")]


async def test_proxies_that_come_after_the_policy_are_asked_when_they_are_seen():
    """Whoever serves counts as soon as it has said what it loaded."""
    async with applied(proxies=0) as (store, _), running(store, FIRST_ROUND_ONLY):
        await settled(store)
        await until(lambda: programmed(store) == ("False", "NoProxies"))
        async with coming(store):
            store.touched()
            await until(lambda: programmed(store) == ("True", "Programmed"))
            assert shown(store) == [("NoProxies", "0/0"), ("Programmed", "1/1")]


async def test_while_nobody_serves_a_table_proxies_are_looked_for():
    """Also when no change was reported."""
    async with applied(proxies=0) as (store, _), running(store, replace(FIRST_ROUND_ONLY, glance=0.01)):
        await until(lambda: store.searches > 10)
        assert programmed(store) == ("False", "NoProxies")
        async with coming(store):
            await until(lambda: programmed(store) == ("True", "Programmed"))


async def test_who_goes_and_who_comes_during_a_burst_is_seen():
    """It follows the proxies of this moment, not those that it began with."""
    pace = replace(FIRST_ROUND_ONLY, burst=3600.0, glance=0.01)
    async with applied() as (store, fakes), running(store, pace):
        fakes[1].stuck = True
        await until(lambda: shown(store)[-1:] == [("Pending", "1/2")])
        async with coming(store):
            del store.members[1]
            await until(lambda: programmed(store) == ("True", "Programmed"))


async def test_a_straggler_that_has_caught_up_is_seen():
    """After the burst, too."""
    pace = replace(FIRST_ROUND_ONLY, burst=0.0, glance=0.01)
    async with applied() as (store, fakes), running(store, pace):
        fakes[1].stuck = True
        await until(lambda: shown(store)[-1:] == [("Pending", "1/2")])
        fakes[1].stuck = False
        await until(lambda: programmed(store) == ("True", "Programmed"))


async def test_one_more_proxy_takes_nothing_back_and_is_counted():
    """It is asked before it counts: whoever serves has listed the tables."""
    async with applied() as (store, _), running(store, FIRST_ROUND_ONLY):
        await settled(store)
        await until(lambda: programmed(store) == ("True", "Programmed"))
        before = len(shown(store))
        async with coming(store):
            store.touched()
            await until(lambda: len(shown(store)) > before)
            assert shown(store)[before:] == [("Programmed", "3/3")]


async def test_one_more_proxy_without_the_table_makes_it_false_at_once():
    """What not all of them have is not in force."""
    async with applied() as (store, _), running(store, FIRST_ROUND_ONLY):
        await settled(store)
        await until(lambda: programmed(store) == ("True", "Programmed"))
        async with coming(store) as late:
            late.stuck = True
            store.touched()
            await until(lambda: shown(store)[-1] == ("Pending", "2/3"))


async def test_nobody_is_asked_again_and_again_for_the_sake_of_a_refused_policy():
    """It has no table that a proxy could load."""
    pace = replace(FIRST_ROUND_ONLY, burst=3600.0, poll=0.001, glance=0.001)
    async with applied() as (store, fakes), running(store, pace):
        store.apply(policy("broken", routes=routes(simple="nobody")))
        await until(lambda: store.condition("RoutingPolicy", "broken", "Programmed") == ("False", "NotAccepted"))
        await until(lambda: programmed(store) == ("True", "Programmed"))
        await asyncio.sleep(0.05)  # of the burst one look may be under way
        asked = fakes[0].asked
        await asyncio.sleep(0.1)
        assert fakes[0].asked == asked
