"""What counts as the beginning of an answer, and what does not: until it comes, a fallback is invisible."""

import pytest

from tests.core.script import BEGIN, CLOSE, FINISH, Life, forward, open_
from tests.core.tables import model
from tests.core.wire import COMMENT, DONE, EMPTY, ROLE, STOP, chunk, error, event, text, usage
from tierway_proxy.core.exchange import Phase

SAYS_NOTHING = {
    "a role": ROLE,
    "an empty delta": EMPTY,
    "empty text": text(""),
    "null text": chunk({"content": None}),
    "no tool calls": chunk({"tool_calls": []}),
    "no parts": chunk({"content": []}),
    "a keep-alive comment": COMMENT,
    "a bare data line": b"data:\n\n",
    "a named ping": b"event: ping\ndata: {}\n\n",
    "blank lines": b"\n\n",
    "usage": usage(12, 0),
    "zero usage in a chunk with a choice": chunk({}, usage={"prompt_tokens": 12, "completion_tokens": 0}),
    "no choices": event({"id": "c-1", "choices": [], "prompt_filter_results": []}),
    "null choices": event({"choices": None}),
    "the reason for which it finished": STOP,
    "JSON that is no object": b"data: [1]\n\n",
}

SAYS_SOMETHING = {
    "text": text("Hel"),
    "a blank": text(" "),
    "a tool call": chunk({"tool_calls": [{"index": 0, "id": "x", "function": {"name": "f", "arguments": ""}}]}),
    "a function call": chunk({"function_call": {"name": "f", "arguments": ""}}),
    "a refusal": chunk({"refusal": "I will not"}),
    "content in parts": chunk({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Let me"}]}]}),
    "reasoning text": chunk({"reasoning_content": "Let me"}),
    "reasoning text by its other name": chunk({"reasoning": "Let me"}),
    "sound": chunk({"audio": {"id": "a", "data": "UklG"}}),
    "the second choice": chunk({"content": "Hel"}, index=1),
}


@pytest.mark.parametrize("said", SAYS_NOTHING.values(), ids=SAYS_NOTHING.keys())
def test_what_holds_no_content_is_held_back(said):
    """The candidate is still on trial, and the client has seen nothing of it."""
    life = Life("a", "b").start().head()
    life.says(said)
    assert life.commands == [open_("a")]
    assert life.exchange.phase is Phase.WAITING


def test_an_event_that_cannot_be_read_is_a_fallback():
    """A part of the answer is lost already: the next candidate answers at once, before a token of this one is taken."""
    life = Life("a", "b").start().head()
    life.says(b"data: <html>\n\n")
    assert life.commands == [open_("a"), CLOSE, open_("b")]
    life.answers("Hello")
    assert life.received == ROLE + text("Hello") + STOP + DONE
    assert life.reasons == ["ErrorFrame", None]


@pytest.mark.parametrize("said", SAYS_NOTHING.values(), ids=SAYS_NOTHING.keys())
def test_an_end_after_what_holds_no_content_is_a_fallback(said):
    """Whatever preceded it: the next candidate answers, and the client gets only that answer."""
    life = Life("a", "b").start().head()
    life.says(said).end()
    assert life.commands == [open_("a"), CLOSE, open_("b")]
    life.answers("Hello")
    assert life.received == ROLE + text("Hello") + STOP + DONE
    assert life.reasons == ["NoContent", None]


@pytest.mark.parametrize("said", SAYS_SOMETHING.values(), ids=SAYS_SOMETHING.keys())
def test_a_content_token_commits(said):
    """From now on this candidate is the one."""
    life = Life("a", "b").start().head()
    life.says(said)
    assert life.commands == [open_("a"), BEGIN, forward(said)]
    assert life.exchange.phase is Phase.COMMITTED


def test_a_lone_end_mark_is_no_answer():
    """`[DONE]` alone ends an attempt at once, without waiting for the connection to close."""
    life = Life("a", "b").start().head().says(DONE)
    assert life.commands == [open_("a"), CLOSE, open_("b")]


@pytest.mark.parametrize(
    "frame",
    [
        error("overloaded"),
        event({"error": "overloaded"}),
        event({"error": {"code": 500}, "choices": []}),
        b'event: error\ndata: {"error": {"message": "x"}}\n\n',
    ],
    ids=["an object", "a string", "beside no choices", "in a named event"],
)
def test_an_error_frame_is_no_first_token(frame):
    """A broken provider must not win by failing early."""
    life = Life("a", "b").start().head().says(frame)
    assert life.commands == [open_("a"), CLOSE, open_("b")]
    assert life.answers().reasons == ["ErrorFrame", None]


def test_an_error_after_a_valid_first_event_is_a_fallback():
    """A role chunk bought nobody anything."""
    life = Life("a", "b").start().head().says(ROLE).says(COMMENT, error())
    assert life.commands == [open_("a"), CLOSE, open_("b")]
    assert life.answers("Hi").received == ROLE + text("Hi") + STOP + DONE


def test_a_null_error_beside_content_is_no_error():
    """Some servers write every member of their schema."""
    said = text("Hel", error=None)
    life = Life("a", "b").start().head().says(said)
    assert life.commands == [open_("a"), BEGIN, forward(said)]


def test_what_was_held_goes_out_before_the_first_token_as_it_came():
    """In its order and in its bytes, comments too."""
    life = Life("a", "b").start().head().says(COMMENT, ROLE, EMPTY, text("Hel"))
    assert life.commands == [open_("a"), BEGIN, forward(COMMENT, ROLE, EMPTY, text("Hel"))]


def test_events_of_the_same_read_follow_the_first_token():
    """However the network cut the stream, nothing is lost or doubled."""
    life = Life("a", "b").start().head().says(ROLE + text("Hel") + text("lo") + STOP + DONE).end()
    assert life.received == ROLE + text("Hel") + text("lo") + STOP + DONE
    assert life.commands[-2:] == [CLOSE, FINISH]


def test_half_an_event_is_no_token():
    """It may still turn out to be an error."""
    said = text("Hel")
    life = Life("a", "b").start().head().says(said[:-1])
    assert life.commands == [open_("a")]
    life.says(said[-1:])
    assert life.commands == [BEGIN, forward(said)]


def test_an_upstream_silent_before_its_headers_is_cut_at_its_limit():
    """The timer runs from the moment an attempt is sent, not from its headers."""
    life = Life(model("a", ttft=250), "b").start().wait(0.25)
    assert life.commands == [open_("a"), CLOSE, open_("b")]


def test_headers_commit_nothing_and_stop_no_timer():
    """A gateway in front of a dead server answers them at once."""
    life = Life(model("a", ttft=250), "b").start().wait(0.125).head().wait(0.125)
    assert life.commands == [open_("a"), CLOSE, open_("b")]


def test_first_token_time_is_measured_at_the_first_content_token():
    """Not at the headers, not at the role chunk, not at the second token."""
    life = Life("a").start().wait(0.25).head().wait(0.25).says(ROLE).wait(0.5).says(text("Hel"))
    life.wait(4).says(text("lo"), STOP, DONE).end()
    assert life.settled.attempts[0].ttft == 1.0
    assert life.settled.first_token == 1.0


def test_an_empty_answer_that_is_finished_lets_another_try():
    """A model that says nothing may have had nothing to say; somebody else may have."""
    life = Life("a", "b").start().head().says(ROLE, STOP, DONE)
    assert life.commands == [open_("a"), CLOSE, open_("b")]


@pytest.mark.parametrize("end", [lambda life: life.says(DONE), lambda life: life.end()], ids=["end mark", "end"])
def test_an_empty_answer_of_the_last_candidate_is_an_answer(end):
    """It says that it is finished: better than an error."""
    life = Life("a").start().head().says(ROLE, STOP)
    end(life)
    assert life.received.startswith(ROLE + STOP)
    assert life.settled.outcome == "Answered"
    assert life.settled.attempts[0].ttft is None


def test_an_unfinished_empty_answer_of_the_last_candidate_is_an_error():
    """Nothing says that it was meant."""
    life = Life("a").start().head().says(ROLE, DONE)
    assert life.refusal.status == 502
    assert life.reasons == ["NoContent"]


def test_a_stream_of_nothing_is_given_up_before_it_fills_memory():
    """A megabyte of comments is no answer."""
    life = Life("a", "b").start().head()
    for _ in range(17):
        if life.tried == ["a"]:
            life.says((b":" + b"." * 4093 + b"\n\n") * 16)
    assert life.tried == ["a", "b"]
    assert life.answers().reasons == ["NoContent", None]


def test_an_event_without_an_end_is_given_up_before_it_fills_memory():
    """Sixteen megabytes without a blank line are no event."""
    life = Life("a", "b").start().head()
    life.says(b"data: " + b"x" * (17 << 20))
    assert life.commands == [open_("a"), CLOSE, open_("b")]
    assert life.answers().reasons == ["ConnectionLost", None]
