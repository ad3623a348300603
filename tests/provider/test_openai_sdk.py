"""What the OpenAI Python SDK sees when it talks to the simulator."""

import json

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tierway_cli.provider import Provider
from tierway_cli.provider.answers import Shape, answer
from tierway_cli.provider.chat import parse

TOOL = {
    "type": "function",
    "function": {
        "name": "get_order",
        "description": "Look an order up",
        "parameters": {
            "type": "object",
            "properties": {
                "id": {"type": "string"},
                "lines": {"type": "array", "items": {"type": "integer", "minimum": 3}},
                "state": {"enum": ["open", "shipped"]},
                "express": {"type": ["boolean", "null"]},
                "weight": {"anyOf": [{"type": "number"}, {"type": "null"}]},
                "address": {"$ref": "#/$defs/address"},
            },
            "$defs": {"address": {"type": "object", "properties": {"city": {"type": "string"}}}},
        },
    },
}


def user(text):
    return [{"role": "user", "content": text}]


async def collect(stream):
    return [chunk async for chunk in stream]


async def test_a_json_answer_has_content_and_usage(client):
    """Without `stream` the answer is one JSON completion whose usage adds up."""
    reply = await client.chat.completions.create(model="Qwen3-8B", messages=user("How do refunds work?"))
    assert reply.object == "chat.completion"
    assert reply.model == "Qwen3-8B"
    assert reply.choices[0].finish_reason == "stop"
    assert len(reply.choices[0].message.content) > 50
    assert reply.usage.prompt_tokens == 5
    assert 20 <= reply.usage.completion_tokens <= 90
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens


async def test_a_stream_begins_with_the_role_and_carries_one_token_a_chunk(client):
    """A role chunk, one output token in each content chunk, a finish chunk, and a usage chunk that counts them."""
    chunks = await collect(
        await client.chat.completions.create(
            model="Qwen3-8B",
            messages=user("How do refunds work?"),
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    role, *content, finish, usage = chunks
    assert role.choices[0].delta.role == "assistant"
    assert role.choices[0].delta.content == ""
    assert all(chunk.choices[0].delta.content for chunk in content)
    assert finish.choices[0].finish_reason == "stop"
    assert usage.choices == []
    assert usage.usage.completion_tokens == len(content)
    assert len({chunk.id for chunk in chunks}) == 1


async def test_usage_comes_only_to_those_who_ask(client):
    """No chunk of a plain stream has usage."""
    stream = await client.chat.completions.create(model="Qwen3-8B", messages=user("Hi"), stream=True)
    chunks = await collect(stream)
    assert all(chunk.usage is None and chunk.choices for chunk in chunks)


async def test_stream_and_json_say_the_same(client):
    """The deltas of a stream join to the text of the JSON answer, on every model."""
    reply = await client.chat.completions.create(model="Qwen3-8B", messages=user("Compare both offers, please"))
    stream = await client.chat.completions.create(
        model="GLM-5", messages=user("Compare both offers, please"), stream=True
    )
    joined = "".join(chunk.choices[0].delta.content or "" for chunk in await collect(stream))
    assert joined == reply.choices[0].message.content


@pytest.mark.parametrize("parameter", ["max_tokens", "max_completion_tokens"])
async def test_an_output_limit_is_obeyed(client, parameter):
    """Both names of the output limit cut the answer there, and its finish reason is `length`."""
    reply = await client.chat.completions.create(model="Qwen3-8B", messages=user("Hi"), **{parameter: 7})
    assert reply.usage.completion_tokens == 7
    assert reply.choices[0].finish_reason == "length"


async def test_n_choices_differ_and_all_count(client):
    """Choices are streamed side by side under their index, and usage counts the tokens of all."""
    chunks = await collect(
        await client.chat.completions.create(
            model="Qwen3-8B", messages=user("Hi"), n=3, stream=True, stream_options={"include_usage": True}
        )
    )
    texts = ["", "", ""]
    tokens = 0
    for chunk in chunks:
        for choice in chunk.choices:
            texts[choice.index] += choice.delta.content or ""
            tokens += bool(choice.delta.content)
    assert len(set(texts)) == 3
    assert chunks[-1].usage.completion_tokens == tokens
    assert {choice.index for chunk in chunks for choice in chunk.choices if choice.finish_reason} == {0, 1, 2}


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "get_order"}}])
async def test_a_demanded_tool_is_called(client, choice):
    """`tool_choice` makes a tool call with arguments after the tool's schema, one token a chunk."""
    chunks = await collect(
        await client.chat.completions.create(
            model="Qwen3-8B",
            messages=user("What about order 4711?"),
            tools=[TOOL],
            tool_choice=choice,
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    calls = [chunk.choices[0].delta.tool_calls[0] for chunk in chunks[1:-2]]
    assert calls[0].function.name == "get_order"
    assert calls[0].id.startswith("call_")
    arguments = json.loads("".join(call.function.arguments for call in calls))
    assert set(arguments) == {"id", "lines", "state", "express", "weight", "address"}
    assert all(line >= 3 for line in arguments["lines"])
    assert isinstance(arguments["express"], bool)
    assert isinstance(arguments["weight"], float | int)
    assert set(arguments["address"]) == {"city"}
    assert chunks[-2].choices[0].finish_reason == "tool_calls"
    assert chunks[-1].usage.completion_tokens == len(calls)


@pytest.mark.parametrize(
    ("messages", "called"),
    [
        (user("Please run get_order for 4711"), True),
        (user("Use a tool to find order 4711"), True),
        (user("Hello"), False),
        ([*user("Use get_order"), {"role": "tool", "tool_call_id": "x", "content": "open"}], False),
    ],
)
async def test_a_prompt_may_ask_for_a_tool(client, messages, called):
    """A tool is called when the newest message is a user's that asks for it; a tool's result is answered in words."""
    reply = await client.chat.completions.create(model="Qwen3-8B", messages=messages, tools=[TOOL])
    assert bool(reply.choices[0].message.tool_calls) is called
    assert (reply.choices[0].message.content is None) is called


async def test_two_named_tools_are_called_at_once_unless_forbidden(client):
    """Tools named in one prompt are called in parallel; `parallel_tool_calls: false` leaves the first."""
    other = {"type": "function", "function": {"name": "refund"}}
    ask = {"model": "Qwen3-8B", "messages": user("get_order, then refund"), "tools": [TOOL, other]}
    both = await client.chat.completions.create(**ask)
    assert [call.function.name for call in both.choices[0].message.tool_calls] == ["get_order", "refund"]
    one = await client.chat.completions.create(**ask, parallel_tool_calls=False)
    assert [call.function.name for call in one.choices[0].message.tool_calls] == ["get_order"]


async def test_a_model_that_can_reason_does_so_when_asked(client):
    """`reasoning_effort` brings `reasoning_content` before the answer, counted in usage; others never reason."""
    ask = {"messages": user("Weigh both options"), "reasoning_effort": "high"}
    reply = await client.chat.completions.create(model="GLM-5", **ask)
    assert reply.choices[0].message.model_extra["reasoning_content"]
    assert reply.usage.completion_tokens_details.reasoning_tokens >= 15
    plain = await client.chat.completions.create(model="Qwen3-8B", **ask)
    assert "reasoning_content" not in plain.choices[0].message.model_extra
    assert plain.usage.completion_tokens_details.reasoning_tokens == 0


@pytest.mark.parametrize(
    ("prompt", "character"),
    [
        ("Как работает возврат?", "д|ж"),
        ("退款怎么办理?", "的|可"),
        ("返金について教えてください", "の|す"),
        ("환불은 어떻게 하나요", "다"),
        ("كيف يعمل الاسترداد", "م"),
        ("वापसी कैसे होती है", "क"),
        ("Wie ist die Frist, bitte?", "ü|ä|ß"),
    ],
)
async def test_answers_come_in_the_prompts_language(client, prompt, character):
    """Several scripts come back as they were asked."""
    reply = await client.chat.completions.create(model="Qwen3-8B", messages=user(prompt))
    assert any(letter in reply.choices[0].message.content for letter in character.split("|"))


async def test_a_demanded_json_format_is_kept(client):
    """`response_format` gives JSON after the schema."""
    schema = {"type": "object", "properties": {"total": {"type": "integer"}, "vendor": {"type": "string"}}}
    reply = await client.chat.completions.create(
        model="Qwen3-8B",
        messages=user("Extract the invoice"),
        response_format={"type": "json_schema", "json_schema": {"name": "invoice", "schema": schema}},
    )
    assert set(json.loads(reply.choices[0].message.content)) == {"total", "vendor"}


async def test_an_unknown_model_is_not_found(client):
    """The SDK raises NotFoundError with the code that real providers use."""
    with pytest.raises(openai.NotFoundError) as caught:
        await client.chat.completions.create(model="gpt-9", messages=user("Hi"))
    assert caught.value.code == "model_not_found"


async def test_all_models_are_listed(client):
    """The eight models are there by the names that providers are sent, and each can be looked up."""
    names = [model.id async for model in client.models.list()]
    assert len(names) == 8
    assert "DeepSeek-V4-Flash" in names
    assert (await client.models.retrieve("GLM-5")).id == "GLM-5"


async def test_a_demanded_key_is_checked():
    """With an API key every other one is 401, and the right one is served."""
    async with (
        Provider(api_key="sk-right", speed=1000).serving() as provider,
        openai.AsyncOpenAI(base_url=provider.url, api_key="sk-wrong", max_retries=0) as client,
    ):
        with pytest.raises(openai.AuthenticationError) as caught:
            await client.chat.completions.create(model="Qwen3-8B", messages=user("Hi"))
        assert "sk-wrong" not in str(caught.value)
        await client.with_options(api_key="sk-right").models.list()


def test_some_answers_end_with_an_emoji():
    """Every fourth answer or so has characters beyond the basic plane."""
    answers = [answer(parse({"model": "m", "messages": user(f"Question {i}")}), "None", Shape())[0] for i in range(60)]
    smiling = sum(any(ord(letter) > 0xFFFF for letter in choice.deltas[-1]["content"]) for choice in answers)
    assert 3 <= smiling <= 30


@given(st.text(max_size=200), st.sampled_from([0.1, 1.0]))
def test_any_prompt_gets_an_answer_of_its_own_and_always_the_same(prompt, scale):
    """The answer is drawn from the prompt alone, has a token in each delta, and is short when scaled down."""
    request = parse({"model": "m", "messages": user(prompt)})
    first, second = (answer(request, "Optional", Shape(tokens_scale=scale))[0] for _ in range(2))
    assert first == second
    assert all(delta["content"] for delta in first.deltas)
    assert 20 * scale <= len(first.deltas) <= 250 * scale
