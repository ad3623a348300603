"""Server-sent events, however they are written and however the network cuts them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tierway_proxy.core.sse import DONE, DONE_EVENT, EventTooLongError, Splitter, read, write

ENDS = st.sampled_from([b"\n\n", b"\r\n\r\n", b"\r\r"])
LINES = st.sampled_from(
    [
        b'data: {"a": "\xc3\xa9"}',
        b"data: [DONE]",
        b": ping",
        b"event: x\ndata: {}",
        b"",
        b'data: {"b": "\xf0\x9f\x98\x80"}',
    ]
)
STREAMS = st.lists(st.builds(lambda line, end: line + end, LINES, ENDS), max_size=6).map(b"".join)


def split(chunks):
    splitter = Splitter()
    return [event for chunk in chunks for event in splitter.feed(chunk)], splitter.rest


@given(STREAMS | st.text("dat: x\r\n", max_size=30).map(str.encode))
def test_events_are_the_same_wherever_a_stream_is_cut(stream):
    """At every byte, into two or into single bytes."""
    whole = split([stream])
    for at in range(1, len(stream)):
        assert split([stream[:at], stream[at:]]) == whole
    assert split([stream[at : at + 1] for at in range(len(stream))]) == whole


@given(STREAMS, st.binary(max_size=8))
def test_no_byte_is_lost_or_added(stream, torn):
    """Events and the rest make the stream."""
    events, rest = split([stream + torn])
    assert b"".join(events) + rest == stream + torn


READ = {
    "an object": (b'data: {"a": 1}\n\n', {"a": 1}),
    "without the blank": (b'data:{"a": 1}\n\n', {"a": 1}),
    "with CRLF": (b'data: {"a": 1}\r\n\r\n', {"a": 1}),
    "with CR": (b'data: {"a": 1}\r\r', {"a": 1}),
    "over several lines": (b'data: {"a":\ndata: 1}\n\n', {"a": 1}),
    "with an id and a name": (b'id: 7\nevent: x\ndata: {"a": 1}\nretry: 10\n\n', {"a": 1}),
    "after a comment": (b': hi\ndata: {"a": 1}\n\n', {"a": 1}),
    "after blank lines": (b'\ndata: {"a": 1}\n\n', {"a": 1}),
    "half an emoji": (b'data: {"a": "\\ud83d"}\n\n', {"a": "\ud83d"}),
    "a cut character": (b'data: {"a": "\xf0\x9f"}\n\n', {"a": "\ufffd"}),
    "a large number": (b'data: {"a": 1152921504606846976}\n\n', {"a": 2**60}),
    "the end mark": (b"data: [DONE]\n\n", DONE),
    "the end mark without the blank": (b"data:[DONE]\r\n\r\n", DONE),
    "the end mark with blanks": (b"data:  [DONE] \n\n", DONE),
    "a comment": (b": keep-alive\n\n", None),
    "blank lines": (b"\n\n", None),
    "no data": (b"event: ping\n\n", None),
    "empty data": (b"data:\n\n", None),
    "a list": (b"data: [1]\n\n", None),
    "no JSON": (b"data: hello\n\n", None),
    "a deep nest": (b"data: " + b"[" * 100_000 + b"\n\n", None),
    "another field that begins like data": (b"database: {}\n\n", None),
}


@pytest.mark.parametrize(("event", "value"), READ.values(), ids=READ.keys())
def test_an_event_is_read_however_it_is_written(event, value):
    """What holds no object is nothing, never an error."""
    assert read(event) == value


@given(st.binary(max_size=60))
def test_no_event_breaks_the_reader(data):
    """Whatever stands in it."""
    assert isinstance(read(b"data: " + data + b"\n\n"), dict | str | None)


@given(
    st.dictionaries(st.text(max_size=4), st.text(max_size=4) | st.none() | st.integers(-(2**63), 2**64 - 1), max_size=3)
)
def test_what_is_written_can_be_read(value):
    """One event, whole, on one line."""
    events, rest = split([write(value)])
    assert (len(events), rest) == (1, b"")
    assert read(events[0]) == json.loads(json.dumps(value))


def test_our_end_mark_is_the_end_mark():
    """One event."""
    assert split([DONE_EVENT]) == ([DONE_EVENT], b"")
    assert read(DONE_EVENT) == DONE


def test_an_event_that_never_ends_is_refused():
    """Sixteen megabytes are enough for any."""
    splitter = Splitter()
    assert splitter.feed(b"data: " + b"x" * (15 << 20)) == []
    with pytest.raises(EventTooLongError):
        splitter.feed(b"x" * (2 << 20))
