"""What the proxy refuses by itself: OpenAI-shaped, with the right status, so that every SDK shows the sentence."""

import asyncio
import logging

import openai
import pytest

from tests.provider.wire import Reply, ask, connected
from tests.proxy.asks import ASK, HELLO, error_of, user
from tests.proxy.tables import POLICY, UPSTREAM_MODEL, chain, state, tier
from tierway_proxy.contract.state import Withdrawal
from tierway_proxy.contract.table import Choice, Pins, Route

NO_OBJECTS = {
    "nothing": b"",
    "cut": b"{",
    "list": b"[]",
    "text": b'"text"',
    "comma": b'{"model": "auto",}',
    "NaN": b'{"a": NaN}',
    "digits": b'{"a": ' + b"9" * 5000 + b"}",
    "not UTF-8": b"\xff\xfe",
    "two": b'{"a": 1} {}',
    "nested": b"[" * 100_000,
}


@pytest.mark.parametrize("body", NO_OBJECTS.values(), ids=NO_OBJECTS)
async def test_a_body_that_is_no_json_object_is_the_clients_fault(proxy, front, body):
    """400 with a sentence that says where it stops being one; nobody is asked."""
    refused = await ask(proxy, body)
    error = error_of(refused)
    assert (refused.status, error["type"]) == (400, "invalid_request_error")
    assert error["message"].startswith("The request cannot be read: ")
    assert front.counts()[UPSTREAM_MODEL]["requests"] == 0


_POST = b"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\n"
_GZIP = b"Content-Encoding: gzip\r\nConnection: close\r\nContent-Length: 5\r\n\r\nabcde"
NO_HTTP = {
    "length": _POST + b"Content-Length: abc\r\n\r\n",
    "chunk": _POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "long": _POST + b"X: " + b"a" * 9000 + b"\r\n\r\n",
    "gzip": _POST + _GZIP,
}


@pytest.mark.parametrize("sent", NO_HTTP.values(), ids=NO_HTTP)
async def test_what_is_no_http_is_refused_in_the_shape_that_sdks_read(proxy, caplog, sent):
    """And leaves no error in the log, which anybody could fill with it."""
    async with connected(proxy.url) as (reader, writer):
        writer.write(sent)
        refused = Reply([await asyncio.wait_for(reader.read(-1), 5)], reset=False)
    assert (refused.status, error_of(refused)["type"]) == (400, "invalid_request_error")
    assert "\n" not in error_of(refused)["message"]
    assert not [record for record in caplog.records if record.levelno > logging.INFO or record.exc_info]


async def test_a_body_that_nobody_wanted_may_be_broken(proxy, caplog):
    """What is refused by its path is so whatever else is wrong with it."""
    async with connected(proxy.url) as (reader, writer):
        writer.write(_POST.replace(b"/v1", b"/v9") + _GZIP)
        refused = Reply([await asyncio.wait_for(reader.read(-1), 5)], reset=False)
    assert (refused.status, error_of(refused)["code"]) == (404, "unknown_url")
    assert not [record for record in caplog.records if record.levelno > logging.INFO]


@pytest.mark.parametrize(
    ("changed", "param"),
    [({"messages": []}, "messages"), ({"messages": "Hi"}, "messages"), ({"model": 5}, "model")],
)
async def test_what_no_upstream_could_serve_is_refused_by_the_parameters_name(client, changed, param):
    """As OpenAI does."""
    with pytest.raises(openai.BadRequestError) as caught:
        await client.chat.completions.create(**ASK | changed)
    assert caught.value.param == param


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/v1", 404),
        ("POST", "/v1/embeddings", 404),
        ("POST", "/v2/chat/completions", 404),
        ("POST", "/v1/chat/completions/more", 404),
        ("POST", "/llm/default/team/v1/chat/completions", 404),
        ("GET", "/v1/chat/completions", 405),
        ("PUT", "/v1/chat/completions", 405),
        ("POST", "/v1/models", 405),
        ("GET", "/llm/default/v1/route", 405),
    ],
)
async def test_wrong_routes_and_methods_say_what_is_right(proxy, method, path, status):
    """In the shape that SDKs read, never as 500 and never without a body."""
    refused = await ask(proxy, b"{}", path=path, method=method)
    assert refused.status == status
    assert error_of(refused)["type"] == "invalid_request_error"


async def test_a_wrong_method_names_those_allowed(proxy):
    """HTTP demands `Allow` on 405."""
    assert "allow: post" in (await ask(proxy, b"", method="GET")).head


async def test_a_body_beyond_the_limit_is_413(proxy):
    """Far beyond what SDKs send."""
    refused = await ask(proxy, b"x" * ((64 << 20) + 1))
    assert (refused.status, error_of(refused)["code"]) == (413, "request_too_large")


async def test_an_unknown_policy_is_404(proxy):
    """The path names it, and the sentence says how paths are made."""
    refused = await ask(proxy, ASK, path="/llm/nowhere/v1/chat/completions")
    assert refused.status == 404
    assert "'llm/nowhere'" in error_of(refused)["message"]


async def test_any_policy_is_reached_by_its_path(start, sdk, front, back):
    """Beside the default one, whose path is shorter."""
    proxy = await start(chain(front.url), chain(back.url, policy="legal/strict"))
    client = await sdk(proxy, base_url=f"{proxy.root}/legal/strict/v1")
    answer = await client.chat.completions.with_raw_response.create(**ASK)
    assert answer.headers["x-tierway-policy"] == "legal/strict"
    assert back.counts()[UPSTREAM_MODEL]["answered"] == 1


@pytest.mark.parametrize(("name", "said"), [("llm/later", "'llm/later' does not exist yet"), (None, "no default")])
async def test_a_missing_default_policy_is_503_until_it_exists(start, sdk, front, name, said):
    """It may be about to come, so the client is told to try again."""
    proxy = await start(chain(front.url), default_policy=name)
    with pytest.raises(openai.InternalServerError, match=said) as caught:
        await (await sdk(proxy)).chat.completions.create(**ASK)
    assert (caught.value.status_code, caught.value.response.headers["retry-after"]) == (503, "5")


@pytest.mark.parametrize(
    ("model", "headers"), [("first", {}), ("qwen3-8b", {}), ("auto", {"X-Tierway-Class": "Complex"})]
)
async def test_a_pin_that_the_policy_denies_is_403(start, sdk, front, model, headers):
    """The caller is told to send `auto`, and nothing is routed by a wish that does not count."""
    pins = Pins(request_class=False, tier=False, model=False)
    client = await sdk(await start(chain(front.url, pins=pins)))
    with pytest.raises(openai.PermissionDeniedError) as caught:
        await client.chat.completions.create(model=model, messages=HELLO, extra_headers=headers)
    assert caught.value.code == "pin_not_allowed"


async def test_a_class_without_any_model_left_is_503_with_the_reason(proxy, client):
    """The sentence is the one that the operator wrote beside the withdrawal."""
    gone = tuple(
        Withdrawal(tier=name, how="Disabled", message=f"ModelTier {name} was deleted.")
        for name in ("llm/first", "llm/second")
    )
    await proxy.publish(chain("http://a.test/v1", "http://b.test/v1"), state(withdrawn=gone))
    with pytest.raises(openai.InternalServerError, match="ModelTier llm/first was deleted") as caught:
        await client.chat.completions.create(**ASK)
    assert (caught.value.status_code, caught.value.code) == (503, "no_candidate")
    assert (await proxy.counted()).policies[POLICY].shed == 1


async def test_a_request_that_no_model_can_serve_is_told_why(start, sdk, front):
    """Here all of them are too small for it."""
    client = await sdk(await start(chain(tier(front.url, context_window_tokens=10))))
    with pytest.raises(openai.BadRequestError, match="context window of 10") as caught:
        await client.chat.completions.create(model="auto", messages=user("word " * 100))
    assert caught.value.code == "no_capable_model"


async def test_an_output_limit_is_said_where_it_is_clamped(start, sdk, front):
    """A silent clamp misleads: the response says what was asked and what holds."""
    proxy = await start(chain(tier(front.url, max_output_tokens=7)))
    answer = await (await sdk(proxy)).chat.completions.with_raw_response.create(**ASK, max_tokens=500)
    assert answer.headers["x-tierway-output-limit"] == "7 (asked 500)"
    assert answer.parse().choices[0].finish_reason == "length"


async def test_an_output_limit_may_refuse_instead(start, sdk, front):
    """`outputLimit.onExceeded: Reject`, for those who would rather know before."""
    route = Route(candidates=(Choice(tier="llm/first"),), max_output_tokens=7)
    client = await sdk(await start(chain(front.url, routes={"Simple": route}, output_limit="Reject")))
    with pytest.raises(openai.BadRequestError, match="500 output tokens; the policy allows 7") as caught:
        await client.chat.completions.create(**ASK, max_tokens=500)
    assert (caught.value.code, caught.value.param) == ("output_limit_exceeded", "max_tokens")
