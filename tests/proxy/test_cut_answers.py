"""An answer that its provider did not finish is never passed off as a whole one."""

import openai
import pytest

from tests.provider.wire import ask
from tests.proxy.asks import ASK, HELLO, STREAM, answer, collect, text_of
from tests.proxy.scripted import chunk, events, reply, scripted
from tests.proxy.tables import POLICY, UPSTREAM_MODEL, chain, key

CUTS = pytest.mark.parametrize(
    ("fault", "params"),
    [
        ("cut", {"how": "close"}),
        ("cut", {"how": "reset"}),
        ("cut", {"how": "clean"}),
        ("error_after_role", {"tokens": 3}),
        ("error_after_role", {"tokens": 3, "done": True}),
        ("stall_mid_stream", {}),
    ],
)


@pytest.fixture
async def proxy(start, front, back):
    return await start(chain(front.url, back.url, streaming={"stall_ms": 1000}))


@CUTS
async def test_the_sdk_raises_in_the_middle_of_a_stream(proxy, client, front, back, fault, params):
    """Behind the tokens that came; nobody else is asked, for the client has read those already."""
    front.set_fault(fault, **params)
    stream = await client.chat.completions.create(**STREAM)
    chunks = [await anext(stream) for _ in range(4)]
    with pytest.raises(openai.APIError, match="before it was finished"):
        await anext(stream)
    assert len([each for each in chunks if each.choices[0].delta.content]) == 3
    assert back.counts()[UPSTREAM_MODEL]["requests"] == 0
    assert (await proxy.counted()).policies[POLICY].outcomes == {"Cut": 1}


@CUTS
async def test_the_stream_ends_with_the_error_and_no_end_mark(proxy, front, fault, params):
    """`[DONE]` would make it a whole answer; HTTP's own end keeps the connection usable."""
    front.set_fault(fault, **params)
    seen = await ask(proxy, STREAM)
    assert (seen.status, seen.whole) == (200, True)
    assert seen.events[-1]["error"]["code"] == "answer_cut"
    assert "[DONE]" not in seen.events


@CUTS
async def test_a_json_answer_that_was_cut_is_an_error(client, front, fault, params):
    """Half a text with status 200 is what nobody can tell from a whole one."""
    front.set_fault(fault, **params)
    with pytest.raises(openai.InternalServerError, match="before it was finished") as caught:
        await client.chat.completions.create(**ASK)
    assert (caught.value.status_code, caught.value.code) == (502, "answer_cut")


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("how", ["close", "clean"])
async def test_what_was_used_of_a_cut_answer_is_charged(proxy, client, front, stream, how):
    """The provider charges for its tokens; ours are the same, and said to be an estimate for want of usage."""
    front.set_fault("cut", tokens=5, how=how)
    with pytest.raises(openai.APIError):
        await answer(client, stream=stream)
    first = (await proxy.counted()).endpoints[key("first")]
    assert first.output_tokens == front.counts()[UPSTREAM_MODEL]["billed_completion_tokens"] == 5
    assert (first.estimated, first.committed) == (1, 1)


async def test_a_provider_that_stalls_is_told_to_stop(client, front):
    """Its connection is given up, not kept for a next request."""
    front.set_fault("stall_mid_stream")
    with pytest.raises(openai.APIError):
        await answer(client, stream=True)
    await front.idle()
    assert front.counts()[UPSTREAM_MODEL]["cancelled"] == 1


async def test_a_connection_that_breaks_behind_the_finish_reason_harms_nobody(start, sdk):
    """The answer is whole: only the end mark is missing, with the usage that the proxy would have read."""
    whole = events(chunk({"role": "assistant", "content": "Hello"}), chunk(finish="stop"))
    async with scripted(reply(whole).replace(b"Content-Length: ", b"Content-Length: 9")) as upstream:
        proxy = await start(chain(upstream.url, streaming={"stall_ms": 200}))
        chunks = await collect(await (await sdk(proxy)).chat.completions.create(**STREAM))
    assert (text_of(chunks), chunks[-1].choices[0].finish_reason) == ("Hello", "stop")
    assert (await proxy.counted()).policies[POLICY].outcomes == {"Answered": 1}


async def test_an_upstream_that_ignores_the_output_limit_is_cut_at_it(start, sdk, front):
    """With the finish reason `length`, as if it had obeyed; what it sent beyond is not passed on, and it is stopped."""
    front.set_fault("ignore_max_tokens", tokens=200)
    client = await sdk(await start(chain(front.url)))
    ask_for_few = {"model": "auto", "messages": HELLO, "max_tokens": 5}
    chunks = await collect(await client.chat.completions.create(**ask_for_few, stream=True))
    answered = await client.chat.completions.create(**ask_for_few)
    assert len([each for each in chunks if each.choices[0].delta.content]) == 5
    assert chunks[-1].choices[0].finish_reason == answered.choices[0].finish_reason == "length"
    assert (answered.choices[0].message.content, answered.usage.completion_tokens) == (text_of(chunks), 5)


@pytest.mark.parametrize("stream", [True, False])
async def test_an_event_that_is_no_json_makes_the_answer_a_cut_one(start, sdk, stream):
    """It held a part of the text: what comes behind it does not make the answer whole."""
    broken = b'data: {"choices": [{"delta": {"conte\n\n'
    body = (
        events(chunk({"content": "Not "})) + broken + events(chunk({"content": "bad"}), chunk(finish="stop"), "[DONE]")
    )
    async with scripted(reply(body)) as upstream:
        with pytest.raises(openai.APIError, match="before it was finished"):
            await answer(await sdk(await start(chain(upstream.url))), stream=stream)
