"""What an upstream says, as the bytes of its events and bodies."""

import json
from typing import Any

JSON = "application/json"
EVENTS = "text/event-stream; charset=utf-8"

DONE = b"data: [DONE]\n\n"
COMMENT = b": keep-alive\n\n"


def event(value: Any) -> bytes:
    return b"data: " + json.dumps(value, separators=(",", ":")).encode() + b"\n\n"


def chunk(delta: Any = None, *, index: int = 0, finish: str | None = None, **more: Any) -> bytes:
    """One chunk with one choice; `more` stands beside `choices`."""
    choice = {"index": index, "delta": {} if delta is None else delta, "finish_reason": finish}
    return event(
        {"id": "c-1", "object": "chat.completion.chunk", "created": 7, "model": "Up", "choices": [choice], **more}
    )


def text(content: str, **more: Any) -> bytes:
    return chunk({"content": content}, **more)


def counted(prompt: int, completion: int, cached: int | None = None) -> dict[str, Any]:
    """A `usage` member."""
    details = {} if cached is None else {"prompt_tokens_details": {"cached_tokens": cached}}
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion, **details}


def usage(prompt: int, completion: int, cached: int | None = None) -> bytes:
    """A chunk of usage alone, as `stream_options.include_usage` asks for it."""
    body = {"id": "c-1", "object": "chat.completion.chunk", "created": 7, "model": "Up", "choices": []}
    return event({**body, "usage": counted(prompt, completion, cached)})


def error(message: Any = "overloaded") -> bytes:
    return event({"error": {"message": message, "type": "server_error", "code": None}})


ROLE = chunk({"role": "assistant", "content": ""})
EMPTY = chunk({})
STOP = chunk({}, finish="stop")


def completion(content: str = "Hello", **more: Any) -> bytes:
    """A whole answer that is no stream."""
    choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}
    body = {"id": "c-1", "object": "chat.completion", "created": 7, "model": "Up", "choices": [choice]}
    return json.dumps({**body, **more}).encode()


def message(content: str | None = None, **more: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content, **more}


def choice(said: dict[str, Any], finish: str = "stop", index: int = 0, **more: Any) -> dict[str, Any]:
    """One of the choices of an answer that is no stream."""
    return {"index": index, "message": said, "finish_reason": finish, **more}
