"""A client that asked for JSON is gated and metered by a stream upstream, and cannot tell from its answer."""

import json

import pytest

from tests.core.script import BEGIN_JSON, CLOSE, FINISH, Life, open_
from tests.core.tables import model
from tests.core.wire import (
    DONE,
    JSON,
    ROLE,
    STOP,
    choice,
    chunk,
    completion,
    counted,
    error,
    event,
    message,
    text,
    usage,
)
from tierway_proxy.core import outcome


def test_what_a_vendor_says_beside_the_choices_arrives():
    """The last of it, where it is said again."""
    life = Life("a", json_client=True).start().head()
    life.says(
        text("Hey", citations=[1], service_tier="default"), chunk({}, finish="stop", citations=[1, 2]), DONE
    ).end()
    assert life.answer["citations"] == [1, 2]
    assert life.answer["service_tier"] == "default"


def test_the_first_of_changing_ids_is_the_answers():
    """One answer has one id."""
    life = Life("a", json_client=True).start().head()
    life.says(
        *(event({"id": f"c-{n}", "choices": [{"index": 0, "delta": {"content": "x"}}]}) for n in range(3)), STOP, DONE
    )
    assert life.end().answer["id"] == "c-0"


def test_nothing_is_sent_before_the_answer_is_whole():
    """Then all of it at once."""
    life = Life("a", json_client=True).start().head().says(ROLE, text("He"), text("y"), STOP, usage(12, 5), DONE)
    assert life.commands == [open_("a")]
    life.end()
    assert [each[0] for each in life.commands] == ["Begin", "Forward", "Close", "Finish"]


def test_a_json_client_is_answered_with_json():
    """Whatever was streamed upstream."""
    life = Life("a", json_client=True).start()
    assert life.opened[0].streamed
    assert life.sent["stream"] is True
    assert BEGIN_JSON in life.answers().commands


def test_the_upstream_is_asked_for_its_usage():
    """Without it nothing can be charged exactly."""
    life = Life("a", json_client=True).start()
    assert life.sent["stream_options"] == {"include_usage": True}


def test_a_json_client_is_metered_as_a_stream_is():
    """First token and throughput are known."""
    life = Life("a", json_client=True).start().wait(0.5).head().says(ROLE, text("He"))
    life.wait(2).says(text("y"), STOP, usage(12, 5), DONE).end()
    entry = life.settled.attempts[0]
    assert (entry.ttft, entry.output_tokens_per_second, life.settled.first_token) == (0.5, 2.0, 0.5)


def test_a_fallback_takes_nothing_of_the_failed_attempt_into_the_answer():
    """Its role, id and reasons are forgotten."""
    life = Life("a", "b", json_client=True).start().head()
    life.says(event({"id": "lost", "vendor": 1, "choices": [{"index": 3, "delta": {"role": "x"}}]}), error())
    life.answers("Hey")
    assert life.answer["id"] == "c-1"
    assert life.answer["choices"] == [choice(message("Hey"))]
    assert "vendor" not in life.answer


def test_a_server_that_answers_json_to_a_stream_is_taken_at_its_word():
    """The client wanted exactly that."""
    body = completion("Hey", usage=counted(12, 5))
    life = Life("a", json_client=True).start().head(200, JSON).says(body).end()
    assert life.received == body
    assert life.settled.attempts[0].usage.output == 5


def test_an_answer_without_an_end_mark_is_assembled_too():
    """The finish reason ends it."""
    life = Life("a", json_client=True).start().head().says(text("Hey"), STOP).end()
    assert life.answer["choices"] == [choice(message("Hey"))]


def test_an_empty_answer_of_the_last_candidate_is_assembled_too():
    """It has nothing to say, in JSON."""
    life = Life("a", json_client=True).start().head().says(ROLE, STOP, DONE)
    assert life.answer["choices"] == [choice(message(""))]


def test_a_finished_answer_whose_connection_breaks_is_whole():
    """All of it had come."""
    life = Life("a", json_client=True).start().head().says(text("Hey"), STOP).lost(outcome.LOST)
    assert life.answer["choices"] == [choice(message("Hey"))]


@pytest.mark.parametrize("stream", [None, False])
def test_a_stream_member_that_is_not_true_means_json(stream):
    """As everywhere."""
    life = Life("a", ask={"stream": stream}).start().answers("Hey")
    assert life.answer["object"] == "chat.completion"
    assert (life.opened[0].streamed, life.sent["stream"]) == (True, True)


def test_a_stream_is_not_asked_of_a_provider_that_sends_no_usage_with_it():
    """The JSON must have its usage."""
    life = Life(model("a", provider={"stream_usage": False}), json_client=True).start()
    assert not life.opened[0].streamed
    assert "stream" not in life.sent


def test_sound_is_not_streamed():
    """Its pieces are no JSON to be merged."""
    life = Life("a", json_client=True, ask={"audio": {"voice": "x"}, "modalities": ["text", "audio"]}).start()
    assert not life.opened[0].streamed


def test_an_answer_is_compact_json():
    """Nobody pays for blanks."""
    life = Life("a", json_client=True).start().answers("Hey")
    assert life.received == json.dumps(life.answer, separators=(",", ":")).encode()
    assert life.commands[-2:] == [CLOSE, FINISH]
