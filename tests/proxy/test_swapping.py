"""Edits take hold while requests run: no restart, nothing refused, and what cannot be served is said."""

import asyncio
import json
import shutil
from contextlib import AsyncExitStack

import openai
import pytest
from aiohttp import web

from tests.provider.wire import ask, asking, eventually, read_tokens
from tests.proxy.asks import STREAM, answer
from tests.proxy.fake_kubernetes import NAMESPACE, RELEASE, FakeKubernetes, config_map
from tests.proxy.harness import Folder, proxying
from tests.proxy.tables import POLICY, UPSTREAM_MODEL, chain, key, state
from tierway_proxy.contract.base import CLASSES, canonical, digest
from tierway_proxy.contract.state import Withdrawal
from tierway_proxy.contract.table import Pins, Route

EMPTY = dict.fromkeys(CLASSES, Route(candidates=()))


def table_hash(table):
    return digest(canonical(table))


async def tier_of(client):
    return (await answer(client))[1]["x-tierway-tier"]


async def test_an_edit_serves_the_next_request(proxy, client, front, back):
    """By the hash that its response names, which is what the proxy tells the operator."""
    swapped = chain(back.url, generation=2)
    await proxy.publish(swapped)
    headers = (await answer(client))[1]
    (loaded,) = (await proxy.observations()).tables
    assert headers["x-tierway-table"] == table_hash(swapped)[:12]
    assert (loaded.hash, loaded.generation) == (table_hash(swapped), 2)
    assert (front.requests(), len(back.requests())) == ([], 1)


async def test_no_request_fails_while_tables_are_swapped(proxy, client, front, back):
    """Fifty edits under load: each request is answered by one of the two providers."""
    done = asyncio.Event()

    async def load():
        answered = 0
        while not done.is_set():
            await answer(client, stream=bool(answered % 2))
            answered += 1
        return answered

    workers = [asyncio.create_task(load()) for _ in range(4)]
    for generation in range(2, 52):
        await proxy.publish(chain((front if generation % 2 else back).url, generation=generation))
    done.set()
    answered = sum(await asyncio.gather(*workers))
    assert (await proxy.counted()).policies[POLICY].outcomes == {"Answered": answered}
    assert answered > 20


async def test_a_stream_ends_by_the_table_that_it_began_with(proxy, front, back):
    """A swap is for the next request; the one under way keeps its provider."""
    front.set_fault("answer_length", tokens=60)
    front.set_fault("crawl", tokens_per_second=100)
    async with asking(proxy, STREAM) as reader:
        begun = await read_tokens(reader, 3)
        await proxy.publish(chain(back.url, generation=2))
        assert (begun + await reader.read(-1)).count(b'"delta":{"content":') == 60
    assert (front.counts()[UPSTREAM_MODEL]["answered"], len(back.requests())) == (1, 0)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "Invalid JSON"),
        ('{"version": 99, "policy": "llm/default"}', "version 99"),
        (json.dumps(json.loads(canonical(chain("http://a.test/v1"))) | {"surprise": 1}), "surprise"),
    ],
)
async def test_a_table_that_cannot_be_served_is_said_and_never_replaces_a_good_one(proxy, client, text, reason):
    """The old one goes on; the operator reads why in the observations, Prometheus that it is so."""
    proxy.folder.put("tables/llm.default/table.json", text)
    await eventually(lambda: proxy.refused(POLICY))
    (loaded,) = (await proxy.observations()).tables
    assert reason in loaded.refused
    assert 'tierway_table_refused{policy="llm/default"} 1.0' in (await proxy.get("/metrics"))[1]
    assert await tier_of(client) == "llm/first"


async def test_a_good_table_behind_a_refused_one_is_served(proxy, client, back):
    """And the complaint is gone."""
    proxy.folder.put("tables/llm.default/table.json", "{")
    await eventually(lambda: proxy.refused(POLICY))
    await proxy.publish(chain(back.url, generation=3))
    assert (await proxy.observations()).tables[0].refused is None
    assert (await answer(client))[0]


async def test_a_tier_that_was_withdrawn_is_left_out_at_once(proxy, client, front, back):
    """By the state alone: the table and its hash stay as they were."""
    gone = Withdrawal(tier="llm/first", how="Disabled", message="deleted")
    await proxy.publish(chain(front.url, back.url), state(sequence=2, withdrawn=(gone,)))
    assert await tier_of(client) == "llm/second"
    (loaded,) = (await proxy.observations()).tables
    assert (loaded.hash, loaded.state_sequence) == (table_hash(chain(front.url, back.url)), 2)


async def test_a_draining_tier_still_answers_those_who_name_it(proxy, client, front, back):
    """It takes no routed requests any more."""
    leaving = Withdrawal(tier="llm/first", how="Draining", message="draining")
    await proxy.publish(chain(front.url, back.url), state(sequence=2, withdrawn=(leaving,)))
    named = await client.chat.completions.with_raw_response.create(model="first", messages=STREAM["messages"])
    assert (await tier_of(client), named.headers["x-tierway-tier"]) == ("llm/second", "llm/first")


async def test_a_policys_pins_hold_from_the_edit_on(proxy, front):
    """Any rule of the policy is an edit of the same table."""
    await proxy.publish(chain(front.url, generation=2, pins=Pins(tier=False)))
    assert (await ask(proxy, {**STREAM, "model": "first"})).status == 403


async def test_a_breaker_outlives_an_edit(proxy, client, front, back):
    """What was learned of an endpoint is not forgotten because somebody changed a rule; that of gone ones is."""
    front.set_fault("forbidden")
    for _ in range(5):
        await answer(client)
    await proxy.publish(chain(front.url, back.url, generation=2))
    assert (await proxy.observations()).open_breakers == (key("first"),)
    without = chain(front.url, back.url, generation=3).model_copy(update={"tiers": {}, "routes": EMPTY})
    await proxy.publish(without)
    assert (await proxy.observations()).open_breakers == ()


async def test_a_policy_that_was_deleted_is_gone_at_once(proxy, client):
    """Its path is 404 like any other that is not there, and the proxy stays ready."""
    shutil.rmtree(proxy.folder.path / "tables" / "llm.default")
    await eventually(lambda: not proxy.serves(POLICY))
    with pytest.raises(openai.InternalServerError, match="does not exist yet"):
        await answer(client)
    assert (await proxy.get("/readyz"))[0] == 200


async def test_requests_read_nothing_of_the_kubernetes_api(sdk, front, tmp_path, monkeypatch):
    """Tables come by a watch and are served from memory: here with the API server gone."""
    fake = FakeKubernetes()
    fake.maps = {"a": config_map()}
    fake.maps["a"]["data"] = {"table.json": canonical(chain(front.url)), "state.json": canonical(state())}
    async with AsyncExitStack() as stack:
        api = web.AppRunner(fake.application(), shutdown_timeout=0.01)
        await api.setup()
        await web.TCPSite(api, "127.0.0.1", 0).start()
        monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path / "kubeconfig", api.addresses[0][1])))
        release = {"tables": None, "release": RELEASE, "namespace": NAMESPACE}
        client = await sdk(await stack.enter_async_context(proxying(Folder(tmp_path / "unused"), **release)))
        lists = len(fake.lists)
        await answer(client)
        assert len(fake.lists) == lists
        await api.cleanup()
        assert (await answer(client))[0]


def kubeconfig(file, port):
    parts = {
        "clusters": [{"name": "fake", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "users": [{"name": "fake", "user": {"token": "any"}}],
        "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": "fake"}}],
        "current-context": "fake",
    }
    file.write_text(json.dumps(parts))
    return file
