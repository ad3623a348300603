"""A chat-completions request as the bytes it came in, and the few top-level members that a proxy must change.

Everything else reaches the upstream untouched, whatever it is: unknown fields, nulls, 2^60, lone surrogates. So the
body is never written anew: the values to be changed are replaced where they stand.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

_SPACE = re.compile(r"[ \t\n\r]*")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_no_constant)


class NotARequestError(ValueError):
    """The body is no JSON object; the message says where it stops being one."""


@dataclass(frozen=True, slots=True)
class _Member:
    key: str
    key_start: int
    start: int
    end: int


class Body:
    """`fields`: the parsed object (of repeated keys, the last). Positions are characters of the decoded text."""

    __slots__ = ("_members", "_text", "fields")

    def __init__(self, raw: bytes) -> None:
        """Raises NotARequestError."""
        try:
            self._text = raw.decode()
            self._members = _members(self._text)
        except UnicodeDecodeError as error:
            raise NotARequestError(f"the body is not UTF-8 at byte {error.start}") from error
        except RecursionError as error:
            raise NotARequestError("the body is nested too deeply") from error
        self.fields: dict[str, Any] = {member.key: value for member, value in self._members}

    def edited(self, values: Mapping[str, Any], renamed: Mapping[str, str] | None = None) -> bytes:
        """The bytes with these members set (added in front when absent) and these keys renamed."""
        text, renamed = self._text, renamed or {}
        pieces, at, seen = [], 0, set()
        for member, _ in self._members:
            if member.key in renamed:
                pieces += [
                    text[at : member.key_start],
                    json.dumps(renamed[member.key]),
                    text[_key_end(text, member) : member.start],
                ]
                at = member.start
            if member.key in values:
                seen.add(member.key)
                pieces += [text[at : member.start], json.dumps(values[member.key])]
                at = member.end
        pieces.append(text[at:])
        added = {key: value for key, value in values.items() if key not in seen}
        return _with_front("".join(pieces), added, empty=not self._members).encode()


def _key_end(text: str, member: _Member) -> int:
    return text.rindex(":", member.key_start, member.start)


def _with_front(text: str, added: Mapping[str, Any], *, empty: bool) -> str:
    if not added:
        return text
    brace = text.index("{") + 1
    front = ",".join(f"{json.dumps(key)}:{json.dumps(value)}" for key, value in added.items())
    return text[:brace] + front + ("" if empty else ",") + text[brace:]


def _members(text: str) -> list[tuple[_Member, Any]]:
    """The top-level members with where they stand; each value is parsed once, by the C scanner."""
    at = _skip(text, 0)
    if text[at : at + 1] != "{":
        raise NotARequestError("the body is not a JSON object")
    found: list[tuple[_Member, Any]] = []
    at = _skip(text, at + 1)
    if text[at : at + 1] == "}":
        return _nothing_after(text, at + 1, found)
    while True:
        key_start = at
        key, at = _value(text, at)
        if not isinstance(key, str):
            raise NotARequestError(f"a key is expected at character {key_start}")
        at = _skip(text, _expect(text, _skip(text, at), ":"))
        value, end = _value(text, at)
        found.append((_Member(key, key_start, at, end), value))
        at = _skip(text, end)
        if text[at : at + 1] == "}":
            return _nothing_after(text, at + 1, found)
        at = _skip(text, _expect(text, at, ","))


def _value(text: str, at: int) -> tuple[Any, int]:
    try:
        return _DECODER.raw_decode(text, at)
    except json.JSONDecodeError as error:
        raise NotARequestError(
            f"the body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        ) from error
    except ValueError as error:
        raise NotARequestError(f"the body is not JSON: {error}") from error


def _skip(text: str, at: int) -> int:
    if text[at : at + 1] in '{}[]",:':  # the common case: compact JSON
        return at
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _expect(text: str, at: int, mark: str) -> int:
    if text[at : at + 1] != mark:
        raise NotARequestError(f"the body is not JSON: {mark!r} is expected at character {at}")
    return at + 1


def _nothing_after(text: str, at: int, found: list[tuple[_Member, Any]]) -> list[tuple[_Member, Any]]:
    if _skip(text, at) != len(text):
        raise NotARequestError(f"there is something after the JSON object, at character {at}")
    return found
