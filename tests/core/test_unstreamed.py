"""Answers that are not streamed upstream: they commit when they are whole, and have no first token."""

import json

import pytest

from tests.core.script import BEGIN_JSON, CLOSE, FINISH, Life, forward, open_
from tests.core.tables import model, price
from tests.core.wire import EVENTS, JSON, ROLE, STOP, completion, counted, text
from tierway_proxy.core import outcome

COSTS = model("a", costs=price(output=10, input=1, cached=0, request=1000))


def asked(*models, **options):
    return Life(*models or ("a", "b"), json_client=True, upstream="AsRequested", **options).start()


def test_as_requested_sends_on_what_was_asked():
    """No stream, no usage, not one byte of the request but the model's name."""
    body = b'{"model": "auto", "messages": [{"role": "user", "content": "hi"}]}'
    life = asked(body=body)
    assert life.opened[0].body == body.replace(b'"auto"', b'"A"')
    assert not life.opened[0].streamed


def test_a_body_commits_when_it_is_complete():
    """In its own bytes."""
    body = completion("Hey", usage=counted(12, 5), vendor=None)
    life = asked().head(200, JSON).says(body[:30], body[30:])
    assert life.commands == [open_("a")]
    life.end()
    assert life.commands == [BEGIN_JSON, forward(body), CLOSE, FINISH]


def test_a_body_that_breaks_off_is_a_fallback():
    """The client has seen nothing of it."""
    life = asked().head(200, JSON).says(completion()[:30]).lost(outcome.LOST)
    assert life.commands == [open_("a"), CLOSE, open_("b")]
    assert life.head(200, JSON).says(completion("Hey")).end().received == completion("Hey")


def test_a_body_that_ends_too_early_is_a_fallback():
    """HTTP may call it complete; JSON does not."""
    life = asked().head(200, JSON).says(completion()[:30]).end()
    assert life.tried == ["a", "b"]


def test_the_stall_timer_runs_from_the_headers_on():
    """They are a sign of life, and the last one here."""
    life = asked(stall_ms=5000).wait(4).head(200, JSON).wait(4.5)
    assert life.tried == ["a"]
    assert life.wait(0.5).tried == ["a", "b"]


def test_a_body_adds_no_first_token_and_no_throughput_sample():
    """It has neither, with usage or without."""
    for body in (completion("Hey", usage=counted(12, 5)), completion("Hey")):
        life = asked("a").wait(1).head(200, JSON).says(body).wait(1).end()
        entry = life.settled.attempts[0]
        assert (entry.ttft, entry.output_tokens_per_second, life.settled.first_token) == (None, None, None)
        assert entry.ttlt == 2.0


def test_a_body_is_charged_by_its_usage():
    """Cached input at its own price, and the price of the request once."""
    life = asked(COSTS).head(200, JSON).says(completion("Hey", usage=counted(12, 5, cached=2))).end()
    assert life.settled.cost == 10 * 1 + 2 * 0 + 5 * 10 + 1000


def test_a_body_without_usage_is_estimated():
    """Four characters a token, counted as an estimate."""
    life = asked(COSTS).head(200, JSON).says(completion("x" * 400)).end()
    usage = life.settled.attempts[0].usage
    assert (usage.input, usage.output, usage.estimated) == (life.plan.ask.input_tokens, 100, True)


def test_events_nobody_asked_for_are_assembled():
    """A server that streams whatever it is asked still serves a client that wants JSON."""
    life = asked().head(200, EVENTS).says(ROLE, text("Hey"), STOP).end()
    assert life.answer["choices"][0]["message"]["content"] == "Hey"


def test_a_stream_is_a_stream_whatever_the_policy_says():
    """`AsRequested` is about clients that want JSON."""
    life = Life("a", upstream="AsRequested").start().answers("Hey")
    assert life.opened[0].streamed
    assert life.sent["stream_options"] == {"include_usage": True}


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "text/plain", ""])
def test_what_a_body_calls_itself_does_not_matter(content_type):
    """What it holds does."""
    life = asked("a").head(200, content_type).says(completion("Hey")).end()
    assert json.loads(life.received)["choices"][0]["message"]["content"] == "Hey"
