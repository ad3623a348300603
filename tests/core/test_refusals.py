"""The errors that a caller reads when nobody answered: shaped for SDKs, honest, and without an upstream's secrets."""

import json

import pytest

from tests.core.script import Life
from tests.core.tables import model
from tests.core.wire import EVENTS, ROLE, text
from tierway_proxy.core import outcome
from tierway_proxy.core.health import Health

ODD_BODIES = {
    "an error that is a string": (b'{"error": "bad key"}', "bad key"),
    "a detail": (b'{"detail": "Field required"}', "Field required"),
    "a list of details": (b'{"detail": [{"msg": "Field required"}]}', '[{"msg": "Field required"}]'),
    "an integer code": (b'{"error": {"code": 400, "message": "bad grammar"}}', "bad grammar"),
    "a message at the top": (b'{"object": "error", "message": "bad grammar", "code": 400}', "bad grammar"),
    "plain text": (b"Bad Request", "Bad Request"),
    "text that is no UTF-8": (b"caf\xe9", "caf\ufffd"),
    "a string": (b'"bad"', "bad"),
    "nothing": (b"", "The model's server refused the request."),
    "an empty error": (b'{"error": {}}', "The model's server refused the request."),
    "a null error": (b'{"error": null}', "The model's server refused the request."),
    "a message that is no text": (b'{"error": {"message": 7}}', "7"),
}


@pytest.mark.parametrize(("body", "message"), ODD_BODIES.values(), ids=ODD_BODIES.keys())
def test_an_odd_error_body_becomes_an_openai_shaped_one(body, message):
    """SDKs show the sentence whatever shape it came in."""
    life = Life("a", "b").start().head(400)
    life.says(*[body] if body else []).end()
    assert life.refusal.message == message
    said = json.loads(life.refusal.body())
    assert said == {
        "error": {"message": message, "type": "invalid_request_error", "param": None, "code": "invalid_request"}
    }


@pytest.mark.parametrize("body", [b"Internal Server Error", b"", b"[" * 60_000, b"<html>", b"null", b"7"])
@pytest.mark.parametrize("status", [400, 429, 500])
def test_no_error_body_can_break_a_request(status, body):
    """Whatever it is, the next candidate or the caller gets an answer."""
    life = Life("a", "b", delay_ms=0).start().head(status, EVENTS)
    life.says(*[body] if body else []).end()
    if not life.over:
        assert life.answers().settled.outcome == "Answered"


SECRETS = [
    "key sk-abcdefghijklmnop is invalid",
    "POST https://inner.example:8443/v1/chat failed",
    "wss://inner.example/socket",
    "Bearer inner-secret",
    "token AAAABBBBCCCCDDDDEEEEFFFFGGGGHHHHIIII is unknown",
]


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("status", [400, 401, 403, 404, 422, 429, 500, 503])
def test_no_key_and_no_address_of_an_upstream_reaches_the_caller(status, secret):
    """Not in the message, not in the name of the parameter."""
    life = (
        Life("a", delay_ms=0)
        .start()
        .refuses(status, json.dumps({"error": {"message": secret, "param": secret, "code": secret}}).encode())
    )
    told = life.refusal.body().decode()
    for piece in ("sk-abcdef", "inner", "AAAABBBB"):
        assert piece not in told


def test_a_long_sentence_of_an_upstream_is_cut():
    """Errors are read by people."""
    life = Life("a").start().refuses(400, json.dumps({"error": {"message": "no " * 1000}}).encode())
    assert len(life.refusal.message) <= 400


@pytest.mark.parametrize("status", [401, 403, 404])
def test_an_upstreams_refusal_of_us_is_not_shown_as_a_refusal_of_the_caller(status):
    """The caller's key is fine; ours is not."""
    life = Life("a").start().refuses(status, b'{"error": {"message": "Incorrect API key provided"}}')
    assert (life.refusal.status, life.refusal.code) == (502, "upstream_unavailable")
    assert "API key" not in life.refusal.message
    assert life.settled.outcome == "Failed"


LAST = {
    "429": (lambda life: life.refuses(429), 429, "rate_limit_exceeded"),
    "503": (lambda life: life.refuses(503), 503, "upstream_unavailable"),
    "500": (lambda life: life.refuses(500), 502, "upstream_unavailable"),
    "refused": (lambda life: life.lost(outcome.REFUSED), 503, "upstream_unavailable"),
    "lost": (lambda life: life.lost(outcome.LOST), 502, "upstream_unavailable"),
}


@pytest.mark.parametrize(("fail", "status", "code"), LAST.values(), ids=LAST.keys())
def test_the_status_says_what_the_last_attempt_died_of(fail, status, code):
    """In a class that SDKs treat rightly: a 5xx or 429 may be tried again."""
    life = fail(Life("a").start())
    assert (life.refusal.status, life.refusal.code) == (status, code)
    assert life.settled.status == status
    assert life.settled.outcome == "Failed"


def test_an_exhausted_chain_says_when_to_come_back():
    """The soonest that any upstream named: else the client's SDK tries at once."""
    life = Life("a", "b", "c", delay_ms=0).start()
    life.refuses(429, Retry_After="30").refuses(503, Retry_After="7").lost(outcome.REFUSED)
    assert life.refusal.retry_after == 7.0


@pytest.mark.parametrize("value", ["Wed, 21 Oct 2026 07:28:00 GMT", "soon", "nan", "inf", "1e999", "", "0", "-5"])
def test_a_time_to_come_back_that_says_nothing_is_left_out(value):
    """And breaks nothing."""
    life = Life("a").start().refuses(429, Retry_After=value)
    assert (life.refusal.status, life.refusal.retry_after) == (429, None)


def test_a_time_to_come_back_keeps_others_from_asking_meanwhile():
    """The endpoint rests for as long as it asked."""
    health = Health()
    Life("a", health=health).start().refuses(429, Retry_After="7")
    assert health.unfit("llm/a/a/p", 1006.0)
    assert health.unfit("llm/a/a/p", 1008.0) is None


def test_a_refusal_is_one_json_object_with_four_members():
    """As OpenAI writes it, in any language."""
    life = Life("a").start().refuses(400, json.dumps({"error": {"message": "Ungültig: «x» 😀"}}).encode())
    assert "Ungültig: «x» 😀" in life.refusal.body().decode()
    assert set(json.loads(life.refusal.body())["error"]) == {"message", "type", "param", "code"}


def test_when_nobody_could_answer_the_models_that_were_tried_are_named():
    """In their order and with what each died of: whoever reads it knows where to look."""
    life = Life("a", model("meta/llama", "big", provider={"base_url": "https://inner.example/v1"}), delay_ms=0).start()
    life.refuses(500, b"sk-secret").lost(outcome.LOST)
    assert life.refusal.status == 502
    assert life.refusal.message == (
        "No model that may serve this request could answer. "
        "Tried, in this order: a of tier llm/a (ServerError), meta/llama of tier llm/big (ConnectionLost)."
    )


def test_of_a_long_chain_the_last_are_named_and_those_alike_once():
    """The same model at two providers reads as one; a provider's name is nobody's business."""
    life = Life(model("a", providers=("p", "q")), *"bcdef", delay_ms=0).start()
    for _ in range(7):
        life.lost(outcome.LOST)
    assert life.refusal.message.endswith(
        "in this order: 2 others, c of tier llm/c (ConnectionLost), d of tier llm/d (ConnectionLost), "
        "e of tier llm/e (ConnectionLost), f of tier llm/f (ConnectionLost)."
    )
    life = Life(model("a", providers=("p", "q")), delay_ms=0).start().lost(outcome.LOST).lost(outcome.LOST)
    assert life.refusal.message.endswith("in this order: a of tier llm/a (ConnectionLost, 2 times).")


def test_an_answer_that_was_cut_names_its_model():
    """Also where half of it had gone out."""
    life = Life("a", "b", json_client=True).start().head().says(ROLE, text("Hel")).lost(outcome.LOST)
    assert life.refusal.message.startswith("The server of model a (tier llm/a) ended this answer")
