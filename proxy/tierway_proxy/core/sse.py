"""Server-sent events as bytes: cut into whole events, read, and never written anew.

An event is passed on as the bytes it came in, so half an emoji in one event and its other half in the next do no harm.
"""

import json
import re
from typing import Any, Final

import orjson

_END = re.compile(rb"\r\n\r\n|\n\n|\r\r")
_LINE = re.compile(rb"\r\n|\n|\r")
_PREFIX = len(b"data: ")
_MOST_BYTES = 16 << 20

Event = dict[str, Any]
DONE: Final = "[DONE]"
"""What `read` gives for the end mark."""


class EventTooLongError(ValueError):
    """An upstream sent 16 MiB without ending an event."""


class Splitter:
    """Bytes in, whole events out; what is not whole yet waits in `rest`."""

    __slots__ = ("rest",)

    def __init__(self) -> None:
        self.rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Whole events, each with the blank line that ends it. Raises EventTooLongError."""
        if not self.rest and data.endswith(b"\n\n") and data.find(b"\n\n") == len(data) - 2 and b"\r" not in data:
            return [data]  # the common case: one event a chunk
        data, events, at = self.rest + data, [], 0
        for end in _END.finditer(data):
            events.append(data[at : end.end()])
            at = end.end()
        self.rest = data[at:]
        if len(self.rest) > _MOST_BYTES:
            raise EventTooLongError
        return events


def read(event: bytes) -> Event | str | None:
    """The JSON object of an event, DONE, or None for what carries no data (a comment, a keep-alive) or no object."""
    payload = _data(event)
    if payload is None:
        return None
    if payload == b"[DONE]":
        return DONE
    value = loads(payload)
    return value if isinstance(value, dict) else None


def is_broken(event: bytes) -> bool:
    """Whether an event that `read` gives nothing for has data that is no JSON: a part of the answer is lost."""
    payload = _data(event)
    if not payload or payload == b"null":
        return False
    return loads(payload) is None


def loads(raw: bytes) -> Any:
    """The value of a JSON text; None for what is none.

    The standard library reads what orjson is too strict for: half an emoji as a lone surrogate, bytes cut inside a
    character, NaN.
    """
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        pass
    try:
        return json.loads(raw.decode(errors="replace"))
    except (ValueError, RecursionError):
        return None


def _data(event: bytes) -> bytes | None:
    if event.startswith(b"data: ") and event.find(b"\n") == len(event) - 2:
        return event[_PREFIX:-2].strip()
    lines = [line[5:].removeprefix(b" ") for line in _LINE.split(event) if line.startswith(b"data:")]
    return b"\n".join(lines).strip() if lines else None


def write(value: Event) -> bytes:
    """An event of our own: the end of an answer cut at its limit, or the error of one that was lost."""
    return b"data: " + dumps(value) + b"\n\n"


def dumps(value: Any) -> bytes:
    """Compact JSON, half an emoji as the escape that it came as: orjson is too strict to write it."""
    return json.dumps(value, separators=(",", ":")).encode()


DONE_EVENT: Final = b"data: [DONE]\n\n"
