"""What a proxy says to Prometheus beside its counts: limits, reasons, the state of its tables."""

import shutil
import time

import pytest

from tests.monitoring.pages import by_values
from tests.provider.wire import ask, eventually
from tests.proxy.asks import ASK
from tests.proxy.tables import MODEL, POLICY, chain, state, tier
from tierway_proxy.contract.state import EffectiveLimits
from tierway_proxy.contract.table import Limits
from tierway_proxy.shell.contact import Contact
from tierway_proxy.shell.server import Exchange

FIRST = ("sim", MODEL, "first", "llm")
"""An endpoint's labels' values, in the order of their names; further labels may stand between."""


async def page(proxy):
    await proxy.idle()
    return by_values((await proxy.get("/metrics"))[1])


async def test_what_is_served_counts_from_zero(start, front):
    """A series that begins with its first event hides that event from rate()."""
    seen = await page(await start(chain(front.url)))
    for klass in ("Simple", "Moderate", "Complex", "Pinned"):
        assert seen["tierway_requests_total", klass, POLICY] == 0
    for outcome in ("Answered", "Rejected", "Failed", "Cut", "ClientLeft"):
        assert seen["tierway_request_outcomes_total", outcome, POLICY] == 0
    for name in ("cost_usd", "fallbacks", "shed_requests"):
        assert seen[f"tierway_{name}_total", POLICY] == 0
    assert seen["tierway_attempts_total", "sim", MODEL, "", "first", "llm"] == 0
    assert seen["tierway_internal_errors_total",] == 0


async def test_only_a_policy_with_a_baseline_has_one(start, front):
    """Else it seems to save nothing, or infinitely much."""
    with_one = chain(front.url, policy="llm/compared", baseline={"tier": "llm/first", "model": MODEL})
    seen = await page(await start(chain(front.url), with_one))
    assert [key for key in seen if key[0] == "tierway_baseline_cost_usd_total"] == [
        ("tierway_baseline_cost_usd_total", "llm/compared")
    ]


async def test_the_limits_shown_are_those_in_force(start, front, back):
    """What the state moves wins over what the table says; a limit that is not set has no series."""
    limits = Limits(max_ttft_ms=160, min_output_tokens_per_second=65)
    table = chain(tier(front.url, limits=limits), back.url)
    proxy = await start(table)
    seen = await page(proxy)
    names = ("tierway_time_to_first_token_limit_seconds", "tierway_output_tokens_per_second_limit")
    assert [seen[name, *FIRST] for name in names] == [0.16, 65]
    assert not [key for key in seen if key[0] in names and "second" in key[1:]]
    moved = EffectiveLimits(tier="llm/first", model=MODEL, max_ttft_ms=240)
    await proxy.publish(table, state(sequence=2).model_copy(update={"limits": (moved,)}))
    seen = await page(proxy)
    assert [seen[name, *FIRST] for name in names] == [0.24, 65]


async def test_a_failure_is_told_by_class_and_by_what_the_caller_got(start, front):
    """Which class nobody answers, and whether it is 502, 503 or 504."""
    proxy = await start(chain(front.url))
    front.set_fault("forbidden", count=2)
    statuses = {(await ask(proxy, ASK)).status, (await ask(proxy, {**ASK, "model": "first"})).status}
    assert statuses == {502}
    seen = await page(proxy)
    assert seen["tierway_failed_requests_total", "Simple", POLICY, "502"] == 1
    assert seen["tierway_failed_requests_total", "Pinned", POLICY, "502"] == 1


async def test_a_fallback_is_told_by_its_reason(start, front, back):
    """At the endpoint that failed and was followed, not at the one that saved the day, or that nobody followed."""
    proxy = await start(chain(front.url, back.url, fallback={"delay_ms": 0}))
    front.set_fault("rate_limited", count=2, retry_after=0)
    assert (await ask(proxy, ASK)).status == 200
    back.set_fault("forbidden", count=1)
    assert (await ask(proxy, ASK)).status == 502
    seen = await page(proxy)
    followed = {key: value for key, value in seen.items() if key[0] == "tierway_attempt_fallbacks_total"}
    assert followed == {("tierway_attempt_fallbacks_total", "sim", MODEL, "RateLimited", "first", "llm"): 2}


async def test_a_late_first_token_is_counted_where_it_came_from(start, front, back):
    """Cut for being slow counts as late: the histogram of times has only what was not cut."""
    front.set_fault("slow_first_token", ms=5000)
    proxy = await start(chain(tier(front.url, limits=Limits(max_ttft_ms=50)), back.url))
    await ask(proxy, {**ASK, "stream": True})
    seen = await page(proxy)
    assert seen["tierway_late_first_tokens_total", *FIRST] == 1
    assert ("gen_ai_server_time_to_first_token_seconds_count", *FIRST) not in seen
    assert seen["gen_ai_server_time_to_first_token_seconds_count", "sim", MODEL, "second", "llm"] == 1


async def test_an_open_breaker_is_told_by_its_endpoint(start, front, back):
    """And closed ones are there too, as 0."""
    proxy = await start(chain(front.url, back.url))
    front.set_fault("forbidden", count=5)
    for _ in range(5):
        await ask(proxy, ASK)
    seen = await page(proxy)
    assert seen["tierway_breaker_open", *FIRST] == 1
    assert seen["tierway_breaker_open", "sim", MODEL, "second", "llm"] == 0


async def test_a_fault_of_the_proxy_is_counted(start, front, monkeypatch):
    """Such a request has no outcome, so it would be nowhere to be seen."""
    monkeypatch.setattr(Exchange, "start", lambda *_, **__: 1 / 0)
    proxy = await start(chain(front.url))
    assert (await ask(proxy, ASK)).status == 500
    assert (await page(proxy))["tierway_internal_errors_total",] == 1


async def test_a_proxy_that_drains_is_not_ready(start, front):
    """As its readiness probe says."""
    proxy = await start(chain(front.url))
    assert (await page(proxy))["tierway_ready",] == 1
    proxy._proxy.serving.draining = True
    assert (await page(proxy))["tierway_ready",] == 0


async def test_a_table_says_when_it_changed(start, front):
    """The moment of the swap; a policy that leaves takes its series along."""
    began = time.time()
    proxy = await start(chain(front.url))
    first = (await page(proxy))["tierway_table_loaded_timestamp_seconds", POLICY]
    await proxy.publish(chain(front.url, generation=2))
    second = (await page(proxy))["tierway_table_loaded_timestamp_seconds", POLICY]
    assert began - 1 <= first < second <= time.time()
    shutil.rmtree(proxy.folder.path / "tables" / POLICY.replace("/", "."))
    await eventually(lambda: not proxy.serves(POLICY))
    assert not [key for key in await page(proxy) if key[0] == "tierway_table_loaded_timestamp_seconds"]


async def test_tables_grow_old_while_nobody_gives_them(start, front):
    """The folder is gone: what is served may be outdated from now on, and for how long can be seen."""
    proxy = await start(chain(front.url))
    name = ("tierway_tables_confirmed_timestamp_seconds",)
    young = time.time() - (await page(proxy))[name]
    assert young < 1
    tables, aside = proxy.folder.path / "tables", proxy.folder.path.with_name("aside")
    tables.rename(aside)
    await eventually(lambda: not proxy._proxy.serving.tables.contact._there)
    assert (await page(proxy))[name] == (await page(proxy))[name] < time.time()
    aside.rename(tables)
    await eventually(lambda: proxy._proxy.serving.tables.contact._there)
    assert time.time() - (await page(proxy))[name] < 1


@pytest.mark.parametrize(("told", "last"), [((), 0.0), (("lost",), 0.0), (("heard",), 30.0), (("heard", "lost"), 10.0)])
def test_contact_lasts_until_it_is_lost(told, last):
    """And what was never had is not had now."""
    now = 10.0
    contact = Contact(lambda: now)
    for each in told:
        getattr(contact, each)()
    now = 20.0
    contact.lost() if "lost" in told else None
    now = 30.0
    assert contact.last_heard() == last
