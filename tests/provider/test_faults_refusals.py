"""The faults that answer instead of the model, and how faults are asked for."""

import openai
import pytest

from tests.provider.wire import ASK, STREAM, ask
from tierway_cli.provider.faults import KINDS


@pytest.mark.parametrize(
    ("fault", "status", "body"),
    [
        ("rate_limited", 429, '"code": "rate_limit_exceeded"'),
        ("unavailable", 503, '"type": "server_error"'),
        ("server_error", 500, '"type": "server_error"'),
        ("server_error;status=502", 502, '"type": "server_error"'),
        ("error_string", 400, '{"error": "the model refused"}'),
        ("error_string;status=401", 401, '{"error": "the model refused"}'),
        ("error_detail", 500, '{"detail": "Internal error"}'),
        ("error_integer_code", 500, '"code": 500'),
        ("error_plain_text", 500, "Internal Server Error"),
        ("error_html", 502, "<html>"),
        ("context_too_long", 400, '"code": "context_length_exceeded"'),
        ("forbidden", 403, '"type": "request_forbidden"'),
        ("not_found", 404, '"code": "model_not_found"'),
    ],
)
@pytest.mark.parametrize("question", [ASK, STREAM])
async def test_a_refusal_answers_instead_of_the_model(provider, fault, status, body, question):
    """An error status with the body that such a server sends, streamed or not."""
    reply = await ask(provider, question, fault)
    assert reply.status == status
    assert body in reply.body.decode()
    assert provider.counts()["Qwen3-8B"]["billed_prompt_tokens"] == 0


async def test_a_rate_limit_says_when_to_come_back(provider, client):
    """Retry-After carries the seconds; a 503 has it only when it was set."""
    assert "retry-after: 7" in (await ask(provider, ASK, "rate_limited;retry_after=7")).head
    assert "retry-after: 2" in (await ask(provider, ASK, "unavailable; retry_after=2")).head
    assert "retry-after" not in (await ask(provider, ASK, "unavailable")).head
    with pytest.raises(openai.RateLimitError):
        await client.chat.completions.create(**ASK, extra_headers={"x-provider-fault": "rate_limited"})


async def test_a_401_echoes_the_key_that_was_sent(provider):
    """So that a leak of the key is visible to a test."""
    reply = await ask(provider, ASK, "unauthorized", {"Authorization": "Bearer sk-secret"})
    assert reply.status == 401
    assert "Bearer sk-secret" in reply.json["error"]["message"]


async def test_a_parameter_is_rejected_only_where_it_is_sent(provider):
    """The 400 names the parameter; the same request without it is served."""
    fault = "rejects_parameter;param=stream_options"
    refused = await ask(provider, {**STREAM, "stream_options": {"include_usage": True}}, fault)
    assert refused.status == 400
    assert refused.json["error"]["param"] == "stream_options"
    assert (await ask(provider, STREAM, fault)).status == 200


async def test_a_context_limit_lets_shorter_prompts_through(provider):
    """Only a prompt of more tokens than the limit is too long."""
    assert (await ask(provider, ASK, "context_too_long;limit=5")).status == 200
    assert (await ask(provider, ASK, "context_too_long;limit=4")).status == 400


@pytest.mark.parametrize(("how", "reset"), [("reset", True), ("close", False)])
async def test_a_refused_connection_has_no_answer(provider, how, reset):
    """The connection ends, by RST or FIN, without a byte, and nobody is billed."""
    reply = await ask(provider, ASK, f"refuse;how={how}")
    assert reply.raw == b""
    assert reply.reset is reset
    counts = provider.counts()["Qwen3-8B"]
    assert (counts["requests"], counts["faults"], counts["prompt_tokens"]) == (1, {"refuse": 1}, 0)


async def test_faults_may_be_combined(provider):
    """A header may ask for several, as a real server has several habits."""
    reply = await ask(provider, STREAM, "usage_in_choice_chunk, no_done, changing_ids")
    assert reply.events[-1]["usage"]["total_tokens"] > 0
    assert len({event["id"] for event in reply.events}) == len(reply.events)
    assert provider.counts()["Qwen3-8B"]["faults"] == {"usage_in_choice_chunk": 1, "no_done": 1, "changing_ids": 1}


@pytest.mark.parametrize(
    ("fault", "named"),
    [
        ("explode", KINDS),
        ("cut;token=3", ["tokens", "how"]),
        ("cut;tokens=many", ["tokens"]),
        ("cut;tokens=-1", ["tokens"]),
        ("cut;how=politely", ["close", "reset", "clean"]),
        ("no_done;tokens=1", ["no parameters"]),
        ("crawl;tokens_per_second=0", ["tokens_per_second"]),
        ("crawl;tokens_per_second=nan", ["tokens_per_second"]),
        ("server_error;status=200", ["400", "599"]),
        ("error_after_role;done=maybe", ["done"]),
    ],
)
async def test_a_wrong_fault_is_told_what_there_is(provider, fault, named):
    """400 with the known names, and the request is not counted."""
    reply = await ask(provider, ASK, fault)
    assert reply.status == 400
    assert all(name in reply.json["error"]["message"] for name in named)
    assert provider.counts()["Qwen3-8B"]["requests"] == 0


async def test_a_fault_of_streams_leaves_json_alone(provider):
    """What shows only in a stream is neither played nor counted in a JSON answer."""
    reply = await ask(provider, ASK, "lone_done")
    assert reply.json["object"] == "chat.completion"
    assert provider.counts()["Qwen3-8B"]["faults"] == {}
