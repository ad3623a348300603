"""What the OpenAI Python SDK sees of a proxy: the same as of a provider, whether it asks for a stream or for JSON."""

import json

import openai
import pytest

from tests.proxy.asks import ASK, HELLO, WEATHER, collect, text_of, user
from tests.proxy.tables import chain, key, tier

REASONING = {"messages": user("Weigh both options"), "reasoning_effort": "high"}
SHAPES = {
    "text": {"messages": HELLO},
    "three choices": {"messages": HELLO, "n": 3},
    "a tool call": {"messages": HELLO, "tools": [WEATHER], "tool_choice": "required"},
    "two tool calls": {
        "messages": user("get_weather, then refund"),
        "tools": [WEATHER, {"type": "function", "function": {"name": "refund"}}],
    },
    "a demanded format": {
        "messages": user("Extract the invoice"),
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "invoice", "schema": {"properties": {"total": {"type": "integer"}}}},
        },
    },
    "an answer cut at its limit": {"messages": HELLO, "max_completion_tokens": 5},
    "reasoning": REASONING,
}
TALENTED = {"capabilities": ("Tools", "JSONSchema"), "name": "glm-5", "reasoning": "Optional"}


@pytest.fixture
async def glm(front, start, sdk):
    """The SDK's clients of a proxy in front of a model that can do everything, and of its provider itself."""
    talented = tier(front.url, sent="GLM-5", **TALENTED)
    return await sdk(await start(chain(talented))), await sdk(front)


def same(answer):
    """What two answers to one request have in common."""
    return answer.model_dump(exclude={"id", "created"})


@pytest.mark.parametrize("shape", SHAPES)
async def test_a_json_answer_is_the_providers_own(glm, shape):
    """The proxy streamed it to gate and meter it, and put it together again as the provider would have sent it."""
    ours, theirs = glm
    answer = await ours.chat.completions.create(model="auto", **SHAPES[shape])
    assert same(answer) == same(await theirs.chat.completions.create(model="GLM-5", **SHAPES[shape]))


@pytest.mark.parametrize("usage", [None, {"include_usage": False}, {"include_usage": True}])
@pytest.mark.parametrize("shape", SHAPES)
async def test_a_stream_is_the_providers_own_chunk_by_chunk(glm, shape, usage):
    """With the usage chunk where the client asked for it, and only there."""
    ours, theirs = glm
    ask = SHAPES[shape] | {"stream": True} | ({"stream_options": usage} if usage else {})
    chunks = await collect(await ours.chat.completions.create(model="auto", **ask))
    expected = await collect(await theirs.chat.completions.create(model="GLM-5", **ask))
    assert [same(chunk) for chunk in chunks] == [same(chunk) for chunk in expected]
    assert [chunk.usage is not None for chunk in chunks].count(True) == (usage == {"include_usage": True})


async def test_tool_calls_are_streamed_and_arrive_whole(client_of_tools):
    """The SDK's own accumulator reads names, ids and arguments out of a streamed answer."""
    async with client_of_tools.chat.completions.stream(
        model="auto", messages=HELLO, tools=[WEATHER], tool_choice="required"
    ) as stream:
        answer = await stream.get_final_completion()
    (call,) = answer.choices[0].message.tool_calls
    assert call.function.name == "get_weather"
    assert set(json.loads(call.function.arguments)) == {"city", "days"}
    assert answer.choices[0].finish_reason == "tool_calls"


@pytest.fixture
async def client_of_tools(front, start, sdk):
    return await sdk(await start(chain(tier(front.url, capabilities=("Tools",)))))


@pytest.mark.parametrize("stream", [{}, {"stream": False}, {"stream": None}])
async def test_without_stream_the_answer_is_json(client, stream):
    """As everywhere: an absent `stream` means one JSON body."""
    answer = await client.chat.completions.with_raw_response.create(**ASK, extra_body=stream)
    assert answer.headers["content-type"] == "application/json"
    assert answer.parse().object == "chat.completion"


async def test_a_json_request_is_gated_and_metered_like_a_stream(proxy, client, front):
    """A broken candidate is left at its error frame, and time to first token and tokens a second are known."""
    front.set_fault("error_after_role")
    answer = await client.chat.completions.create(**ASK)
    day = await proxy.counted()
    second = day.endpoints[key("second")]
    assert day.endpoints[key("first")].errors == {"ErrorFrame": 1}
    assert sum(second.ttft["1K"].values()) == sum(second.output_tokens_per_second.values()) == 1
    assert second.output_tokens == answer.usage.completion_tokens


async def test_a_json_request_goes_out_as_json_where_the_policy_says_so(start, sdk, front):
    """`streaming.upstream: AsRequested` sends what the client sent; the answer is metered, but has no first token."""
    proxy = await start(chain(front.url, streaming={"upstream": "AsRequested"}))
    answer = await (await sdk(proxy)).chat.completions.create(**ASK)
    first = (await proxy.counted()).endpoints[key("first")]
    assert "stream" not in front.requests()[0].json()
    assert (first.output_tokens, first.ttft) == (answer.usage.completion_tokens, {})


async def test_models_lists_what_may_be_asked_for(client):
    """`auto`, then tiers and models by their names; each is answered."""
    names = [model.id async for model in client.models.list()]
    assert names == ["auto", "first", "second", "qwen3-8b"]
    for name in names:
        answer = await client.chat.completions.create(model=name, messages=HELLO)
        assert answer.choices[0].message.content


async def test_one_model_can_be_looked_up(client):
    """By its name, as clients that check their configuration do; one that is not there is a 404 that names the list."""
    names = [model.id async for model in client.models.list()]
    assert (await client.models.retrieve(names[-1])).id == names[-1]
    with pytest.raises(openai.NotFoundError, match="GET /v1/models"):
        await client.models.retrieve("gpt-none")


async def test_an_unknown_model_is_not_found(client):
    """The SDK raises what it raises for OpenAI itself, and the sentence says what would work."""
    with pytest.raises(openai.NotFoundError, match="GET /v1/models") as caught:
        await client.chat.completions.create(model="gpt-9", messages=HELLO)
    assert caught.value.code == "model_not_found"
    assert caught.value.param == "model"


@pytest.mark.parametrize("prompt", ["退款怎么办理?", "Как работает возврат?", "كيف يعمل الاسترداد", "返金について"])
async def test_other_scripts_come_through(client, prompt):
    """Prompt and answer, streamed and not."""
    answer = await client.chat.completions.create(model="auto", messages=user(prompt))
    chunks = await collect(await client.chat.completions.create(model="auto", messages=user(prompt), stream=True))
    assert text_of(chunks) == answer.choices[0].message.content
    assert not text_of(chunks).isascii()
