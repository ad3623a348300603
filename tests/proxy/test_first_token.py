"""What counts as the beginning of an answer: the first content token, within the limit, and nothing before it."""

import openai
import pytest

from tests.provider.wire import ask
from tests.proxy.asks import STREAM, answer
from tests.proxy.tables import POLICY, UPSTREAM_MODEL, chain, key, tier
from tierway_proxy.contract.histogram import quantile
from tierway_proxy.contract.table import Limits

EITHER = pytest.mark.parametrize("stream", [True, False], ids=["stream", "json"])


def limited(provider, milliseconds):
    return tier(provider.url, limits=Limits(max_ttft_ms=milliseconds))


def milliseconds(histograms, share=0.5):
    return quantile(histograms["1K"], share)


@EITHER
@pytest.mark.parametrize(
    ("fault", "params", "reason"),
    [
        ("error_frame_first", {}, "ErrorFrame"),
        ("error_after_role", {}, "ErrorFrame"),
        ("error_after_role", {"done": True}, "ErrorFrame"),
        ("lone_done", {}, "NoContent"),
        ("cut", {"tokens": 0, "how": "clean"}, "NoContent"),
        ("cut", {"tokens": 0, "how": "close"}, "ConnectionLost"),
    ],
)
async def test_what_is_no_content_commits_nothing(client, proxy, front, stream, fault, params, reason):
    """An error frame, a role chunk, `[DONE]` or an end: the next candidate answers, and the client sees only that."""
    front.set_fault(fault, **params)
    text, headers = await answer(client, stream=stream)
    first = (await proxy.counted()).endpoints[key("first")]
    assert len(text) > 50
    assert (headers["x-tierway-tier"], headers["x-tierway-attempts"]) == ("llm/second", "2")
    assert (first.errors, first.fallbacks, first.ttft) == ({reason: 1}, {reason: 1}, {})


async def test_nothing_of_an_abandoned_candidate_reaches_the_client(proxy, front):
    """Its role chunk was held back: the stream has one beginning."""
    front.set_fault("error_after_role")
    events = (await ask(proxy, STREAM)).events
    assert [event["choices"][0]["delta"].get("role") for event in events[:-1]].count("assistant") == 1
    assert len({event["id"] for event in events[:-1]}) == 1


@EITHER
@pytest.mark.parametrize("fault", ["empty_deltas", "keep_alive_comments", "slow_first_token"])
async def test_what_keeps_a_stream_busy_does_not_stop_the_clock(start, sdk, front, back, stream, fault):
    """Headers, role, empty deltas and comments come in time, the first token does not: cut at the limit."""
    front.set_fault(fault, ms=5000)
    proxy = await start(chain(limited(front, 150), back.url))
    _, headers = await answer(await sdk(proxy), stream=stream)
    first = (await proxy.counted()).endpoints[key("first")]
    assert headers["x-tierway-tier"] == "llm/second"
    assert first.errors == {"SlowFirstToken": 1}
    assert 145 <= milliseconds(first.censored) < 1000
    assert (first.ttft, first.breaches) == ({}, 1)


@EITHER
async def test_silence_before_the_headers_is_cut_at_the_limit(start, sdk, front, back, stream):
    """A timer runs from sending the attempt on, and the time lost is the limit."""
    front.set_fault("stall_before_headers")
    proxy = await start(chain(limited(front, 150), back.url))
    await answer(await sdk(proxy), stream=stream)
    await front.idle()  # it was told to stop
    day = await proxy.counted()
    assert day.endpoints[key("first")].errors == {"SlowFirstToken": 1}
    assert 145 <= quantile(day.policies[POLICY].first_token, 0.5) < 1000


async def test_time_to_first_token_is_measured_at_the_token(client, proxy, front):
    """Not at the headers, which come at once, nor as an average over the answer's length."""
    front.set_fault("slow_first_token", ms=400)
    front.set_fault("crawl", tokens_per_second=100)
    front.set_fault("answer_length", tokens=60)
    await answer(client, stream=True)
    first = (await proxy.counted()).endpoints[key("first")]
    assert 390 <= milliseconds(first.ttft) < 900 <= quantile(first.ttlt, 0.5)


async def test_tokens_a_second_are_those_between_the_first_token_and_the_last(client, proxy, front):
    """(tokens - 1) / (last - first): a late first token does not lower it."""
    front.set_fault("slow_first_token", ms=800)
    front.set_fault("crawl", tokens_per_second=200)
    front.set_fault("answer_length", tokens=60)
    await answer(client)
    first = (await proxy.counted()).endpoints[key("first")]
    assert 75 < quantile(first.output_tokens_per_second, 0.5) < 210


async def test_the_last_candidate_is_never_cut_for_its_limit(start, sdk, front):
    """Slow but healthy is better than an error; the breach is counted, and its time is a real one."""
    front.set_fault("slow_first_token", ms=400)
    proxy = await start(chain(limited(front, 50)))
    text, _ = await answer(await sdk(proxy), stream=True)
    first = (await proxy.counted()).endpoints[key("first")]
    assert len(text) > 50
    assert (first.breaches, first.errors, first.censored) == (1, {}, {})
    assert milliseconds(first.ttft) >= 390


@EITHER
async def test_a_slow_candidate_is_tried_again_uncut_when_all_later_ones_fail(start, sdk, front, back, stream):
    """The user sees an error only when nobody answers."""
    front.set_fault("slow_first_token", ms=400)
    back.set_fault("unavailable")
    proxy = await start(chain(limited(front, 100), back.url))
    text, headers = await answer(await sdk(proxy), stream=stream)
    assert len(text) > 50
    assert (headers["x-tierway-tier"], headers["x-tierway-attempts"]) == ("llm/first", "3")


@EITHER
async def test_a_chain_without_a_first_token_ends_at_the_policys_timeout(start, sdk, front, back, stream):
    """504 in the SDK's own error, and both providers are told to stop."""
    for provider in (front, back):
        provider.set_fault("stall_before_headers")
    proxy = await start(chain(limited(front, 100), back.url, streaming={"first_token_timeout_ms": 300}))
    with pytest.raises(openai.InternalServerError, match="began its answer within") as caught:
        await answer(await sdk(proxy), stream=stream)
    assert (caught.value.status_code, caught.value.code) == (504, "first_token_timeout")
    await front.idle()
    await back.idle()
    assert (await proxy.counted()).endpoints[key("second")].errors == {"FirstTokenTimeout": 1}


async def test_a_long_answer_is_never_cut_by_a_timer(start, sdk, front):
    """No hidden time limit for each attempt: what flows may flow longer than every timeout there is."""
    front.set_fault("crawl", tokens_per_second=30)
    front.set_fault("answer_length", tokens=50)
    proxy = await start(chain(limited(front, 100), streaming={"first_token_timeout_ms": 1000, "stall_ms": 1000}))
    await answer(await sdk(proxy), stream=True)
    await answer(await sdk(proxy))
    assert (await proxy.counted()).endpoints[key("first")].output_tokens == 100
    assert front.counts()[UPSTREAM_MODEL]["answered"] == 2
