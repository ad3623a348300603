"""What is sent wrong is blamed in OpenAI's shape; what is only odd is served."""

import json

import pytest

from tests.provider.wire import ASK, STREAM, ask


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        (b"{not json", 400, None),
        (b"\xff\xfe", 400, None),
        (b"[]", 400, None),
        ({"messages": ASK["messages"]}, 400, "model"),
        ({"model": "Qwen3-8B", "messages": []}, 400, "messages"),
        ({**ASK, "max_tokens": 0}, 400, "max_tokens"),
        ({**ASK, "max_tokens": "5"}, 400, "max_tokens"),
        ({**ASK, "n": 0}, 400, "n"),
        ({**ASK, "tool_choice": "always"}, 400, "tool_choice"),
        ({**ASK, "tool_choice": {"type": "function", "function": {"name": "f"}}}, 400, "tool_choice"),
        ({**ASK, "model": "gpt-9"}, 404, "model"),
    ],
)
async def test_a_bad_request_is_blamed_in_openais_shape(provider, body, status, param):
    """The error object has a message, a type and the field at fault."""
    reply = await ask(provider, body)
    assert reply.status == status
    error = reply.json["error"]
    assert (error["type"], error["param"]) == ("invalid_request_error", param)
    assert error["message"]


@pytest.mark.parametrize(("method", "path", "status"), [("POST", "/v1/nothing", 404), ("PUT", "/v1/models", 405)])
async def test_wrong_routes_and_methods_are_refused_in_openais_shape(provider, method, path, status):
    """No page of HTML where an SDK expects an error object."""
    reply = await ask(provider, ASK, method=method, path=path)
    assert reply.status == status
    assert reply.json["error"]["type"] == "invalid_request_error"


async def test_unknown_fields_and_large_bodies_are_served(provider):
    """Vendor fields, nulls, big numbers and nine megabytes are no reason to refuse."""
    odd = {**ASK, "user": None, "seed": 2**60, "vendor": {"a": [1]}, "stop": None}
    odd["messages"] = [{"role": "user", "content": "x" * 9_000_000}]
    assert (await ask(provider, odd)).json["usage"]["prompt_tokens"] == 2_250_000


async def test_text_comes_as_raw_utf8(provider):
    """A character is not escaped but where it has to be."""
    question = {**STREAM, "messages": [{"role": "user", "content": "退款怎么办理?"}]}
    frame = (await ask(provider, question)).frames[1]
    assert "\\u" not in frame
    assert not frame.isascii()
    assert json.loads(frame.removeprefix("data: "))
