"""Errors about the request itself: told at once, or tried where they may not arise."""

import json

import pytest

from tests.core.script import CLOSE, Life, open_, refuse
from tests.core.tables import model
from tierway_proxy.core.health import Health

SMALL, LARGE, HUGE = model("a", window=8_000), model("c", window=32_000), model("d", window=128_000)

TOO_LONG = {
    "OpenAI": {"error": {"message": "x", "code": "context_length_exceeded"}},
    "vLLM": {"object": "error", "message": "This model's maximum context length is 8000 tokens.", "code": 400},
    "Anthropic": {"error": {"message": "prompt is too long: 9000 tokens > 8000 maximum"}},
    "llama.cpp": {"error": {"message": "the request exceeds the available context size", "code": 400}},
    "TGI": {"error": "too many input tokens"},
}

UNABLE = [
    "This model does not support tools",
    "tool use is not enabled for this model",
    "image input is not supported",
    '"auto" tool choice requires --enable-auto-tool-choice and a tool parser',
    "response_format is unsupported here",
]


def said(message: str, **more: object) -> bytes:
    return json.dumps({"error": {"message": message, **more}}).encode()


@pytest.mark.parametrize("body", TOO_LONG.values(), ids=TOO_LONG.keys())
def test_too_long_a_context_tries_only_larger_windows(body):
    """At once: those of the same size would say the same."""
    life = Life(SMALL, model("b", window=8_000), LARGE, HUGE).start().refuses(400, json.dumps(body).encode())
    assert life.commands == [open_("a"), CLOSE, open_("c")]
    assert life.answers().reasons == ["ContextTooLong", None]


def test_a_window_of_unknown_size_may_be_larger():
    """Nobody said that it is not."""
    life = Life(SMALL, "b", LARGE).start().refuses(400, said("x", code="context_length_exceeded"))
    assert life.tried == ["a", "b"]


def test_after_one_of_unknown_size_all_others_may_be_larger():
    """And each that fails so narrows the rest."""
    life = Life("b", SMALL, LARGE, SMALL, HUGE).start()
    life.refuses(400, said("x", code="context_length_exceeded")).refuses(400, said("x", code="context_length_exceeded"))
    assert life.tried == ["b", "a", "c"]


def test_when_none_is_larger_the_client_reads_that_its_context_is_too_long():
    """With the code that SDKs know."""
    life = Life(LARGE, SMALL).start().refuses(400, said("maximum context length is 32000 tokens"))
    assert life.commands == [open_("c"), CLOSE, refuse(400, "context_length_exceeded")]
    assert life.refusal.message == "maximum context length is 32000 tokens"
    assert life.settled.outcome == "Rejected"


@pytest.mark.parametrize("message", UNABLE)
def test_a_missing_capability_tries_another_model(message):
    """Not the same one at another provider."""
    both = model("a", providers=("p", "q"))
    life = Life(both, "b").start().refuses(400, said(message))
    assert life.commands == [open_("a"), CLOSE, open_("b")]
    assert life.answers().reasons == ["CapabilityMissing", None]


def test_when_no_other_model_is_there_the_client_reads_what_is_missing():
    """In the upstream's words."""
    life = Life("a").start().refuses(400, said(UNABLE[0]))
    assert (life.refusal.status, life.refusal.message) == (400, UNABLE[0])


ABLE = ["tools[0].function.name is missing", "tools[0].enabled is no boolean", "language 'xx' is not supported"]


@pytest.mark.parametrize("message", ABLE)
def test_not_every_sentence_with_such_words_is_about_a_missing_capability(message):
    """It takes both: something that the model can or cannot do, and that it cannot."""
    life = Life("a", "b").start().refuses(400, said(message))
    assert (life.tried, life.refusal.message) == (["a"], message)


@pytest.mark.parametrize("status", [400, 413, 415, 422])
def test_an_error_that_blames_the_request_goes_to_the_client_at_once(status):
    """Trying elsewhere would be waste."""
    life = Life("a", "b").start().refuses(status, said("messages[0].role is invalid", param="messages"))
    assert life.commands == [open_("a"), CLOSE, refuse(status, "invalid_request")]
    assert (life.refusal.message, life.refusal.param) == ("messages[0].role is invalid", "messages")
    assert life.refusal.type == "invalid_request_error"
    assert life.settled.outcome == "Rejected"
    assert life.settled.cost == 0


def test_a_faulty_request_is_not_tried_elsewhere_although_a_slow_one_waits():
    """It would be as faulty there."""
    life = Life(model("a", ttft=250), "b").start().wait(0.25).refuses(400, said("bad"))
    assert life.tried == ["a", "b"]
    assert life.refusal.status == 400


@pytest.mark.parametrize("fault", [said("bad"), said("x", code="context_length_exceeded"), said(UNABLE[0])])
def test_a_fault_of_the_request_is_no_mark_against_the_endpoint(fault):
    """One caller's bad requests must not close it for all."""
    health = Health()
    for _ in range(20):
        Life("a", health=health).start().refuses(400, fault)
    assert health.open_breakers() == ()
