"""Bytes are passed on as they came: what a proxy decodes and writes anew, it breaks."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tests.core.script import Life, forward
from tests.core.wire import COMMENT, DONE, ROLE, STOP, chunk, counted, event, text, usage

USED = counted(12, 5)
WANTS_USAGE = {"stream_options": {"include_usage": True}}


def test_half_an_emoji_in_each_of_two_events_arrives_as_it_was_sent():
    """A proxy that decodes the halves kills the stream."""
    halves = [b'data: {"choices":[{"index":0,"delta":{"content":"\\ud83d"}}]}\n\n']
    halves += [b'data: {"choices":[{"index":0,"delta":{"content":"\\ude00"}}]}\n\n']
    life = Life("a").start().head().says(*halves, STOP, DONE).end()
    assert life.received == b"".join(halves) + STOP + DONE


def test_half_an_emoji_cut_inside_its_utf_8_bytes_arrives_as_it_was_sent():
    """An event that is no UTF-8 is still the upstream's to say."""
    said = b'data: {"choices":[{"index":0,"delta":{"content":"\xf0\x9f"}}]}\n\n'
    life = Life("a").start().head().says(said, STOP, DONE).end()
    assert life.received == said + STOP + DONE


def test_half_an_emoji_of_each_event_becomes_a_whole_one_in_json():
    """A client that asked for JSON gets the character, or at least valid JSON that holds both halves."""
    life = Life("a", json_client=True).start().head()
    life.says(chunk({"content": "\ud83d"}), chunk({"content": "\ude00"}), STOP, DONE).end()
    assert life.answer["choices"][0]["message"]["content"] == "😀"


def test_ids_that_change_at_each_chunk_are_nobodys_business():
    """Some servers make a new one for every event."""
    said = [event({"id": f"c-{n}", "choices": [{"index": 0, "delta": {"content": "x"}}]}) for n in range(3)]
    life = Life("a").start().head().says(*said, STOP, DONE).end()
    assert life.received == b"".join(said) + STOP + DONE


def test_unknown_members_and_odd_figures_pass():
    """Vendors add what they like."""
    said = b'data: {"choices":[{"delta":{"content":"x","vendor":null},"x":1180591620717411303424}],"y":1e400,"y":2}\n\n'
    life = Life("a").start().head().says(said, STOP, DONE).end()
    assert life.received == said + STOP + DONE


def test_line_ends_and_event_names_pass():
    """CRLF, CR, `event:`, `id:` and comments are all part of the format."""
    said = [
        b': hi\r\n\r\nevent: message\r\nid: 7\r\ndata: {"choices":[{"delta":{"content":"x"}}]}\r\n\r\n',
        b'data:{"choices":[{"delta":{},"finish_reason":"stop"}]}\r\r',
        b"data: [DONE]\r\n\r\n",
    ]
    life = Life("a").start().head().says(*said).end()
    assert life.received == b"".join(said)
    assert life.settled.outcome == "Answered"


def test_usage_that_the_client_did_not_ask_for_is_dropped():
    """It was our question, so it is our answer; its tokens are counted all the same."""
    life = Life("a").start().head().says(ROLE, text("Hi"), STOP, usage(12, 5), DONE).end()
    assert life.received == ROLE + text("Hi") + STOP + DONE
    assert life.settled.attempts[0].usage.output == 5


def test_usage_that_the_client_asked_for_reaches_it():
    """Untouched."""
    life = Life("a", ask=WANTS_USAGE).start().head().says(ROLE, text("Hi"), STOP, usage(12, 5), DONE).end()
    assert life.received == ROLE + text("Hi") + STOP + usage(12, 5) + DONE


def test_usage_before_the_first_token_is_dropped_too():
    """Some servers begin with it."""
    life = Life("a").start().head().says(usage(12, 0), ROLE, text("Hi"), STOP, DONE).end()
    assert life.received == ROLE + text("Hi") + STOP + DONE


def test_usage_in_a_chunk_with_a_choice_is_passed_on():
    """Only whole events are dropped: to cut something out would be to write the event anew."""
    last = chunk({}, finish="stop", usage=USED)
    life = Life("a").start().head().says(text("Hi", usage=None), last, DONE).end()
    assert life.received == text("Hi", usage=None) + last + DONE
    assert life.settled.attempts[0].usage.output == 5


def test_a_usage_event_beside_others_in_one_read_is_all_that_is_dropped():
    """Its neighbours stay, in one piece."""
    life = Life("a").start().head().says(text("Hi"))
    assert life.commands
    life.says(text("!") + usage(12, 5) + STOP + COMMENT + DONE)
    assert life.commands == [forward(text("!"), STOP, COMMENT, DONE)]


def test_a_read_that_holds_only_dropped_usage_forwards_nothing():
    """Not even an empty write."""
    life = Life("a").start().head().says(text("Hi"), STOP)
    assert life.commands
    life.says(usage(12, 5))
    assert life.commands == []


def test_a_null_usage_in_every_chunk_is_no_usage_event():
    """That is how the format announces it."""
    said = event({"choices": [], "usage": None})
    life = Life("a").start().head().says(said, text("Hi"), STOP, DONE).end()
    assert life.received.startswith(said)


@given(st.lists(st.integers(min_value=0, max_value=400), max_size=12))
def test_an_answer_arrives_the_same_however_the_network_cuts_it(cuts):
    """Wherever the reads end."""
    said = COMMENT + ROLE + text("Hé") + text("llo 😀") + STOP + usage(12, 5) + DONE
    edges = sorted({0, len(said), *(cut for cut in cuts if cut < len(said))})
    life = Life("a").start().head()
    life.says(*(said[begin:end] for begin, end in pairwise(edges))).end()
    assert life.received == COMMENT + ROLE + text("Hé") + text("llo 😀") + STOP + DONE
    assert life.settled.attempts[0].usage.output == 5
