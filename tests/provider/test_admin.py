"""The admin calls, and the same controls inside the process."""

import asyncio
import json
from contextlib import AsyncExitStack

import aiohttp
import pytest

from tests.provider.wire import ASK, STREAM, ask, asking, connected, ended, eventually
from tierway_cli.provider import Provider
from tierway_cli.provider.faults import KINDS, FaultError
from tierway_cli.provider.journal import Journal, Received


@pytest.fixture
async def admin(provider):
    async with aiohttp.ClientSession(base_url=provider.admin_url + "/") as session:
        yield session


async def test_a_fault_is_set_for_a_model_and_a_number_of_requests(provider, admin):
    """The next two requests for that model meet it, others and later ones do not."""
    rule = {"fault": "rate_limited", "model": "GLM-5", "count": 2, "retry_after": 9}
    async with admin.post("faults", json=rule) as reply:
        assert reply.status == 201
    assert (await ask(provider, ASK)).status == 200
    glm = {**ASK, "model": "GLM-5"}
    replies = [await ask(provider, glm) for _ in range(3)]
    assert [reply.status for reply in replies] == [429, 429, 200]
    assert "retry-after: 9" in replies[0].head


async def test_faults_are_listed_and_cleared(provider, admin):
    """The list has each rule with all its parameters and what faults there are; a DELETE ends them all."""
    provider.set_fault("cut", tokens=2, share=0.5)
    async with admin.get("faults") as reply:
        shown = await reply.json()
    assert shown["rules"] == [{"model": None, "fault": "cut", "share": 0.5, "count": None, "tokens": 2, "how": "close"}]
    assert shown["known"].keys() == KINDS.keys()
    async with admin.delete("faults") as reply:
        assert reply.status == 204
    assert (await ask(provider, STREAM)).events[-1] == "[DONE]"


async def test_faults_that_shape_an_answer_are_played_together(provider):
    """Rules add up, until one answers instead of the model."""
    provider.set_fault("no_done")
    provider.set_fault("changing_ids")
    reply = await ask(provider, STREAM)
    assert reply.events[-1] != "[DONE]"
    assert len({event["id"] for event in reply.events}) > 2
    provider.clear_faults()
    provider.set_fault("unavailable")
    provider.set_fault("server_error")
    assert (await ask(provider, STREAM)).status == 503
    assert "server_error" not in provider.counts()["Qwen3-8B"]["faults"]


async def test_a_request_that_asks_for_faults_is_spared_those_that_are_set(provider):
    """The header is all that it meets."""
    provider.set_fault("unavailable")
    assert (await ask(provider, STREAM, "no_done")).status == 200


async def test_a_fault_that_fits_no_request_is_not_used_up(provider):
    """A rule's count is for requests that have what the fault is about."""
    provider.set_fault("rejects_parameter", param="seed", count=1)
    assert (await ask(provider, ASK)).status == 200
    assert (await ask(provider, {**ASK, "seed": 1})).status == 400
    assert (await ask(provider, {**ASK, "seed": 1})).status == 200


@pytest.mark.parametrize(
    ("rule", "named"),
    [
        ({"fault": "explode"}, "rate_limited"),
        ({}, "rate_limited"),
        ({"fault": "cut", "model": "gpt-9"}, "Qwen3-8B"),
        ({"fault": "cut", "share": 2}, "share"),
        ({"fault": "cut", "share": "all"}, "share"),
        ({"fault": "cut", "count": 0}, "count"),
        ({"fault": "cut", "toknes": 1}, "tokens"),
        ([], "object"),
    ],
)
async def test_a_wrong_rule_is_told_what_there_is(admin, rule, named):
    """400 with a sentence that names what is right."""
    async with admin.post("faults", json=rule) as reply:
        assert reply.status == 400
        assert named in (await reply.json())["error"]


async def test_a_wrong_rule_raises_in_the_process(provider):
    """The same check as by the wire."""
    with pytest.raises(FaultError, match="rate_limited"):
        provider.set_fault("explode")


async def test_counts_are_read_and_reset(provider, admin):
    """The wire shows what the process knows."""
    await ask(provider, ASK)
    async with admin.get("counts") as reply:
        assert await reply.json() == provider.counts()
    assert provider.counts()["Qwen3-8B"]["answered"] == 1
    async with admin.delete("counts") as reply:
        assert reply.status == 204
    assert provider.counts()["Qwen3-8B"]["answered"] == 0


async def test_recent_requests_are_shown_as_they_came(provider, admin):
    """Header names and bytes of the body are untouched, oldest first."""
    raw = b'{"model":"Qwen3-8B",  "messages":[{"role":"user","content":"\xc3\xa9"}], "n" : 1}'
    await ask(provider, ASK)
    await ask(provider, raw, headers={"X-Odd-CASE": "1"})
    async with admin.get("requests", params={"last": 1}) as reply:
        (shown,) = await reply.json()
    assert shown["body"].encode() == raw
    assert ["X-Odd-CASE", "1"] in shown["headers"]
    assert shown["path"] == "/v1/chat/completions"
    first, second = provider.requests()
    assert first.json() == ASK
    assert second.header("x-odd-case") == "1"
    async with admin.get("requests", params={"last": "all"}) as reply:
        assert reply.status == 400


def test_the_journal_is_bounded_in_number_and_bytes():
    """The oldest requests go first; the newest stays, however large."""
    journal = Journal(requests=3, size=100)
    for number in range(5):
        journal.add(Received("/", (), str(number).encode()))
    assert [entry.body for entry in journal.last()] == [b"2", b"3", b"4"]
    assert [entry.body for entry in journal.last(1)] == [b"4"]
    assert journal.last(0) == []
    journal.add(Received("/", (), b"x" * 99))
    assert [len(entry.body) for entry in journal.last()] == [1, 99]
    journal.add(Received("/", (), b"y" * 500))
    assert [len(entry.body) for entry in journal.last()] == [500]


async def test_a_closed_provider_refuses_connections_until_it_opens_again(provider, admin):
    """The listening socket is really closed, open answers break, and the same port comes back."""
    url = provider.url
    async with asking(provider, STREAM, "stall_mid_stream;tokens=1") as reader:
        await reader.readuntil(b'"assistant"')
        async with admin.post("listen", json={"open": False}) as reply:
            assert await reply.json() == {"open": False}
        with pytest.raises(ConnectionResetError):
            await asyncio.wait_for(ended(reader), 2)
    with pytest.raises(ConnectionRefusedError):
        await connected(url).__aenter__()
    counts = provider.counts()["Qwen3-8B"]
    assert (counts["cancelled"], counts["in_flight"], counts["billed_prompt_tokens"]) == (0, 0, 5)
    async with admin.post("listen", json={"open": True}):
        pass
    assert provider.url == url
    assert (await ask(provider, ASK)).status == 200
    async with admin.post("listen", json={"open": "yes"}) as reply:
        assert reply.status == 400


async def test_a_stopped_provider_leaves_no_port_open():
    """The block's end closes both ports, stalled answers or not."""
    async with AsyncExitStack() as client, Provider(speed=1000).serving() as provider:
        await client.enter_async_context(asking(provider, STREAM, "stall_before_headers"))
        await eventually(lambda: provider.counts()["Qwen3-8B"]["in_flight"])
    for url in (provider.url, provider.admin_url):
        with pytest.raises(ConnectionRefusedError):
            await connected(url).__aenter__()


async def test_a_region_is_told(provider):
    """The answer's header says where it came from."""
    assert "x-provider-region: us-east" in (await ask(provider, STREAM)).head
    async with Provider(region="ap-southeast", speed=1000).serving() as other:
        assert "x-provider-region: ap-southeast" in (await ask(other, ASK)).head
        assert json.loads((await ask(other, b"", method="GET", path="/v1/models")).body)["object"] == "list"
