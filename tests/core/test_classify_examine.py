"""What is known of every request, classified or not: its size, its needs, its wishes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tierway_proxy.core.classify import examine

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=6,
)
KEYS = st.sampled_from(
    [
        *("messages", "role", "content", "type", "text", "image_url", "detail", "tools", "functions", "function"),
        *("tool_calls", "response_format", "max_tokens", "max_completion_tokens", "reasoning_effort", "reasoning"),
        *("thinking", "chat_template_kwargs", "enable_thinking", "effort", "enabled", "stream", "parameters"),
    ]
)
WORDS = st.sampled_from(["user", "assistant", "system", "tool", "text", "image_url", "json_schema", "high", "enabled"])
ANYTHING = st.recursive(
    JSON | WORDS | st.text(st.characters(categories=["L", "N", "P", "Z", "Cs", "So"])),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=20,
)
BODIES = st.dictionaries(KEYS, ANYTHING, max_size=8)


def user(content):
    return {"messages": [{"role": "user", "content": content}]}


def picture(**fields):
    return {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", **fields}}


@given(BODIES)
def test_any_json_is_examined(body):
    """The upstream is the one to refuse a bad request: here nothing raises, and a size is a size."""
    examined = examine(body)
    assert isinstance(examined.input_tokens, int)
    assert examined.input_tokens >= 0
    assert examined.output_tokens is None or examined.output_tokens > 0


@pytest.mark.parametrize(
    ("body", "tokens"),
    [
        ({}, 0),
        ({"messages": []}, 0),
        (user(""), 4),
        (user("x" * 40), 14),
        (user("ж" * 40), 24),
        (user("漢" * 40), 34),
        (user([{"type": "text", "text": "x" * 20}, {"type": "text", "text": "x" * 20}]), 14),
        (user([picture()]), 769),
        (user([picture(detail="low")]), 89),
        ({"messages": [{"role": "system", "content": "x" * 8}, {"role": "user", "content": "x" * 8}]}, 12),
    ],
)
def test_tokens_are_bytes_over_four_and_four_a_message(body, tokens):
    """A CJK character of three bytes counts three quarters of a token; a picture counts the same whatever its size."""
    assert examine(body).input_tokens == tokens


def test_the_middle_of_a_long_conversation_is_taken_to_be_like_its_ends():
    """Thousands of turns are not all opened, and the estimate stays near."""
    few, many = ([{"role": "user", "content": "x" * 400}] * count for count in (100, 5000))
    assert examine({"messages": many}).input_tokens == pytest.approx(50 * examine({"messages": few}).input_tokens, 0.01)


def test_a_long_text_of_another_script_is_weighed_by_its_ends():
    """A megabyte of Han is not encoded to be counted."""
    assert examine(user("漢" * 1_000_000)).input_tokens == pytest.approx(750_000, rel=0.01)


def test_tool_schemas_are_part_of_the_input():
    """Twice the tools are twice the tokens, and a larger schema is larger."""
    tool = {"type": "function", "function": {"name": "look_up", "description": "d" * 400, "parameters": {}}}
    one, two = (examine({**user("hi"), "tools": [tool] * count}).input_tokens for count in (1, 2))
    assert one > 104
    assert two - 5 == pytest.approx(2 * (one - 5), abs=2)
    forty = examine({**user("hi"), "tools": [tool] * 40}).input_tokens
    assert forty - 5 == pytest.approx(40 * (one - 5), rel=0.02)


@pytest.mark.parametrize(
    ("body", "needs"),
    [
        (user("hi"), set()),
        ({**user("hi"), "tools": []}, set()),
        ({**user("hi"), "tools": [{"type": "function"}]}, {"Tools"}),
        ({**user("hi"), "functions": [{"name": "f"}]}, {"Tools"}),
        ({"messages": [{"role": "tool", "tool_call_id": "1", "content": "42"}]}, {"Tools"}),
        (user([picture()]), {"Vision"}),
        ({**user("hi"), "response_format": {"type": "json_object"}}, set()),
        ({**user("hi"), "response_format": {"type": "json_schema", "json_schema": {}}}, {"JSONSchema"}),
    ],
)
def test_needs_are_what_a_model_must_be_able_to_do(body, needs):
    """Tools also when only the history holds a call, Vision for any picture, JSONSchema only for a schema."""
    assert examine(body).needs == needs


def test_an_early_picture_is_seen_in_a_long_conversation():
    """The first turns count as much as the last: a model without eyes would refuse the whole."""
    messages = [user([picture()])["messages"][0], *user("and now?")["messages"] * 200]
    assert examine({"messages": messages}).images


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({}, False),
        ({"reasoning_effort": "high"}, True),
        ({"reasoning_effort": "low"}, True),
        ({"reasoning_effort": "none"}, False),
        ({"reasoning_effort": "minimal"}, False),
        ({"reasoning": {"effort": "medium"}}, True),
        ({"reasoning": {"enabled": True}}, True),
        ({"reasoning": {"enabled": False}}, False),
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, True),
        ({"chat_template_kwargs": {"enable_thinking": True}}, True),
        ({"chat_template_kwargs": {"enable_thinking": False}}, False),
        ({"reasoning_effort": 3}, False),
    ],
)
def test_reasoning_is_wanted_in_every_spelling_in_use(fields, wanted):
    """And not wanted when it is switched off in one of them."""
    assert examine({**user("hi"), **fields}).wants_reasoning is wanted


@pytest.mark.parametrize(
    ("fields", "allowed"),
    [
        ({}, None),
        ({"max_tokens": 50}, 50),
        ({"max_completion_tokens": 70}, 70),
        ({"max_tokens": 50, "max_completion_tokens": 70}, 70),
        ({"max_tokens": None}, None),
        ({"max_tokens": 0}, None),
        ({"max_tokens": True}, None),
        ({"max_tokens": "50"}, None),
    ],
)
def test_the_output_allowed_is_the_newer_field_if_both_are_there(fields, allowed):
    """What is no positive whole number says nothing."""
    assert examine({**user("hi"), **fields}).output_tokens == allowed


@pytest.mark.parametrize(
    ("value", "stream"), [(True, True), (False, False), (None, False), ("true", False), (1, False)]
)
def test_only_true_asks_for_a_stream(value, stream):
    """An absent or odd value means JSON, as everywhere."""
    assert examine({**user("hi"), "stream": value}).stream is stream
