"""Request bodies: read strictly, and changed only where a proxy must."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tierway_proxy.core.body import Body, NotARequestError

LIMITS = {"max_tokens": "max_completion_tokens"}
SPACE = st.text(" \t\n\r", max_size=2)


def spelled(text: str, *, plain: bool) -> str:
    """A JSON string as some encoder writes it."""
    return json.dumps(text, ensure_ascii=not plain or any("\ud800" <= each <= "\udfff" for each in text))


STRINGS = st.builds(spelled, st.text(max_size=8), plain=st.booleans())
TRAPS = st.sampled_from(['"x\\"model"', '"\\"model\\": 1"', '"}"', '"max_tokens"', '"a\\\\"', '"{\\"stream\\": true}"'])
NUMBERS = st.sampled_from(
    ["0", "-0", "1e400", "1152921504606846976", "1180591620717411303424", "0.10", "1E+2", "-1.5e-7"]
)
SCALARS = STRINGS | TRAPS | NUMBERS | st.sampled_from(["null", "true", "false"])
NAMES = ["model", "stream", "max_tokens", "stream_options", "messages", "user", "é", "max_completion_tokens"]
KEYS = st.builds(spelled, st.sampled_from(NAMES), plain=st.booleans()) | STRINGS | st.just('"mod\\u0065l"')


def _list(values: Any) -> Any:
    return st.builds(
        lambda items, gap: f"[{gap}{(gap + ',' + gap).join(items)}{gap}]", st.lists(values, max_size=3), SPACE
    )


def _object(values: Any) -> Any:
    member = st.builds(lambda key, value, a, b: f"{key}{a}:{b}{value}", KEYS, values, SPACE, SPACE)
    join = lambda items, gap: f"{{{gap}{(gap + ',' + gap).join(items)}{gap}}}"  # noqa: E731
    return st.builds(join, st.lists(member, max_size=5), SPACE)


VALUES = st.recursive(SCALARS, lambda inner: _list(inner) | _object(inner), max_leaves=6)
TEXTS = st.builds(lambda before, text, after: before + text + after, SPACE, _object(VALUES), SPACE)
EDITS = st.fixed_dictionaries(
    {},
    optional={
        "model": st.text(st.characters(codec="utf-8"), max_size=5),
        "stream": st.booleans(),
        "max_tokens": st.integers(1, 100),
        "stream_options": st.just({"include_usage": True}),
    },
)


def members(text: str | bytes) -> list[tuple[str, Any]]:
    """All top-level members in their order, repeated ones too, numbers as they are spelled."""
    return json.loads(text, object_pairs_hook=lambda pairs: pairs, parse_int=str, parse_float=str)


@given(TEXTS, EDITS, st.sampled_from([{}, LIMITS]))
@example('{"model":"auto","m":"\\"model\\""}', {"model": "x"}, {})
@example('{"model":"a","x":{"model":"b"},"model":"c"}', {"model": "x"}, {})
@example('{"mod\\u0065l":"a"}', {"model": "x"}, {})
@example('{"x":"é","max_tokens" : 7}', {"max_tokens": 5}, LIMITS)
@example(" { } ", {"model": "x", "stream": True}, {})
def test_an_edited_body_equals_the_original_but_for_what_was_changed(text, values, renamed):
    """Member by member, in order, in the very spelling of numbers; what was absent is added in front."""
    before, after = members(text), members(Body(text.encode()).edited(values, renamed))
    changed = members(json.dumps(values))
    given_names = {name for name, _ in before}
    expected = [(name, value) for name, value in changed if name not in given_names]
    expected += [(renamed.get(name, name), dict(changed).get(name, value)) for name, value in before]
    assert after == expected


@given(TEXTS)
def test_a_body_that_is_not_changed_is_the_same_bytes(text):
    """Spaces, escapes and repeated keys too."""
    assert Body(text.encode()).edited({}, {}) == text.encode()


@given(TEXTS)
def test_fields_are_what_any_json_parser_reads(text):
    """Of repeated keys the last."""
    assert Body(text.encode()).fields.keys() == json.loads(text).keys()


ODD = [
    b'{"model":"auto","user":null,"metadata":{"a":[1,{"b":null}]},"seed":1152921504606846976}',
    b'{\n  "model" :\t"auto" ,\r\n  "x" : 1e400\n}\n',
    b'{"x":1,"x":2,"model":"auto","x":3}',
    b'{"t":"\\ud83d","u":"\\u0000","model":"auto","v":"\xf0\x9f\x98\x80"}',
    b'{"messages":[{"role":"user","content":"set \\"model\\":\\"auto\\" please"}],"model":"auto"}',
    b'{"big":123456789012345678901234567890,"model":"auto","f":1.10,"g":-0.0}',
]


@pytest.mark.parametrize("raw", ODD)
def test_everything_but_the_value_that_is_changed_keeps_its_bytes(raw):
    """Unknown members, nulls, 2^60, repeated keys, odd blanks, lone surrogates."""
    whole, name = raw.rpartition(b'"auto"')[0], raw.rpartition(b'"auto"')[2]
    assert Body(raw).edited({"model": "Qwen3-8B"}, {}) == whole + b'"Qwen3-8B"' + name


def test_every_repetition_of_a_key_is_changed():
    """Parsers differ in which of them counts."""
    assert Body(b'{"model":"a", "model":"b"}').edited({"model": "x"}, {}) == b'{"model":"x", "model":"x"}'


def test_members_of_the_same_name_further_inside_are_left_alone():
    """Only the top level is the proxy's."""
    raw = b'{"metadata":{"model":"mine","stream":1},"model":"auto"}'
    assert (
        Body(raw)
        .edited({"model": "x", "stream": True}, {})
        .endswith(b'"metadata":{"model":"mine","stream":1},"model":"x"}')
    )


def test_a_renamed_key_keeps_its_place_and_its_value():
    """Only the name changes."""
    assert (
        Body(b'{"a":1, "max_tokens" : 7 ,"b":2}').edited({}, LIMITS) == b'{"a":1, "max_completion_tokens" : 7 ,"b":2}'
    )


def test_a_renamed_key_can_be_changed_too():
    """The value by the old name."""
    assert Body(b'{"max_tokens":7}').edited({"max_tokens": 5}, LIMITS) == b'{"max_completion_tokens":5}'


@pytest.mark.parametrize("odd", [b'"\\ud83d"', b"1152921504606846976"], ids=["half an emoji", "a large number"])
def test_a_member_that_is_extended_keeps_what_was_odd_in_it(odd):
    """`stream_options` is the client's, and one answer to us is added to it."""
    body = Body(b'{"stream_options":{"x":' + odd + b"}}")
    edited = body.edited({"stream_options": {**body.fields["stream_options"], "include_usage": True}}, {})
    assert json.loads(edited)["stream_options"] == {"x": json.loads(odd), "include_usage": True}


BAD = {
    "nothing": b"",
    "blanks": b"  ",
    "a list": b"[1]",
    "a string": b'"x"',
    "a torn object": b'{"model": "a"',
    "a torn string": b'{"model": "a}',
    "no value": b'{"model": }',
    "no colon": b'{"model" "a"}',
    "no comma": b'{"a": 1 "b": 2}',
    "a comma too many": b'{"a": 1,}',
    "no quotes": b"{model: 1}",
    "single quotes": b"{'model': 'a'}",
    "a number as key": b"{1: 2}",
    "something after it": b'{"a": 1} x',
    "two objects": b'{"a": 1}{"b": 2}',
    "a comment": b'{"a": 1 /* x */}',
    "NaN": b'{"a": NaN}',
    "Infinity": b'{"a": -Infinity}',
    "a bad escape": b'{"a": "\\x"}',
    "a raw line break": b'{"a": "\n"}',
    "a bad surrogate": b'{"a": "\\ud8"}',
    "Latin-1": b'{"a": "caf\xe9"}',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"a": 1}',
    "a leading zero": b'{"a": 01}',
    "a number of five thousand digits": b'{"a": ' + b"1" * 5000 + b"}",
    "a deep nest": b'{"a": ' + b"[" * 100_000 + b"}",
}


@pytest.mark.parametrize("raw", BAD.values(), ids=BAD.keys())
def test_what_is_no_json_object_is_refused_with_a_sentence(raw):
    """Never with an error of ours, and never passed on."""
    with pytest.raises(NotARequestError, match=r"body|after"):
        Body(raw)


@given(st.binary(max_size=40) | st.text('{}[]":,\\ \n0aeE+-.utrfnls', max_size=25).map(str.encode))
def test_no_bytes_break_the_reader(raw):
    """They are an object, or they are refused; the standard library agrees."""
    try:
        fields = Body(raw).fields
    except NotARequestError:
        return
    assert json.loads(raw) == fields


def test_a_body_of_nine_megabytes_is_changed_where_it_stands():
    """A picture is passed on, not parsed anew."""
    raw = b'{"messages":[{"content":"' + b"A" * (9 << 20) + b'"}],"model":"auto"}'
    edited = Body(raw).edited({"model": "x", "stream": True}, {})
    assert edited == b'{"stream":true,' + raw[1:-6] + b'x"}'
