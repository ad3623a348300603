"""What is asked reaches the provider, and what it answers reaches the client, as the bytes they were."""

import asyncio
import gzip
import json

import pytest

from tests.provider.wire import ask, connected, request
from tests.proxy.asks import ASK, HELLO, STREAM, collect, text_of, user
from tests.proxy.scripted import chunk, events, reply, scripted
from tests.proxy.tables import UPSTREAM_MODEL, chain, tier

ODD = (
    b'{ "model":"auto",\n  "messages":[{"role":"user","content":"caf\xc3\xa9 \\u00e9 \\ud83d \\u0000"}], "user":"u-1",'
    b'"metadata":{"a":null,"a":1},"seed":1152921504606846976,"x_vendor":{"deep":[1e2,1.50,-0.0,[ ]]},'
    b'"logit_bias":null,"temperature":1.0, "stream" : true , "stream_options":{"include_usage":true}}'
)
"""Unknown fields, nulls, 2^60, escapes, half a character, numbers in odd spellings, spaces: all of it is somebody's."""


@pytest.fixture
async def bare(start, front):
    """A proxy with nothing to add: the one tier has no output limit."""
    return await start(chain(front.url))


async def test_all_but_the_models_name_reaches_the_provider_unchanged(bare, front):
    """Byte for byte: a proxy that decodes and encodes again loses or changes some of these."""
    assert (await ask(bare, ODD)).status == 200
    (received,) = front.requests()
    assert received.body == ODD.replace(b'"auto"', json.dumps(UPSTREAM_MODEL).encode())


async def test_what_the_proxy_needs_is_put_in_front_of_the_clients_own_bytes(start, front):
    """Streaming, usage and an output limit are added where they are missing; the rest stays as it was written."""
    proxy = await start(chain(tier(front.url, max_output_tokens=7)))
    body = ODD[: ODD.index(b', "stream"')] + b"}"
    await ask(proxy, body)
    (received,) = front.requests()
    added, own = received.body.split(b', "model":')
    assert b'{ "model":' + own == body.replace(b'"auto"', json.dumps(UPSTREAM_MODEL).encode())
    assert json.loads(added + b"}") == {
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": 7,
    }


async def test_the_sdks_unknown_fields_reach_the_provider(client, front):
    """`extra_body` is how people send what their vendor knows and we do not."""
    await client.chat.completions.create(**ASK, extra_body={"guided_regex": "a+", "top_k": None, "big": 2**60})
    received = front.requests()[0].json()
    assert {name: received[name] for name in ("guided_regex", "top_k", "big")} == {
        "guided_regex": "a+",
        "top_k": None,
        "big": 2**60,
    }


async def test_a_stream_comes_through_as_the_bytes_it_was(bare, front):
    """Both sides of the proxy saw the same events, but for ids and times that the provider draws anew."""
    asked = {**STREAM, "stream_options": {"include_usage": True}}
    ours, theirs = await ask(bare, asked), await ask(front, asked | {"model": UPSTREAM_MODEL})
    assert _same(ours.events) == _same(theirs.events)
    assert ours.frames[-1] == "data: [DONE]"


def _same(events):
    return [event if event == "[DONE]" else {**event, "id": "", "created": 0} for event in events]


@pytest.mark.parametrize("fault", ["split_bytes", "split_emoji"])
async def test_a_character_in_two_pieces_arrives_whole(client, front, fault):
    """Whether the wire cut its bytes or the provider wrote its halves into two events."""
    front.set_fault(fault)
    streamed = text_of(await collect(await client.chat.completions.create(**STREAM)))
    whole = (await client.chat.completions.create(**ASK)).choices[0].message.content
    assert _halves_joined(streamed) == _halves_joined(whole)
    assert "😀" in _halves_joined(streamed)


def _halves_joined(text):
    return text.encode("utf-16", "surrogatepass").decode("utf-16")


async def test_half_an_emoji_passes_as_the_escape_it_came_as(bare, front):
    """Its other half is in the next event: decoding either on its own would fail."""
    front.set_fault("split_emoji")
    frames = (await ask(bare, STREAM)).frames
    first = next(number for number, frame in enumerate(frames) if "\\ud83d" in frame)
    assert "\\ude00" in frames[first + 1]


@pytest.mark.parametrize("stream", [True, False])
async def test_a_body_of_nine_megabytes_passes(client, front, stream):
    """Pictures and long documents are that large, and every SDK sends them."""
    long = user("x" * (9 << 20))
    answer = await client.chat.completions.create(model="auto", messages=long, stream=stream)
    assert await collect(answer) if stream else answer.choices[0].message.content
    assert len(front.requests()[0].body) > 9 << 20


async def test_a_stream_without_an_end_mark_ends_cleanly(client, front, proxy):
    """Some servers never send `[DONE]`: a finish reason is enough."""
    front.set_fault("no_done")
    chunks = await collect(await client.chat.completions.create(**STREAM))
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert (await client.chat.completions.create(**ASK)).choices[0].finish_reason == "stop"
    assert (await proxy.counted()).policies["llm/default"].outcomes == {"Answered": 2}


async def test_usage_in_a_chunk_that_has_a_choice_is_read_and_passed_on(client, front, proxy):
    """Dropping the chunk would drop the finish reason with it."""
    front.set_fault("usage_in_choice_chunk")
    chunks = await collect(await client.chat.completions.create(**STREAM))
    assert chunks[-1].choices[0].finish_reason == "stop"
    first = (await proxy.counted()).endpoints["llm/first/qwen3-8b/sim"]
    assert (first.output_tokens, first.estimated) == (chunks[-1].usage.completion_tokens, 0)


async def test_usage_that_nobody_asked_for_is_kept_from_the_client(start, sdk, front):
    """A chunk without choices breaks clients that did not ask for it; it is read all the same."""
    proxy = await start(chain(tier(front.url, provider={"stream_usage": False})))
    front.set_fault("unasked_usage")
    chunks = await collect(await (await sdk(proxy)).chat.completions.create(**STREAM))
    assert all(chunk.choices for chunk in chunks)
    first = (await proxy.counted()).endpoints["llm/first/qwen3-8b/sim"]
    assert (first.output_tokens, first.estimated) == (front.counts()[UPSTREAM_MODEL]["completion_tokens"], 0)


async def test_a_changing_id_is_no_matter(client, front):
    """A stream keeps the ids that it came with; a JSON answer has the first."""
    front.set_fault("changing_ids")
    chunks = await collect(await client.chat.completions.create(**STREAM))
    assert len({chunk.id for chunk in chunks}) == len(chunks)
    assert (await client.chat.completions.create(model="auto", messages=HELLO)).id.startswith("chatcmpl-")


async def test_a_client_that_waits_to_be_told_to_go_on_is_told(bare):
    """Curl asks so before it sends a large body, and loses a second where nobody answers."""
    head, body = request(STREAM, {"Expect": "100-continue"}).split(b"\r\n\r\n")
    async with connected(bare.url) as (reader, writer):
        writer.write(head + b"\r\n\r\n")
        assert (await asyncio.wait_for(reader.readline(), 5)).startswith(b"HTTP/1.1 100 ")
        writer.write(body)
        assert (await reader.read(-1)).endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")


async def test_a_body_in_pieces_of_unknown_length_is_read(bare, front):
    """Some clients stream what they send."""
    head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    body = json.dumps(STREAM).encode()
    pieces = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in (body[:7], body[7:])) + b"0\r\n\r\n"
    async with connected(bare.url) as (reader, writer):
        writer.write(head + pieces)
        assert b"data: [DONE]" in await reader.read(-1)
    assert front.requests()[0].json()["messages"] == HELLO


async def test_an_answer_that_came_packed_is_passed_on_unpacked(start):
    """We ask for none, some send it all the same; the client is told of no encoding and needs to know of none."""
    packed = gzip.compress(events(chunk({"content": "Hello"}), chunk(finish="stop"), "[DONE]"))
    async with scripted(reply(packed, "Content-Encoding: gzip")) as upstream:
        seen = await ask(await start(chain(upstream.url)), STREAM)
    assert (seen.tokens, "content-encoding" in seen.head) == (["Hello"], False)
