"""The faults inside an answer, each as a client sees it on the wire."""

import asyncio

import openai
import pytest

from tests.provider.wire import ASK, STREAM, ask, asking, read_tokens, silent


async def test_a_stall_before_the_headers_sends_nothing(provider):
    """No byte comes; when the client gives up, its prompt is billed."""
    async with asking(provider, STREAM, "stall_before_headers") as reader:
        assert await silent(reader)
        assert provider.counts()["Qwen3-8B"]["in_flight"] == 1
    await asyncio.wait_for(provider.idle(), 2)
    counts = provider.counts()["Qwen3-8B"]
    assert (counts["cancelled"], counts["billed_prompt_tokens"], counts["billed_completion_tokens"]) == (1, 5, 0)


async def test_a_stall_may_end(provider):
    """With `seconds` the answer goes on behind the silence."""
    assert (await ask(provider, STREAM, "stall_before_headers;seconds=0.01")).events[-1] == "[DONE]"
    assert (await ask(provider, STREAM, "stall_mid_stream;seconds=0.01")).events[-1] == "[DONE]"
    assert (await ask(provider, ASK, "stall_mid_stream;seconds=0.01")).json["object"] == "chat.completion"


async def test_a_stall_mid_stream_sends_its_tokens_first(provider):
    """Exactly so many tokens come, then silence; they are billed when the client leaves."""
    async with asking(provider, STREAM, "stall_mid_stream;tokens=2") as reader:
        await read_tokens(reader, 2)
        assert await silent(reader)
    await asyncio.wait_for(provider.idle(), 2)
    counts = provider.counts()["Qwen3-8B"]
    assert (counts["cancelled"], counts["answered"], counts["billed_completion_tokens"]) == (1, 0, 2)


@pytest.mark.parametrize(("how", "whole", "reset"), [("close", 0, 0), ("reset", 0, 1), ("clean", 1, 0)])
async def test_a_cut_stream_breaks_off_after_its_tokens(provider, how, whole, reset):
    """The tokens came, the end did not (or came as if nothing had happened), and what was written is billed."""
    reply = await ask(provider, STREAM, f"cut;tokens=4;how={how}")
    assert len(reply.tokens) == 4
    assert "[DONE]" not in reply.events
    assert (reply.whole, reply.reset) == (whole, reset)
    counts = provider.counts()["Qwen3-8B"]
    assert (counts["answered"], counts["cancelled"], counts["billed_completion_tokens"]) == (0, 0, 4)


async def test_a_cut_at_zero_comes_right_behind_the_headers(provider):
    """Headers, and not one frame."""
    reply = await ask(provider, STREAM, "cut;tokens=0")
    assert reply.status == 200
    assert reply.body == b""
    assert not reply.whole


async def test_a_cut_json_answer_is_half_a_body(provider):
    """Fewer bytes than Content-Length says; none behind the headers at 0."""
    reply = await ask(provider, ASK, "cut")
    assert reply.status == 200
    assert not reply.whole
    assert reply.body.startswith(b'{"id"')
    assert (await ask(provider, ASK, "cut;tokens=0")).body == b""
    assert provider.counts()["Qwen3-8B"]["billed_completion_tokens"] == 0


async def test_an_sdk_sees_a_broken_stream(client):
    """A cut stream raises in the SDK."""
    stream = await client.chat.completions.create(**STREAM, extra_headers={"x-provider-fault": "cut"})
    with pytest.raises(openai.APIConnectionError):
        _ = [chunk async for chunk in stream]


async def test_an_error_frame_may_come_first(provider):
    """A stream of 200 whose only frame is an error is not billed."""
    reply = await ask(provider, STREAM, "error_frame_first")
    assert reply.status == 200
    assert [list(event) for event in reply.events] == [["error"]]
    assert reply.whole
    assert provider.counts()["Qwen3-8B"]["billed_prompt_tokens"] == 0


async def test_an_error_frame_may_come_behind_a_role_chunk(provider, client):
    """A valid role chunk, then an error, and [DONE] when asked for; the SDK raises."""
    role, error = (await ask(provider, STREAM, "error_after_role")).events
    assert role["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert error["error"]["type"] == "server_error"
    assert (await ask(provider, STREAM, "error_after_role;done=true")).events[-1] == "[DONE]"
    stream = await client.chat.completions.create(**STREAM, extra_headers={"x-provider-fault": "error_after_role"})
    with pytest.raises(openai.APIError, match="engine died"):
        _ = [chunk async for chunk in stream]


async def test_an_error_frame_behind_tokens_bills_none_of_them(provider):
    """The tokens are counted as generated, and not billed."""
    reply = await ask(provider, STREAM, "error_after_role;tokens=3")
    assert len(reply.tokens) == 3
    assert "error" in reply.events[-1]
    counts = provider.counts()["Qwen3-8B"]
    assert (counts["completion_tokens"], counts["billed_completion_tokens"], counts["answered"]) == (3, 0, 0)


@pytest.mark.parametrize("fault", ["error_frame_first", "error_after_role"])
async def test_an_error_in_a_json_answer_is_a_200(provider, fault):
    """Not streamed, an error frame is an error object under a good status, and is not billed."""
    reply = await ask(provider, ASK, fault)
    assert reply.status == 200
    assert set(reply.json) == {"error"}
    counts = provider.counts()["Qwen3-8B"]
    assert (counts["completion_tokens"], counts["billed_prompt_tokens"], counts["answered"]) == (0, 0, 0)


async def test_an_output_limit_may_be_ignored(provider):
    """The answer goes beyond the limit by at least so many tokens."""
    reply = await ask(provider, {**STREAM, "max_tokens": 300}, "ignore_max_tokens;tokens=30")
    assert len(reply.tokens) == 330
    assert reply.events[-2]["choices"][0]["finish_reason"] == "stop"


async def test_an_answers_length_may_be_set(provider):
    """Exactly so many tokens, none at zero."""
    assert len((await ask(provider, STREAM, "answer_length;tokens=777")).tokens) == 777
    assert (await ask(provider, STREAM, "answer_length;tokens=0")).tokens == []


async def test_a_stream_may_lack_its_done(provider):
    """The body ends whole behind the finish chunk."""
    reply = await ask(provider, STREAM, "no_done")
    assert reply.events[-1]["choices"][0]["finish_reason"] == "stop"
    assert reply.whole


async def test_usage_may_come_in_a_chunk_with_a_choice(provider):
    """The finish chunk carries usage, and no usage chunk follows."""
    *_, finish, done = (await ask(provider, STREAM, "usage_in_choice_chunk")).events
    assert finish["choices"][0]["finish_reason"] == "stop"
    assert finish["usage"]["completion_tokens"] > 0
    assert done == "[DONE]"


async def test_usage_may_come_unasked(provider):
    """A usage chunk without a choice comes though nobody asked."""
    *_, usage, _ = (await ask(provider, STREAM, "unasked_usage")).events
    assert usage["choices"] == []
    assert usage["usage"]["prompt_tokens"] == 5


async def test_usage_is_null_in_the_other_chunks_of_those_who_ask(provider):
    """As at OpenAI: a null before the usage chunk, and no such key for those who did not ask."""
    asked = (await ask(provider, {**STREAM, "stream_options": {"include_usage": True}})).events
    assert all(event["usage"] is None for event in asked[:-2])
    assert all("usage" not in event for event in (await ask(provider, STREAM)).events)


async def test_usage_may_be_zero(provider):
    """Explicit zeros in a stream and in JSON, while the count knows better."""
    asked = {**STREAM, "stream_options": {"include_usage": True}}
    for usage in [
        (await ask(provider, asked, "zero_usage")).events[-2]["usage"],
        (await ask(provider, ASK, "zero_usage")).json["usage"],
    ]:
        assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (0, 0, 0)
    assert provider.counts()["Qwen3-8B"]["billed_prompt_tokens"] == 10


async def test_ids_may_change(provider):
    """Each chunk has an id of its own."""
    ids = [event["id"] for event in (await ask(provider, STREAM, "changing_ids")).events[:-1]]
    assert len(set(ids)) == len(ids) > 2


async def test_an_emoji_may_be_split_over_two_events(provider):
    """Two successive events carry the escaped halves; a JSON answer has both, a whole character again."""
    frames = (await ask(provider, STREAM, "split_emoji")).frames
    at = next(i for i, frame in enumerate(frames) if '"\\ud83d"' in frame)
    assert '"\\ude00"' in frames[at + 1]
    assert "😀" in (await ask(provider, ASK, "split_emoji")).json["choices"][0]["message"]["content"]


async def test_bytes_may_be_split_inside_a_character(provider):
    """Writes end in the middle of events and of characters; joined they are a whole stream."""
    reply = await ask(provider, STREAM, "split_bytes")
    inside = [chunk for chunk in reply.chunks if chunk.decode(errors="ignore").encode() != chunk]
    assert len(inside) >= 2
    assert len(reply.reads) > len(reply.events)  # the pieces arrive one by one
    assert reply.events[-1] == "[DONE]"
    assert "😀" in "".join(reply.tokens)


async def test_comments_may_keep_a_stream_alive(provider):
    """`: ping` comes so often before the role chunk."""
    frames = (await ask(provider, STREAM, "keep_alive_comments;frames=4;ms=8")).frames
    assert frames[:4] == [": ping"] * 4
    assert '"role"' in frames[4]


async def test_empty_deltas_may_come_before_the_content(provider):
    """The role chunk, then so many empty deltas, then text."""
    events = (await ask(provider, STREAM, "empty_deltas;frames=2;ms=8")).events
    deltas = [event["choices"][0]["delta"] for event in events[:4]]
    assert deltas[0]["role"] == "assistant"
    assert deltas[1:3] == [{"content": ""}, {"content": ""}]
    assert deltas[3]["content"]


async def test_done_may_come_alone(provider):
    """The role chunk and [DONE]: no answer, though its prompt is billed."""
    reply = await ask(provider, STREAM, "lone_done")
    assert [event if event == "[DONE]" else "role" for event in reply.events] == ["role", "[DONE]"]
    counts = provider.counts()["Qwen3-8B"]
    assert (counts["answered"], counts["billed_prompt_tokens"]) == (0, 5)
