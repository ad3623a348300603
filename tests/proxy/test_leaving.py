"""A client that leaves: its upstream is told to stop at once, and what was used until then is charged."""

import asyncio

import pytest

from tests.provider.wire import connected, eventually, read_tokens, request
from tests.proxy.asks import ASK, STREAM
from tests.proxy.tables import POLICY, UPSTREAM_MODEL, chain, key

EITHER = pytest.mark.parametrize("body", [STREAM, ASK], ids=["stream", "json"])


def under_way(provider):
    return provider.counts()[UPSTREAM_MODEL]["in_flight"]


async def leave_before_the_first_byte(proxy, provider, body):
    async with connected(proxy.url) as (_, writer):
        writer.write(request(body))
        await eventually(lambda: under_way(provider) == 1)


@EITHER
@pytest.mark.parametrize("fault", ["stall_before_headers", "slow_first_token", "empty_deltas"])
async def test_leaving_before_the_first_byte_stops_the_upstream(proxy, front, back, body, fault):
    """Whether the provider is silent or only says what is no content; nobody else is asked."""
    front.set_fault(fault, **({} if fault == "stall_before_headers" else {"ms": 60_000}))
    await leave_before_the_first_byte(proxy, front, body)
    await asyncio.wait_for(front.idle(), 5)
    day = await proxy.counted()
    assert front.counts()[UPSTREAM_MODEL]["cancelled"] == 1
    assert back.counts()[UPSTREAM_MODEL]["requests"] == 0
    assert (day.policies[POLICY].outcomes, day.endpoints[key("first")].errors) == ({"ClientLeft": 1}, {"ClientLeft": 1})


@EITHER
async def test_leaving_before_the_first_byte_is_charged_for_the_prompt(proxy, front, body):
    """The provider had read it; how many tokens it was is an estimate, for it never said."""
    front.set_fault("stall_before_headers")
    await leave_before_the_first_byte(proxy, front, body)
    await front.idle()
    first = (await proxy.counted()).endpoints[key("first")]
    assert front.counts()[UPSTREAM_MODEL]["billed_prompt_tokens"] == 5
    assert 5 <= first.input_tokens <= 9
    assert (first.output_tokens, first.estimated) == (0, 1)
    assert first.cost == first.abandoned_cost == first.input_tokens * 10_000


async def test_leaving_in_the_middle_stops_the_upstream_and_charges_what_came(proxy, front):
    """To the token."""
    front.set_fault("stall_mid_stream", tokens=7)
    async with connected(proxy.url) as (reader, writer):
        writer.write(request(STREAM))
        await read_tokens(reader, 7)
    await asyncio.wait_for(front.idle(), 5)
    day, counts = await proxy.counted(), front.counts()[UPSTREAM_MODEL]
    first = day.endpoints[key("first")]
    assert (counts["cancelled"], counts["billed_completion_tokens"]) == (1, 7)
    assert (first.output_tokens, first.estimated, first.committed) == (7, 1, 1)
    assert first.cost == first.input_tokens * 10_000 + 7 * 30_000
    assert (first.abandoned_cost, day.policies[POLICY].outcomes) == (0, {"ClientLeft": 1})


async def test_leaving_a_json_request_half_way_charges_what_was_generated(proxy, front):
    """The client has not seen a byte, but the upstream was streaming to the proxy."""
    front.set_fault("stall_mid_stream", tokens=7)
    async with connected(proxy.url) as (_, writer):
        writer.write(request(ASK))
        await eventually(lambda: front.counts()[UPSTREAM_MODEL]["completion_tokens"] == 7)
        await asyncio.sleep(0.05)  # the seventh token's way to the proxy
    await asyncio.wait_for(front.idle(), 5)
    assert (await proxy.counted()).endpoints[key("first")].output_tokens == 7


async def test_leaving_while_the_answer_flows_ends_its_generation(proxy, front):
    """A provider that would go on for minutes is stopped within a moment."""
    front.set_fault("answer_length", tokens=100_000)
    front.set_fault("crawl", tokens_per_second=500)
    async with connected(proxy.url) as (reader, writer):
        writer.write(request(STREAM))
        await read_tokens(reader, 20)
    await asyncio.wait_for(front.idle(), 5)
    generated = front.counts()[UPSTREAM_MODEL]["completion_tokens"]
    charged = (await proxy.counted()).endpoints[key("first")].output_tokens
    assert 20 <= charged <= generated < 2500


async def test_leaving_just_before_the_usage_chunk_is_not_free(proxy, front):
    """All tokens came, their count did not: they are charged all the same."""
    front.set_fault("answer_length", tokens=30)
    front.set_fault("stall_mid_stream", tokens=30)
    async with connected(proxy.url) as (reader, writer):
        writer.write(request(STREAM))
        await read_tokens(reader, 30)
    await front.idle()
    first = (await proxy.counted()).endpoints[key("first")]
    assert first.output_tokens == front.counts()[UPSTREAM_MODEL]["billed_completion_tokens"] == 30


async def test_a_usage_of_zero_is_a_figure_and_no_absence(client, proxy, front):
    """A provider that charges nothing says so; an estimate in its place would bill what was free."""
    front.set_fault("zero_usage")
    await client.chat.completions.create(**ASK)
    first = (await proxy.counted()).endpoints[key("first")]
    assert (first.output_tokens, first.estimated, first.cost) == (0, 0, 0)


async def test_leaving_during_the_pause_between_two_attempts_asks_nobody_else(start, front, back):
    """The delay of the policy is no time in which a client may be forgotten."""
    front.set_fault("rate_limited")
    proxy = await start(chain(front.url, back.url, fallback={"delay_ms": 60_000}))
    async with connected(proxy.url) as (_, writer):
        writer.write(request(STREAM))
        await eventually(lambda: front.counts()[UPSTREAM_MODEL]["requests"] == 1)
        await asyncio.sleep(0.05)  # the refusal's way to the proxy
    day = await asyncio.wait_for(proxy.counted(), 5)
    assert (day.policies[POLICY].outcomes, back.counts()[UPSTREAM_MODEL]["requests"]) == ({"ClientLeft": 1}, 0)
