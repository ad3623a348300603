"""What follows each failure of an attempt, and after which delay."""

import pytest

from tests.core.script import BEGIN, CLOSE, Life, forward, open_
from tests.core.wire import EVENTS, JSON, completion, text
from tierway_proxy.core import outcome
from tierway_proxy.core.exchange import Phase
from tierway_proxy.core.outcome import Failure, Next

AFTER_THE_DELAY = [(429, "RateLimited"), (500, "ServerError"), (502, "ServerError"), (503, "Unavailable")]
AFTER_THE_DELAY += [(504, "ServerError"), (529, "ServerError"), (408, "ServerError"), (409, "ServerError")]
AT_ONCE = [401, 402, 403, 404, 405, 407, 410, 302]


@pytest.mark.parametrize(("status", "reason"), AFTER_THE_DELAY)
def test_after_a_busy_or_broken_server_the_next_candidate_waits_for_the_delay(status, reason):
    """429 and 5xx: a moment's rest, exactly as long as the policy says."""
    life = Life("a", "b", delay_ms=500).start().refuses(status)
    assert life.commands == [open_("a"), CLOSE]
    assert life.exchange.phase is Phase.PAUSED
    assert life.wait(0.25).commands == []
    assert life.wait(0.25).commands == [open_("b")]
    assert life.answers().reasons == [reason, None]


@pytest.mark.parametrize("status", AT_ONCE)
def test_after_a_refusal_that_is_our_misconfiguration_the_next_candidate_is_asked_at_once(status):
    """An upstream's 401, 403 or 404 is about us, not about the caller, and waiting does not cure it."""
    life = Life("a", "b").start().refuses(status)
    assert life.commands == [open_("a"), CLOSE, open_("b")]
    assert life.answers().reasons == ["Misconfigured", None]


@pytest.mark.parametrize("failure", [outcome.REFUSED, outcome.LOST], ids=lambda failure: failure.reason)
def test_after_a_broken_connection_the_next_candidate_is_asked_at_once(failure):
    """Refused, or lost before an answer: there is nobody to spare."""
    life = Life("a", "b").start().lost(failure)
    assert life.commands == [open_("a"), CLOSE, open_("b")]
    assert life.answers().reasons == [failure.reason, None]


def test_a_stream_lost_before_its_first_token_is_a_fallback():
    """Headers had come, content had not."""
    life = Life("a", "b").start().head().says(b": hello\n\n").lost(outcome.LOST)
    assert life.commands == [open_("a"), CLOSE, open_("b")]


def test_an_error_answer_that_breaks_off_is_a_fallback():
    """Half an error body is as bad as none."""
    life = Life("a", "b").start().head(503, JSON).says(b'{"err').lost(outcome.LOST)
    assert life.commands == [open_("a"), CLOSE, open_("b")]


def test_json_in_place_of_a_stream_is_a_fallback():
    """A client that asked for events cannot be given a body."""
    life = Life("a", "b").start().head(200, JSON).says(completion()).end()
    assert life.commands == [open_("a"), CLOSE, open_("b")]
    assert life.answers().reasons == ["NotAStream", None]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"error": {"message": "no"}}', "ErrorFrame"),
        (b"<html>", "NoContent"),
        (b"", "NoContent"),
        (b"[]", "NoContent"),
    ],
    ids=["an error", "html", "nothing", "a list"],
)
def test_a_success_without_an_answer_is_a_fallback(body, reason):
    """200 is only what the server thinks of itself."""
    life = Life("a", "b").start().head(200, JSON)
    life.says(*[body] if body else []).end()
    assert life.commands == [open_("a"), CLOSE, open_("b")]
    assert life.answers().reasons == [reason, None]


def test_an_error_that_calls_itself_a_stream_is_still_an_error():
    """The status decides, not the content type."""
    life = Life("a", "b").start().head(503, EVENTS).says(text("Hel")).end()
    assert life.commands == [open_("a"), CLOSE]
    assert life.wait(1).answers().reasons == ["Unavailable", None]


def test_an_error_is_judged_when_its_body_is_whole():
    """The body may say whose fault it is."""
    life = Life("a", "b").start().head(400, JSON).says(b'{"error": {"code": "context_length', b'_exceeded"}}')
    assert life.commands == [open_("a")]
    life.end()
    assert life.exchange.attempts[0].failure.reason == "ContextTooLong"


def test_of_an_endless_error_body_only_its_beginning_is_kept():
    """An upstream cannot fill our memory with its complaints."""
    life = Life("a").start().head(400, JSON).says(b"no tokens " + b"." * 70_000)
    life.says(*[b"context length " * 1000] * 10).end()
    assert life.refusal.code == "invalid_request"


def test_a_delay_of_zero_is_none():
    """`delayMilliseconds: 0` asks the next one at once."""
    life = Life("a", "b", delay_ms=0).start().refuses(429)
    assert life.commands == [open_("a"), CLOSE, open_("b")]


def test_every_fallback_of_a_long_chain_has_its_own_delay():
    """Only those after 429 and 5xx wait."""
    life = Life("a", "b", "c", "d", delay_ms=1000).start().refuses(429)
    assert life.wait(1).tried == ["a", "b"]
    assert life.lost(outcome.REFUSED).tried == ["a", "b", "c"]
    assert life.refuses(500).tried == ["a", "b", "c"]
    assert life.wait(1).tried == ["a", "b", "c", "d"]


def test_the_client_sees_nothing_of_the_failures_before_its_answer():
    """The first byte that it gets is of the candidate that answered."""
    life = Life("a", "b", "c", delay_ms=0).start().refuses(500).lost(outcome.REFUSED)
    life.head().says(text("Hello"))
    assert life.commands[-2:] == [BEGIN, forward(text("Hello"))]
    assert life.received == text("Hello")


def test_without_a_number_every_candidate_is_tried():
    """Unset `maxAttempts` means all of them."""
    life = Life(*"abcdef").start()
    while not life.over:
        life.lost(outcome.LOST)
    assert life.tried == list("abcdef")
    assert life.refusal.status == 502


@pytest.mark.parametrize("most", [1, 2, 3])
def test_the_policys_number_of_attempts_is_the_most(most):
    """The rest of the chain is not asked."""
    life = Life(*"abcdef", max_attempts=most).start()
    while not life.over:
        life.lost(outcome.LOST)
    assert life.tried == list("abcdef")[:most]


def test_an_attempt_on_which_nothing_was_sent_is_not_counted():
    """Trying a dead address costs nobody anything."""
    life = Life(*"abcdef", max_attempts=2).start().lost(outcome.REFUSED).lost(outcome.REFUSED)
    life.lost(outcome.LOST).lost(outcome.REFUSED).lost(outcome.LOST)
    assert life.tried == list("abcde")
    assert life.over


def test_a_failure_of_the_shells_own_making_falls_back_like_any_other():
    """A provider whose key is missing here is passed by, uncounted."""
    missing = Failure(reason="KeyMissing", next=Next.ELSEWHERE, sent=False)
    life = Life("a", "b", max_attempts=1).start().lost(missing)
    assert life.answers().reasons == ["KeyMissing", None]


def test_when_all_have_failed_the_last_failure_is_what_the_client_reads():
    """And the upstream is closed before that."""
    life = Life("a", "b").start().lost(outcome.LOST).lost(outcome.REFUSED)
    assert life.commands[-2:] == [CLOSE, ("Refuse", 503, "upstream_unavailable")]
    assert "ConnectionRefused" in life.refusal.message
    assert life.settled.outcome == "Failed"


def test_a_fallback_that_answered_is_counted_as_one():
    """And no other."""
    assert Life("a").start().answers().settled.fell_back is False
    assert Life("a", "b").start().lost(outcome.LOST).answers().settled.fell_back is True
    assert Life("a", "b").start().lost(outcome.LOST).lost(outcome.LOST).settled.fell_back is False


def test_attempts_that_another_followed_are_marked_so():
    """The last one, which nobody followed, is not."""
    life = Life("a", "b", "c").start()
    life.lost(outcome.LOST).lost(outcome.LOST).lost(outcome.LOST)
    assert [each.followed for each in life.settled.attempts] == [True, True, False]
