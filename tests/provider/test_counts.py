"""The account of what was served is exact, whoever else is served at the time and however a request ends."""

import asyncio
from collections import Counter

import openai
import pytest
from aiohttp import web

from tests.provider.wire import ASK, STREAM, ask, asking, connected, eventually, read_tokens, request
from tierway_cli.provider import Figures, Provider


def question(number):
    return [{"role": "user", "content": f"Question number {number}: how do refunds work?"}]


async def test_counts_are_what_the_clients_saw_under_concurrency(provider, client):
    """A hundred requests at once, streamed or not: requests and tokens of each model are those of their usage."""
    seen = {name: Counter() for name in ("Qwen3-8B", "GLM-5")}

    async def one(number):
        model = "GLM-5" if number % 3 else "Qwen3-8B"
        options = {"stream": True, "stream_options": {"include_usage": True}} if number % 2 else {}
        reply = await client.chat.completions.create(model=model, messages=question(number), **options)
        usage = [chunk async for chunk in reply][-1].usage if number % 2 else reply.usage
        seen[model].update(requests=1, prompt=usage.prompt_tokens, completion=usage.completion_tokens)

    await asyncio.gather(*(one(number) for number in range(100)))
    counts = provider.counts()
    for model, ours in seen.items():
        theirs = counts[model]
        assert theirs["requests"] == theirs["answered"] == ours["requests"]
        assert theirs["prompt_tokens"] == theirs["billed_prompt_tokens"] == ours["prompt"]
        assert theirs["completion_tokens"] == theirs["billed_completion_tokens"] == ours["completion"]
        assert theirs["in_flight"] == theirs["cancelled"] == 0


@pytest.mark.parametrize(("body", "end"), [(STREAM, b"[DONE]"), (ASK, b'"usage"')])
async def test_a_request_is_counted_before_its_end_can_be_read(provider, monkeypatch, body, end):
    """When the last bytes are handed to the socket the request is settled, so whoever has read them finds it so."""
    write, answered = web.StreamResponse.write, []

    async def watched(response, data):
        if end in data:
            answered.append(provider.counts()["Qwen3-8B"]["answered"])
        await write(response, data)

    monkeypatch.setattr(web.StreamResponse, "write", watched)
    await ask(provider, body)
    assert answered == [1]


async def test_faults_with_a_share_are_counted_as_clients_met_them(provider, client):
    """Each 429 that a client saw is one fault in the count, and the rest was answered and billed."""
    provider.set_fault("rate_limited", share=0.3)
    refused = 0
    for number in range(60):
        try:
            await client.chat.completions.create(model="Qwen3-8B", messages=question(number), max_tokens=5)
        except openai.RateLimitError:
            refused += 1
    counts = provider.counts()["Qwen3-8B"]
    assert 5 < refused < 35
    assert counts["faults"] == {"rate_limited": refused}
    assert counts["answered"] == 60 - refused
    assert counts["billed_completion_tokens"] == 5 * (60 - refused)


async def test_a_client_that_leaves_ends_generation_and_pays_for_what_was_written():
    """Generation stops where the client left; those tokens and the prompt are billed."""
    async with Provider([Figures("m", 1, 200)]).serving() as provider:
        async with asking(provider, {**STREAM, "model": "m"}, "answer_length;tokens=100000") as reader:
            await read_tokens(reader, 5)
        await asyncio.wait_for(provider.idle(), 2)
        counts = provider.counts()["m"]
        assert (counts["cancelled"], counts["answered"], counts["billed_prompt_tokens"]) == (1, 0, 5)
        assert 5 <= counts["billed_completion_tokens"] == counts["completion_tokens"] < 100


async def test_a_client_that_leaves_before_the_first_token_pays_for_its_prompt():
    """A JSON answer is written whole or not at all."""
    async with Provider([Figures("m", 60_000, 50)]).serving() as provider:
        for body in (ASK, STREAM):
            async with asking(provider, {**body, "model": "m"}):
                await eventually(lambda: provider.counts()["m"]["in_flight"])
            await asyncio.wait_for(provider.idle(), 2)
        counts = provider.counts()["m"]
        assert (counts["cancelled"], counts["billed_prompt_tokens"], counts["billed_completion_tokens"]) == (2, 10, 0)


async def test_a_client_that_does_not_read_pauses_generation(provider):
    """Tokens stop being generated once the connection takes no more, and come on when it does."""
    written = [-1]

    def settled():
        written.append(provider.counts()["Qwen3-8B"]["completion_tokens"])
        return len(written) > 200 and written[-1] == written[-100] > 0  # unchanged for a tenth of a second

    async with connected(provider.url) as (reader, writer):
        writer.transport.pause_reading()
        writer.write(request(STREAM, {"x-provider-fault": "answer_length;tokens=60000"}))
        await eventually(settled)
        assert written[-1] < 60000
        writer.transport.resume_reading()
        tail = b""
        while b"[DONE]" not in tail:
            tail = tail[-10:] + await reader.read(65536)
        assert provider.counts()["Qwen3-8B"]["billed_completion_tokens"] == 60000


async def test_a_repeated_long_prompt_is_cached_and_billed_as_such(provider):
    """Usage and counts agree on the cached part."""
    long = {**ASK, "messages": [{"role": "user", "content": "x" * 8000}], "max_tokens": 1}
    cached = [(await ask(provider, long)).json["usage"]["prompt_tokens_details"]["cached_tokens"] for _ in range(3)]
    assert cached == [0, 1920, 1920]
    counts = provider.counts()["Qwen3-8B"]
    assert counts["prompt_tokens"] == counts["billed_prompt_tokens"] == 6000
    assert counts["cached_tokens"] == counts["billed_cached_tokens"] == 3840


async def test_a_reset_forgets_requests_that_are_still_open(provider):
    """What began before a reset is in no later figure."""
    async with asking(provider, STREAM, "stall_before_headers"):
        await eventually(lambda: provider.counts()["Qwen3-8B"]["in_flight"])
        provider.reset_counts()
        assert provider.counts()["Qwen3-8B"]["in_flight"] == 1
    await asyncio.wait_for(provider.idle(), 2)
    assert not any(value for value in provider.counts()["Qwen3-8B"].values())


@pytest.mark.parametrize("body", [b"{", {**ASK, "model": "gpt-9"}])
async def test_what_names_no_model_is_in_no_count(provider, body):
    """A malformed request or an unknown model is nobody's, yet it is among the recent requests."""
    await ask(provider, body)
    assert not any(counts["requests"] for counts in provider.counts().values())
    assert len(provider.requests()) == 1
