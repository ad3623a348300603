"""An answer that was begun: it ends well, or the client sees that it did not."""

import json

import pytest

from tests.core.script import CLOSE, FINISH, Life, forward
from tests.core.wire import COMMENT, DONE, EMPTY, ROLE, STOP, error, text, usage
from tierway_proxy.core import outcome
from tierway_proxy.core.exchange import Phase
from tierway_proxy.core.health import FAILURES_TO_OPEN, Health


def begun(*models, **options):
    life = Life(*models or ("a", "b"), **options).start().head().says(ROLE, text("Hel"))
    assert life.exchange.phase is Phase.COMMITTED
    assert life.commands
    return life


def cut_frame(life):
    """The last event that the client got, which must be an error."""
    last = life.received.split(b"\n\n")[-2]
    return json.loads(last.removeprefix(b"data: "))["error"]


CUTS = {
    "its connection is lost": lambda life: life.lost(outcome.LOST),
    "it ends cleanly but unfinished": lambda life: life.end(),
    "it speaks of an error": lambda life: life.says(error("sk-secret at https://inner.example")),
    "it stalls": lambda life: life.wait(20),
    "it sends an event without an end": lambda life: life.says(b"data: " + b"x" * (17 << 20)),
}


@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS.keys())
def test_an_answer_cut_by_its_upstream_ends_in_an_error_that_sdks_see(cut):
    """In-band, without `[DONE]`: a clean end would pass for a whole answer."""
    life = begun()
    cut(life)
    assert life.commands[-1] == FINISH
    assert life.received.startswith(ROLE + text("Hel"))
    assert b"[DONE]" not in life.received
    assert cut_frame(life)["code"] == "answer_cut"
    assert life.settled.outcome == "Cut"


@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS.keys())
def test_after_the_commit_there_is_no_fallback(cut):
    """Half an answer of one model and half of another are no answer."""
    life = begun()
    cut(life)
    assert life.tried == ["a"]


@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS.keys())
def test_the_error_of_a_cut_answer_tells_nothing_of_the_upstreams_own_words(cut):
    """They may hold addresses and keys."""
    life = begun()
    cut(life)
    assert b"sk-secret" not in life.received
    assert b"inner.example" not in life.received


@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS.keys())
def test_a_client_that_wants_json_is_told_of_a_cut_by_the_status(cut):
    """It has got nothing yet, so half an answer never looks whole."""
    life = Life("a", "b", json_client=True).start().head().says(ROLE, text("Hel"))
    cut(life)
    assert life.refusal.status == 502
    assert life.refusal.code == "answer_cut"
    assert life.settled.outcome == "Cut"


@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS.keys())
def test_a_cut_counts_against_the_endpoint(cut):
    """After some of them its breaker opens, for all that their first tokens came in time."""
    health = Health()
    for _ in range(FAILURES_TO_OPEN):
        life = Life("a", health=health).start().head().says(text("Hel"))
        cut(life)
    assert "llm/a/a/p" in health.open_breakers()


def test_the_events_before_an_error_frame_of_the_same_read_reach_the_client():
    """What was said was said."""
    life = begun().says(text("lo") + error())
    assert life.received.startswith(ROLE + text("Hel") + text("lo") + b'data: {"error"')


def test_a_stall_is_measured_from_the_last_bytes():
    """Any bytes: a keep-alive says that the upstream lives."""
    life = begun(stall_ms=1000).wait(0.75).says(text("lo")).wait(0.75).says(COMMENT).wait(0.75).says(b"da").wait(0.75)
    assert life.over is False
    life.wait(0.25)
    assert life.settled.outcome == "Cut"
    assert "Stalled" in cut_frame(life)["message"]


def test_a_whole_answer_ends_as_it_came():
    """The end mark is the upstream's own, and there is nothing of ours behind it."""
    life = begun().says(text("lo"), STOP, DONE).end()
    assert life.received == ROLE + text("Hel") + text("lo") + STOP + DONE
    assert life.commands[-2:] == [CLOSE, FINISH]
    assert life.settled.outcome == "Answered"
    assert life.settled.status == 200


def test_a_server_that_never_sends_an_end_mark_has_answered_when_it_said_why_it_finished():
    """Such servers exist, and we make up no end mark for them."""
    life = begun().says(STOP).end()
    assert life.received == ROLE + text("Hel") + STOP
    assert life.settled.outcome == "Answered"


def test_an_end_mark_without_a_reason_to_finish_is_an_end():
    """Some servers never send a finish reason."""
    life = begun().says(DONE).end()
    assert life.received == ROLE + text("Hel") + DONE
    assert life.settled.outcome == "Answered"


@pytest.mark.parametrize(
    "end", [lambda life: life.lost(outcome.LOST), lambda life: life.wait(20)], ids=["lost", "silent"]
)
def test_a_finished_answer_is_whole_however_its_connection_ends(end):
    """The client has all of it."""
    life = begun().says(STOP)
    end(life)
    assert life.received == ROLE + text("Hel") + STOP
    assert life.commands[-1] == FINISH
    assert life.settled.outcome == "Answered"


def test_a_connection_that_is_held_open_after_the_end_mark_does_not_hold_the_client():
    """It waits a second for the end, so that the connection can be used again, and no longer."""
    life = begun().says(STOP, DONE).wait(0.5)
    assert life.over is False
    assert life.wait(0.5).over
    assert life.settled.outcome == "Answered"


def test_a_last_event_without_its_blank_line_is_passed_on_whole():
    """Some servers close right after the last byte."""
    life = begun().says(STOP, DONE[:-2]).end()
    assert life.received == ROLE + text("Hel") + STOP + DONE
    assert life.settled.outcome == "Answered"


def test_an_error_frame_without_its_blank_line_ends_the_answer_once():
    """After the commit the client sees it cut; before, the next candidate answers."""
    life = begun().says(error()[:-2]).end()
    assert (life.settled.outcome, cut_frame(life)["code"]) == ("Cut", "answer_cut")
    life = Life("a", "b").start().head().says(error()[:-2]).end()
    assert life.tried == ["a", "b"]
    assert life.answers().reasons == ["ErrorFrame", None]


def test_a_first_token_without_its_blank_line_still_commits():
    """The shortest of answers, from the most careless of servers."""
    life = Life("a").start().head().says(text("Hi", usage=None)[:-2]).end()
    assert life.received.startswith(text("Hi", usage=None))
    assert life.settled.outcome == "Cut"


def test_a_last_event_that_is_no_event_at_all_changes_nothing():
    """A torn event before the first token is no token."""
    life = Life("a", "b").start().head().says(ROLE, b'data: {"choices": [{"delta": {"con').end()
    assert life.tried == ["a", "b"]


def test_usage_that_comes_after_the_reason_to_finish_is_still_counted():
    """It usually does."""
    life = begun().says(STOP, EMPTY, usage(12, 5), DONE).end()
    assert life.settled.attempts[0].usage.output == 5


def test_events_are_passed_on_as_soon_as_they_come():
    """Nothing is gathered after the commit."""
    life = begun()
    for word in ("lo", " wor", "ld"):
        life.says(text(word))
        assert life.commands == [forward(text(word))]
