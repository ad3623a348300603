"""The vocabulary of an answer on the wire: which bytes, after which pause, broken off where.

The modules that decide yield these values; :mod:`playing` performs them on a socket.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from tierway_cli.provider.chat import Json
from tierway_cli.provider.counts import End


@dataclass(frozen=True, slots=True)
class Headers:
    """Send the headers now; ``length`` is that of the body in bytes, None for a stream."""

    length: int | None = None


@dataclass(frozen=True, slots=True)
class Pause:
    """The next step is due so many seconds after the last one was due."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Stall:
    """Nothing for so many seconds; what was due is late by that."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Send:
    """Write bytes that carry so many output tokens; ``end`` settles the request just before."""

    data: bytes
    tokens: int = 0
    end: End | None = None


@dataclass(frozen=True, slots=True)
class Break:
    """End without the end that HTTP wants (``reset``, ``close``) or with it (``clean``), and settle."""

    how: str
    end: End = "broken"


Step = Headers | Pause | Stall | Send | Break

ERROR = {"error": {"message": "The engine died.", "type": "server_error", "param": None, "code": None}}


def event(value: Json) -> bytes:
    return b"data: " + dump(value) + b"\n\n"


def dump(value: Json) -> bytes:
    """Write JSON as raw UTF-8, but halves of a surrogate pair as escapes: there is no other way to write them."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()
