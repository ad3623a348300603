"""The requests to be explained: a prompt, a chat-completions body, or a file with one in each line.

A line that a proxy recorded (`--record-to`) has its request in a member of its own.
"""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tierway_proxy.core.body import Body, NotARequestError
from tierway_proxy.core.plan import without_messages

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class UnreadableError(Exception):
    """Its text is a sentence for people."""


class Request(NamedTuple):
    """`line` None: it stands alone."""

    fields: Mapping[str, Any]
    line: int | None = None


def of_prompt(prompt: str) -> list[Request]:
    return [Request({"messages": [{"role": "user", "content": prompt}]})]


def of_file(name: str) -> list[Request]:
    """Raise UnreadableError unless there is at least one, and all can be classified. `-`: standard input."""
    source = "standard input" if name == "-" else name
    raw = _read(name).removeprefix(_BYTE_ORDER_MARK)
    lines = [(number, line) for number, line in enumerate(raw.splitlines(), 1) if line.strip()]
    if not lines:
        raise UnreadableError(f"{source} is empty; a chat-completions body is wanted, or one in each line.")
    if len(lines) > 1 and _is_json(lines[0][1]):
        return list(_each(source, lines))
    return [Request(_fields(source, raw))]


def _read(name: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise UnreadableError(f"{name} cannot be read: {error.strerror}.") from None


def _is_json(line: bytes) -> bool:
    try:
        Body(line)
    except NotARequestError:
        return False
    return True


def _each(source: str, lines: list[tuple[int, bytes]]) -> Iterator[Request]:
    for number, line in lines:
        yield Request(_fields(f"{source}, line {number}", line), number)


def _fields(place: str, raw: bytes) -> Mapping[str, Any]:
    try:
        fields: Mapping[str, Any] = Body(raw).fields
    except NotARequestError as error:
        raise UnreadableError(f"{place}: {error}.") from None
    recorded = fields.get("request")
    if isinstance(recorded, dict) and "messages" not in fields:
        fields = recorded
    refusal = without_messages(fields)
    if refusal is not None:
        raise UnreadableError(f"{place}: {refusal.message}")
    return fields
