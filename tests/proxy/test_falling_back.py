"""A candidate that fails before its first token: unseen by the client, and no more time lost than the policy says."""

import openai
import pytest

from tests.proxy.asks import ASK, answer
from tests.proxy.scripted import HANG_UP, HELLO, reply, scripted
from tests.proxy.tables import POLICY, UPSTREAM_MODEL, chain, key, tier
from tierway_proxy.contract.histogram import quantile

EITHER = pytest.mark.parametrize("stream", [True, False], ids=["stream", "json"])
NO_DELAY = {"delay_ms": 0}


async def figures(proxy):
    """The first candidate's counts, and the policy's."""
    day = await proxy.counted()
    return day.endpoints[key("first")], day.policies[POLICY]


@EITHER
@pytest.mark.parametrize(
    ("fault", "params", "reason"),
    [
        ("rate_limited", {}, "RateLimited"),
        ("unavailable", {}, "Unavailable"),
        ("server_error", {}, "ServerError"),
        ("server_error", {"status": 504}, "ServerError"),
        ("error_detail", {}, "ServerError"),
        ("error_integer_code", {}, "ServerError"),
        ("error_plain_text", {}, "ServerError"),
        ("error_html", {}, "ServerError"),
        ("unauthorized", {}, "Misconfigured"),
        ("forbidden", {}, "Misconfigured"),
        ("not_found", {}, "Misconfigured"),
        ("refuse", {"how": "reset"}, "ConnectionLost"),
        ("refuse", {"how": "close"}, "ConnectionLost"),
    ],
)
async def test_the_next_candidate_answers(start, sdk, front, back, stream, fault, params, reason):
    """Whatever an upstream's own trouble looks like: rate limits too, odd error bodies too, our wrong key too."""
    front.set_fault(fault, **params)
    proxy = await start(chain(front.url, back.url, fallback=NO_DELAY))
    text, headers = await answer(await sdk(proxy), stream=stream)
    first, policy = await figures(proxy)
    assert len(text) > 50
    assert (headers["x-tierway-tier"], headers["x-tierway-attempts"]) == ("llm/second", "2")
    assert (first.attempts, first.errors, first.fallbacks, first.cost) == (1, {reason: 1}, {reason: 1}, 0)
    assert (policy.fallbacks, policy.outcomes) == (1, {"Answered": 1})


@EITHER
async def test_a_dead_provider_costs_no_time_and_no_attempt(start, sdk, front, back, stream):
    """Nothing was sent, so neither the policy's delay nor its number of attempts is spent on it."""
    await front.listen(opened=False)
    proxy = await start(chain(front.url, back.url, fallback={"max_attempts": 1, "delay_ms": 60_000}))
    await answer(await sdk(proxy), stream=stream)
    first, policy = await figures(proxy)
    assert (first.errors, policy.outcomes) == ({"ConnectionRefused": 1}, {"Answered": 1})


@pytest.mark.parametrize("fault", ["rate_limited", "server_error"])
async def test_the_policys_delay_is_served_after_429_and_5xx(start, sdk, front, back, fault):
    """And it is about all the time that is lost."""
    front.set_fault(fault)
    proxy = await start(chain(front.url, back.url, fallback={"delay_ms": 400}))
    await answer(await sdk(proxy), stream=True)
    _, policy = await figures(proxy)
    assert 392 <= quantile(policy.first_token, 0.5) < 1500


@pytest.mark.parametrize("fault", ["unauthorized", "refuse", "error_frame_first"])
async def test_no_delay_is_served_where_waiting_helps_nobody(start, sdk, front, back, fault):
    """A wrong key, a lost connection, a broken stream: the next one is asked at once."""
    front.set_fault(fault)
    proxy = await start(chain(front.url, back.url, fallback={"delay_ms": 60_000}))
    await answer(await sdk(proxy), stream=True)


async def test_attempts_end_at_the_policys_number(start, sdk, front, back):
    """With `maxAttempts: 1` the first failure is the client's."""
    front.set_fault("server_error")
    proxy = await start(chain(front.url, back.url, fallback={"max_attempts": 1}))
    with pytest.raises(openai.InternalServerError):
        await answer(await sdk(proxy))
    assert back.counts()[UPSTREAM_MODEL]["requests"] == 0


async def test_the_request_that_opens_a_breaker_is_answered_too(start, sdk, front, back):
    """As are all before it; those behind it are not even sent to the broken one."""
    front.set_fault("server_error")
    proxy = await start(chain(front.url, back.url, fallback=NO_DELAY))
    client = await sdk(proxy)
    attempts = [(await answer(client))[1]["x-tierway-attempts"] for _ in range(7)]
    assert attempts == ["2"] * 5 + ["1"] * 2
    assert (await proxy.observations()).open_breakers == (key("first"),)


async def test_a_provider_that_says_how_long_to_wait_is_left_alone_so_long(start, sdk, front, back):
    """Its `Retry-After` holds for the requests of all others too."""
    front.set_fault("rate_limited", retry_after=60)
    proxy = await start(chain(front.url, back.url, fallback=NO_DELAY))
    client = await sdk(proxy)
    attempts = [(await answer(client))[1]["x-tierway-attempts"] for _ in range(3)]
    assert attempts == ["2", "1", "1"]


@EITHER
async def test_retry_after_of_an_exhausted_chain_reaches_the_client(start, sdk, front, back, stream):
    """The soonest that any of them named; without it every SDK tries again at once."""
    front.set_fault("rate_limited", retry_after=9)
    back.set_fault("rate_limited", retry_after=4)
    proxy = await start(chain(front.url, back.url, fallback=NO_DELAY))
    with pytest.raises(openai.RateLimitError) as caught:
        await answer(await sdk(proxy), stream=stream)
    assert caught.value.response.headers["retry-after"] == "4"
    assert caught.value.type == "rate_limit_error"


async def test_an_exhausted_chain_of_503s_says_so_with_its_retry_after(start, sdk, front):
    """The status is the one that SDKs and queues know what to do with."""
    front.set_fault("unavailable", retry_after=7)
    with pytest.raises(openai.InternalServerError) as caught:
        await answer(await sdk(await start(chain(front.url))))
    assert (caught.value.status_code, caught.value.response.headers["retry-after"]) == (503, "7")


@EITHER
async def test_an_error_that_blames_the_request_goes_to_the_client_at_once(proxy, client, front, back, stream):
    """Nobody else is asked: they would refuse it too. An odd body still becomes an OpenAI-shaped error."""
    front.set_fault("error_string")
    with pytest.raises(openai.BadRequestError, match="the model refused") as caught:
        await answer(client, stream=stream)
    assert caught.value.type == "invalid_request_error"
    assert back.counts()[UPSTREAM_MODEL]["requests"] == 0
    assert (await figures(proxy))[1].outcomes == {"Rejected": 1}


@EITHER
async def test_what_we_added_and_a_provider_refuses_is_left_out_from_then_on(proxy, client, front, stream):
    """A 400 about `stream_options` is ours when the client did not send it: tried without, and remembered."""
    front.set_fault("rejects_parameter", param="stream_options")
    for _ in range(2):
        text, headers = await answer(client, stream=stream)
        assert len(text) > 50
        assert headers["x-tierway-tier"] == "llm/first"
    assert front.counts()[UPSTREAM_MODEL]["requests"] == 3
    assert (await figures(proxy))[0].errors == {"ParameterRejected": 1}


async def test_what_the_client_sent_and_a_provider_refuses_is_the_clients(client, front):
    """With the parameter's name, as SDKs show it."""
    front.set_fault("rejects_parameter", param="logit_bias")
    with pytest.raises(openai.BadRequestError) as caught:
        await client.chat.completions.create(**ASK, logit_bias={"50256": -100})
    assert caught.value.param == "logit_bias"


async def test_too_long_a_context_goes_to_a_model_with_a_larger_window(start, sdk, front, back):
    """Our estimate let it pass, the provider's count did not."""
    front.set_fault("context_too_long", limit=2)
    small = tier(front.url, context_window_tokens=1000)
    proxy = await start(chain(small, tier(back.url, context_window_tokens=2000)))
    assert (await answer(await sdk(proxy)))[1]["x-tierway-tier"] == "llm/second"


async def test_too_long_a_context_for_all_is_the_clients_to_know(start, sdk, front, back):
    """By the code that SDKs and agents look for; a window no larger is not asked."""
    front.set_fault("context_too_long", limit=2)
    same = [tier(each.url, context_window_tokens=1000) for each in (front, back)]
    with pytest.raises(openai.BadRequestError) as caught:
        await answer(await sdk(await start(chain(*same))))
    assert caught.value.code == "context_length_exceeded"
    assert back.counts()[UPSTREAM_MODEL]["requests"] == 0


async def test_a_connection_that_was_closed_while_idle_is_made_anew(start, sdk):
    """Servers close what lies idle; a request that meets such a connection never reached anybody."""
    async with scripted(reply(HELLO), HANG_UP, reply(HELLO)) as upstream:
        client = await sdk(await start(chain(upstream.url)))
        assert [(await answer(client))[0] for _ in range(2)] == ["Hello"] * 2
        assert upstream.connections == 2


async def test_a_new_connection_that_closes_is_not_tried_behind_the_counters_back(proxy, client, front):
    """What was sent once is counted once: a provider may charge for each."""
    front.set_fault("refuse", how="close")
    await answer(client)
    assert front.counts()[UPSTREAM_MODEL]["requests"] == (await figures(proxy))[0].attempts == 1
