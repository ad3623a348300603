"""Answers that are errors: OpenAI's shape for our own, and the odd shapes that real servers are known for."""

from __future__ import annotations

import json

from aiohttp import web

from tierway_cli.provider.chat import BadRequestError
from tierway_cli.provider.faults import Fault


def error(status: int, message: str, *, kind: str, code: str | None = None, param: str | None = None) -> web.Response:
    """Make an OpenAI-shaped error."""
    return _json(status, {"error": {"message": message, "type": kind, "param": param, "code": code}})


def bad_request(reason: BadRequestError) -> web.Response:
    return error(400, reason.message, kind="invalid_request_error", param=reason.param)


def unknown_model(model: str) -> web.Response:
    message = f"The model '{model}' does not exist or you do not have access to it."
    return error(404, message, kind="invalid_request_error", code="model_not_found", param="model")


def wrong_key() -> web.Response:
    return error(401, "Incorrect API key provided.", kind="invalid_request_error", code="invalid_api_key")


def _json(status: int, body: object) -> web.Response:
    return web.Response(status=status, text=json.dumps(body), content_type="application/json")


def refusal(fault: Fault, model: str, key: str) -> web.Response:
    """Answer as a refusing fault does; ``key`` is what the client sent as Authorization."""
    match fault.name:
        case "rate_limited":
            response = error(429, "Rate limit reached.", kind="requests", code="rate_limit_exceeded")
            response.headers["Retry-After"] = fault.text("retry_after")
            return response
        case "unavailable":
            response = error(503, "The server is overloaded.", kind="server_error")
            if fault.integer("retry_after"):
                response.headers["Retry-After"] = fault.text("retry_after")
            return response
        case "server_error":
            return error(fault.integer("status"), "The server had an error.", kind="server_error")
        case "unauthorized":
            message = f"Incorrect API key provided: {key}."
            return error(401, message, kind="invalid_request_error", code="invalid_api_key")
        case "forbidden":
            return error(403, "Country, region, or territory not supported.", kind="request_forbidden")
        case "not_found":
            return unknown_model(model)
        case "rejects_parameter" | "context_too_long":
            return _blame(fault)
        case _:
            return _odd(fault, fault.integer("status"))


def _blame(fault: Fault) -> web.Response:
    if fault.name == "rejects_parameter":
        param = fault.text("param")
        message = f"Unsupported parameter: '{param}' is not supported with this model."
        return error(400, message, kind="invalid_request_error", code="unsupported_parameter", param=param)
    message = f"This model's maximum context length is {fault.integer('limit')} tokens."
    return error(400, message, kind="invalid_request_error", code="context_length_exceeded", param="messages")


def _odd(fault: Fault, status: int) -> web.Response:
    match fault.name:
        case "error_string":
            return _json(status, {"error": "the model refused"})
        case "error_detail":
            return _json(status, {"detail": "Internal error"})
        case "error_integer_code":
            return _json(status, {"error": {"code": status, "message": "failed to decode", "type": "server_error"}})
        case "error_plain_text":
            return web.Response(status=status, text="Internal Server Error")
        case _:
            page = "<html><head><title>Bad Gateway</title></head><body><h1>Bad Gateway</h1></body></html>"
            return web.Response(status=status, text=page, content_type="text/html")
