"""What the operator says to Prometheus, of a loop that runs over a store in memory and proxies on the wire."""

import time

from aiohttp.test_utils import TestClient, TestServer
from prometheus_client.parser import text_string_to_metric_families

from tests.operator.memory import applied, programmed, running, until
from tests.operator.worlds import policy
from tierway_operator.health import Health, application
from tierway_operator.metrics import Metrics

DESIRED, PROGRAMMED = "tierway_operator_policy_desired_proxies", "tierway_operator_policy_programmed_proxies"
PENDING = "tierway_operator_policy_pending_seconds"
CONDITION = "tierway_operator_condition_timestamp_seconds"
TRUE = ("True", "Programmed")


async def read(reconciler):
    """Every sample of /metrics, by name and labels in the order of their names."""
    health = Health()
    health.registry.register(Metrics(reconciler))
    async with TestClient(TestServer(application(health))) as client:
        text = await (await client.get("/metrics")).text()
    found = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {(each.name, *(value for _, value in sorted(each.labels.items()))): each.value for each in found}


async def test_a_loop_that_knows_nothing_yet_says_nothing_of_policies():
    """The first LIST may be minutes away when the API is down, and Prometheus asks all the same."""
    async with applied() as (store, _):
        store.list_error = "forbidden"
        async with running(store) as loop:
            seen = await read(loop)
    assert not [name for name, *_ in seen if name.startswith("tierway_operator_policy")]
    assert seen["tierway_operator_known_proxies",] == 0


async def test_a_policy_that_all_proxies_have_is_pending_for_no_time():
    """Two of two, and since when."""
    async with applied() as (store, _), running(store) as loop:
        await until(lambda: programmed(store) == TRUE)
        seen = await read(loop)
    assert (seen[DESIRED, "llm/default"], seen[PROGRAMMED, "llm/default"], seen[PENDING, "llm/default"]) == (2, 2, 0)
    assert seen[CONDITION, "RoutingPolicy", "llm/default", "True", "Programmed"] <= time.time()
    assert (seen["tierway_operator_known_proxies",], seen["tierway_operator_heard_proxies",]) == (2, 2)
    assert seen["tierway_operator_incomplete_totals",] == 0


async def test_a_table_that_some_proxy_lacks_is_pending_and_for_how_long():
    """What the alert waits for: the proxy that is behind is one less of those that have it."""
    late = 0.0
    async with applied() as (store, fakes), running(store, now=lambda: time.time() + late) as loop:
        await until(lambda: programmed(store) == TRUE)
        fakes[1].stuck = True
        store.apply(policy(generation=2))
        await until(lambda: store.status("RoutingPolicy", "default")["summary"]["programmed"] == "1/2")
        late = 100.0
        seen = await read(loop)
    assert (seen[DESIRED, "llm/default"], seen[PROGRAMMED, "llm/default"]) == (2, 1)
    assert 100 <= seen[PENDING, "llm/default"] < 110
    assert (CONDITION, "RoutingPolicy", "llm/default", "False", "Programmed") in seen
    assert (CONDITION, "RoutingPolicy", "llm/default", "True", "Programmed") not in seen


async def test_a_policy_that_was_refused_from_the_start_waits_for_no_proxy():
    """Its author is told by Accepted; nobody has to look after the proxies."""
    async with applied() as (store, _), running(store) as loop:
        store.apply(policy(name="broken", baseline={"tierRef": {"name": "nowhere"}}))
        await until(lambda: store.condition("RoutingPolicy", "broken", "Accepted") is not None)
        seen = await read(loop)
    assert seen[PENDING, "llm/broken"] == 0
    assert (CONDITION, "RoutingPolicy", "llm/broken", "False", "Accepted") in seen


async def test_a_policy_that_is_deleted_leaves_no_series():
    """Else an alert about it never ends."""
    async with applied() as (store, _), running(store) as loop:
        await until(lambda: programmed(store) == TRUE)
        store.delete("RoutingPolicy", "default")
        await until(lambda: not store.tables)
        await until(lambda: not loop.standing())
        seen = await read(loop)
    assert not [key for key in seen if "llm/default" in key]
