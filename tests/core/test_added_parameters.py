"""What we add to a request is ours: an upstream that rejects it is asked again without, and remembered."""

import json

import pytest

from tests.core.script import BEGIN, CLOSE, Life, forward, open_
from tests.core.tables import model
from tests.core.wire import JSON, ROLE, STOP, completion, text
from tierway_proxy.core import outcome
from tierway_proxy.core.health import Health


def rejects(what: str, *, named: bool = True) -> bytes:
    """A 400 that names the parameter as OpenAI does, or in its sentence only."""
    said = {"message": f"Unrecognized request argument supplied: {what}", "type": "invalid_request_error"}
    return json.dumps({"error": {**said, "param": what} if named else said}).encode()


@pytest.mark.parametrize("named", [True, False], ids=["param", "message"])
@pytest.mark.parametrize("status", [400, 422])
def test_a_rejected_parameter_of_ours_is_left_out_at_once(status, named):
    """The same candidate, without the delay, and the client sees nothing of it."""
    life = Life("a", "b").start()
    assert "stream_options" in life.sent
    life.refuses(status, rejects("stream_options", named=named))
    assert life.commands == [open_("a"), CLOSE, open_("a")]
    assert "stream_options" not in life.sent
    life.head().says(text("Hi"))
    assert life.commands == [BEGIN, forward(text("Hi"))]


def test_an_endpoint_that_answered_without_is_never_sent_it_again():
    """Remembered beyond the request, and of this endpoint only."""
    health = Health()
    Life("a", "b", health=health).start().refuses(400, rejects("stream_options")).answers(used=None)
    assert "stream_options" not in Life("a", "b", health=health).start().sent
    assert "stream_options" in Life("a", "b", health=health).start().lost(outcome.LOST).sent


def test_a_request_that_is_bad_without_it_too_teaches_nothing():
    """Else one caller's odd request would end the counting of everybody's tokens."""
    health = Health()
    life = Life("a", "b", health=health).start()
    life.refuses(400, rejects("stream_options", named=False)).refuses(400, b'{"error": {"message": "bad role"}}')
    assert life.refusal.message == "bad role"
    assert "stream_options" in Life("a", "b", health=health).start().sent


def test_the_same_parameter_is_left_out_only_once():
    """What is not in the request cannot be at fault."""
    life = Life("a", "b").start().refuses(400, rejects("stream_options")).refuses(400, rejects("stream_options"))
    assert life.tried == ["a", "a"]
    assert (life.refusal.status, life.refusal.param) == (400, "stream_options")


def test_several_rejected_parameters_are_left_out_one_by_one():
    """Both are gone in the third try."""
    life = Life(model("a", max_output_tokens=50)).start()
    life.refuses(400, rejects("stream_options")).refuses(400, rejects("max_tokens"))
    assert life.tried == ["a", "a", "a"]
    assert not {"stream_options", "max_tokens"} & set(life.sent)


def test_the_next_candidate_is_sent_it_again():
    """It rejected nothing."""
    life = Life("a", "b").start().refuses(400, rejects("stream_options")).lost(outcome.LOST)
    assert life.tried == ["a", "a", "b"]
    assert "stream_options" in life.sent


def test_a_parameter_of_the_clients_own_is_the_clients_fault():
    """It asked for it, and is told."""
    life = Life("a", "b", ask={"stream_options": {"include_usage": True}}).start()
    life.refuses(400, rejects("stream_options"))
    assert life.tried == ["a"]
    assert life.refusal.param == "stream_options"


def test_a_stream_that_the_client_asked_for_is_the_clients_too():
    """We did not add it, so we do not take it away."""
    life = Life("a", "b").start().refuses(400, rejects("stream"))
    assert (life.tried, life.refusal.param) == (["a"], "stream")


def test_of_two_names_in_a_sentence_the_longer_is_left_out():
    """The other is only what it depends on."""
    message = b'{"error": {"message": "stream_options is not allowed here, although stream is"}}'
    life = Life("a", json_client=True).start().refuses(400, message).client_leaves()
    assert life.exchange.attempts[0].failure.param == "stream_options"


def test_a_word_that_only_contains_its_name_blames_nobody():
    """An 'upstream' is no `stream`."""
    life = Life("a", json_client=True).start().refuses(400, b'{"error": {"message": "the upstream disliked it"}}')
    assert life.tried == ["a"]
    assert life.refusal.message == "the upstream disliked it"


def test_a_stream_that_a_json_client_did_not_ask_for_is_left_out():
    """It is answered without a stream, from then on."""
    health = Health()
    life = Life("a", json_client=True, health=health).start().refuses(400, rejects("stream"))
    assert not life.opened[-1].streamed
    assert "stream" not in life.sent
    life.head(200, JSON).says(completion("Hey")).end()
    assert life.received == completion("Hey")
    assert not Life("a", json_client=True, health=health).start().opened[-1].streamed


def test_a_json_client_is_not_streamed_where_usage_cannot_be_had():
    """Its answer must hold the usage."""
    life = Life("a", json_client=True).start().refuses(400, rejects("stream_options"))
    assert not life.opened[-1].streamed


def test_a_renamed_limit_that_is_rejected_goes_by_its_own_name():
    """As the client wrote it."""
    given = model("a", provider={"output_limit_parameter": "max_completion_tokens"})
    life = Life(given, ask={"max_tokens": 30}).start()
    assert life.sent["max_completion_tokens"] == 30
    life.refuses(400, rejects("max_completion_tokens"))
    assert (life.sent.get("max_tokens"), "max_completion_tokens" in life.sent) == (30, False)


def test_an_upstream_whose_limit_we_may_not_send_is_still_cut_at_it():
    """The limit is the policy's, whoever enforces it."""
    life = Life(model("a", max_output_tokens=2)).start().refuses(400, rejects("max_tokens"))
    assert "max_tokens" not in life.sent
    life.head().says(ROLE, text("a"), text("b"), text("c"))
    assert text("c") not in life.received
    assert life.settled.outcome == "Answered"


def test_a_rejection_of_ours_is_no_mark_against_the_endpoint():
    """It is up, and said so."""
    health = Health()
    for _ in range(10):
        Life("a", health=health).start().refuses(400, rejects("stream_options")).client_leaves()
    assert health.open_breakers() == ()


def test_an_attempt_that_was_rejected_costs_nothing():
    """And the settlement shows why it was made twice."""
    life = Life("a").start().refuses(400, rejects("stream_options")).answers("Hi", used=None)
    assert life.reasons == ["ParameterRejected", None]
    assert life.settled.attempts[0].cost == 0
    assert life.received == ROLE + text("Hi") + STOP + b"data: [DONE]\n\n"
