"""The counting rules that every figure rests on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tierway_cli.provider.chat import parse
from tierway_cli.provider.tokens import PrefixCache, pieces, prompt_tokens


def chat(*messages, **fields):
    return parse({"model": "m", "messages": list(messages), **fields})


def user(text):
    return {"role": "user", "content": text}


@given(st.text())
def test_the_tokens_of_a_text_join_to_the_text(text):
    """Cutting into tokens loses nothing, in any script."""
    assert "".join(pieces(text)) == text
    assert all(pieces(text))


@pytest.mark.parametrize(
    ("messages", "tokens"),
    [
        ([user("")], 1),
        ([user("abcd")], 1),
        ([user("abcde")], 2),
        ([user("退款怎么")], 1),
        ([user("abcd"), {"role": "assistant", "content": "efgh"}], 2),
        ([{"role": "user", "content": [{"type": "text", "text": "abcd"}]}], 1),
        ([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:x"}}]}], 256),
        (
            [{"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "abcd", "arguments": "{}"}}]}],
            2,
        ),
    ],
)
def test_prompt_tokens_are_a_quarter_of_the_characters(messages, tokens):
    """All texts of all messages, divided by four and rounded up, and 256 for an image."""
    assert prompt_tokens(chat(*messages)) == tokens


def test_tools_are_part_of_the_prompt():
    """Tools count as the compact JSON that was sent, with fields that the simulator does not know."""
    tool = {"type": "function", "function": {"name": "f", "strict": True}}
    text = '[{"type":"function","function":{"name":"f","strict":true}}]'
    assert prompt_tokens(chat(user("abcd"), tools=[tool])) == -(-(len(text) + 4) // 4)


def test_a_prefix_seen_before_is_cached_in_blocks():
    """A conversation that goes on finds its beginning cached, from 1024 tokens on, in blocks of 128."""
    cache = PrefixCache()
    long = user("x" * 4 * 1100)
    assert cache.cached_tokens(chat(long)) == 0
    assert cache.cached_tokens(chat(long, user("and now?"))) == 1024
    for _ in range(2):
        assert cache.cached_tokens(chat(user("y" * 4 * 1023))) == 0
    assert cache.cached_tokens(chat(user("other"), long)) == 0


def test_the_cache_forgets_the_oldest():
    """A bounded cache drops what was used longest ago."""
    cache = PrefixCache(size=1)
    cache.cached_tokens(chat(user("x" * 8000)))
    cache.cached_tokens(chat(user("y" * 8000)))
    assert cache.cached_tokens(chat(user("x" * 8000))) == 0
