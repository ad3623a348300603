"""What a proxy counted is what its providers served: requests, tokens and money, to the pico-dollar."""

import asyncio
from random import Random

import openai

from tests.provider.wire import connected, read_tokens, request
from tests.proxy.asks import STREAM, WEATHER, answer, collect, user
from tests.proxy.tables import POLICY, UPSTREAM_MODEL, chain, key, tier
from tierway_proxy.contract.table import Limits, Price

CHEAP = Price(input=10_001, cached_input=2_503, output=30_007, request=11)
DEAR = Price(input=70_003, cached_input=70_003, output=280_009, request=0)
BY_OUTPUT = Price(input=0, cached_input=0, output=30_007, request=13)
"""For answers whose prompt nobody counted, because no usage came."""

REQUESTS = 200
LONG = [{"role": "system", "content": "You are a careful clerk. " * 300}, *user("Is invoice 7 paid?")]
ASKS = [
    {},
    {"stream": True},
    {"stream": True, "stream_options": {"include_usage": True}},
    {"n": 2},
    {"tools": [WEATHER], "tool_choice": "required"},
    {"tools": [WEATHER], "tool_choice": "required", "stream": True},
    {"messages": LONG},
    {"messages": LONG, "stream": True},
    {"max_tokens": 3},
]


async def served(client, number):
    """One request of a mix; whether it was answered."""
    ask = {"model": "auto", "messages": user(f"Question {number}: how do refunds work?"), **ASKS[number % len(ASKS)]}
    try:
        reply = await client.chat.completions.create(**ask)
        if ask.get("stream"):
            await collect(reply)
    except openai.APIError:
        return False
    return True


async def all_served(client, count):
    """So many requests of the mix, sixteen at a time; how many were answered."""
    places = asyncio.Semaphore(16)

    async def one(number):
        async with places:
            return await served(client, number)

    return sum(await asyncio.gather(*(one(number) for number in range(count))))


def billed(provider, price, answered):
    """What a provider charges for what it served, in pico-dollars."""
    counts = provider.counts()[UPSTREAM_MODEL]
    cached = counts["billed_cached_tokens"]
    fresh = counts["billed_prompt_tokens"] - cached
    output = counts["billed_completion_tokens"]
    return fresh * price.input + cached * price.cached_input + output * price.output + answered * price.request


def assert_agree(counted, provider, price):
    """One endpoint's counts against the account of its provider."""
    counts = provider.counts()[UPSTREAM_MODEL]
    assert counted.attempts == counts["requests"]
    assert counted.output_tokens == counts["billed_completion_tokens"]
    assert counted.cost == billed(provider, price, counted.committed)


async def test_under_faults_and_concurrency_every_figure_agrees(start, sdk, front, back):
    """Errors of every kind in front, fallbacks behind, JSON and streams, tools, several choices, cached prompts."""
    for fault in ("rate_limited", "unavailable", "server_error", "forbidden", "error_frame_first", "error_after_role"):
        front.set_fault(fault, share=0.05, **({"retry_after": 0} if fault == "rate_limited" else {}))
    able = {"capabilities": ("Tools",)}
    first, second = tier(front.url, price=CHEAP, **able), tier(back.url, price=DEAR, **able)
    proxy = await start(chain(first, second, fallback={"delay_ms": 1}))
    assert await all_served(await sdk(proxy), REQUESTS) == REQUESTS
    day = await proxy.counted()
    policy, one, other = day.policies[POLICY], day.endpoints[key("first")], day.endpoints[key("second")]
    assert_agree(one, front, CHEAP)
    assert_agree(other, back, DEAR)
    assert one.input_tokens == front.counts()[UPSTREAM_MODEL]["billed_prompt_tokens"]
    assert one.cached_input_tokens == front.counts()[UPSTREAM_MODEL]["billed_cached_tokens"] > 0
    assert (policy.outcomes, policy.fallbacks) == ({"Answered": REQUESTS}, other.committed)
    assert (policy.cost, one.estimated) == (one.cost + other.cost, 0)
    assert other.committed == sum(one.fallbacks.values()) + _passed_over(one)
    assert sum(one.errors.values()) + one.committed == one.attempts


def _passed_over(first):
    """Requests that the breaker kept from the first candidate."""
    return REQUESTS - first.attempts


async def test_attempts_that_were_cut_for_slowness_are_paid_for(start, sdk, front, back):
    """Their provider had read the prompt; it is of the size that the one who answered counted."""
    front.set_fault("stall_before_headers", share=0.3)
    first = tier(front.url, price=CHEAP, limits=Limits(max_ttft_ms=1000))
    proxy = await start(chain(first, tier(back.url, price=DEAR)))
    client = await sdk(proxy)
    await asyncio.gather(*(answer(client, stream=bool(number % 2)) for number in range(16)))
    await front.idle()
    day = await proxy.counted()
    one = day.endpoints[key("first")]
    assert_agree(one, front, CHEAP)
    assert_agree(day.endpoints[key("second")], back, DEAR)
    assert (
        one.errors["SlowFirstToken"] == sum(one.censored["1K"].values()) == front.counts()[UPSTREAM_MODEL]["cancelled"]
    )
    assert one.abandoned_cost == one.errors["SlowFirstToken"] * 5 * CHEAP.input


async def test_cut_answers_and_clients_that_leave_are_charged_to_the_token(start, sdk, front):
    """Whatever ended them; a price for each request is due for what was begun too."""
    random = Random(3)  # noqa: S311 (a mix, no secret)
    proxy = await start(chain(tier(front.url, price=BY_OUTPUT), streaming={"stall_ms": 2000}))
    client = await sdk(proxy)
    for _ in range(40):
        front.clear_faults()
        await random.choice([_whole, _cut, _cut_cleanly, _left])(proxy, client, front, random.randrange(1, 12))
    day = await proxy.counted()
    one = day.endpoints[key("first")]
    assert_agree(one, front, BY_OUTPUT)
    assert (sum(day.policies[POLICY].outcomes.values()), one.committed) == (40, 40)
    assert one.estimated == 40 - front.counts()[UPSTREAM_MODEL]["answered"]


async def _whole(_proxy, client, _front, tokens):
    assert await served(client, tokens % 3)


async def _cut(_proxy, client, front, tokens):
    front.set_fault("cut", tokens=tokens)
    assert not await served(client, tokens % 3)


async def _cut_cleanly(_proxy, client, front, tokens):
    front.set_fault("cut", tokens=tokens, how="clean")
    assert not await served(client, tokens % 3)


async def _left(proxy, _client, front, tokens):
    front.set_fault("stall_mid_stream", tokens=tokens)
    async with connected(proxy.url) as (reader, writer):
        writer.write(request(STREAM))
        await read_tokens(reader, tokens)
    await front.idle()
    await proxy.idle()


async def test_a_request_is_counted_once_however_it_ends(start, sdk, front, back):
    """All outcomes add up to what was sent."""
    front.set_fault("error_string", share=0.3)
    front.set_fault("rate_limited", share=0.3, retry_after=0)
    back.set_fault("server_error", share=0.5)
    proxy = await start(chain(front.url, back.url, fallback={"delay_ms": 1}))
    answered = await all_served(await sdk(proxy), 120)
    policy = (await proxy.counted()).policies[POLICY]
    assert sum(policy.outcomes.values()) == sum(policy.requests.values()) + policy.pinned == 120
    assert policy.outcomes["Answered"] == answered
    assert policy.outcomes.keys() == {"Answered", "Rejected", "Failed"}
