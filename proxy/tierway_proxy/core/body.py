"""A chat-completions request as the bytes it came in, and the few top-level members that a proxy must change.

Everything else reaches the upstream untouched, whatever it is: unknown fields, nulls, 2^60, lone surrogates. So the
body is never written anew: the values to be changed are replaced where they stand.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple, NoReturn

import orjson

_SPACE = re.compile(r"[ \t\n\r]*")
_VALUE = re.compile(rb'\s*:\s*("(?:[^"\\]|\\.)*+"|[^\s,}\]\[{"]++)')
"""A scalar after its key. Possessive: a megabyte of text is passed over once."""
_ESCAPE = re.compile(rb"\\u")  # twice as fast as `in`, and bodies are long


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_scan = json.JSONDecoder(parse_constant=_no_constant).scan_once  # type: ignore[attr-defined]  # typeshed lacks it
"""(text, position) -> (value, end): the standard library's scanner, in C; raises StopIteration or JSONDecodeError."""


class NotARequestError(ValueError):
    """The body is no JSON object; the message says where it stops being one."""


class _Member(NamedTuple):
    """Positions are bytes: of the key's first quote, of the quote after it, and of the value."""

    key_start: int
    key_end: int
    start: int
    end: int
    key: str


class Body:
    """`fields`: the parsed object (of repeated keys, the last)."""

    __slots__ = ("_members", "_raw", "fields")

    def __init__(self, raw: bytes) -> None:
        """Raises NotARequestError."""
        self._raw = raw
        self._members: list[_Member] | None = None
        try:
            fields = orjson.loads(raw)
        except orjson.JSONDecodeError:
            fields = None  # not JSON, or JSON that orjson is too strict for: the scanner tells
        if isinstance(fields, dict):
            self.fields: dict[str, Any] = fields
        else:
            self.fields = {}
            self._members = _members(raw, self.fields)

    def edited(self, values: Mapping[str, Any], renamed: Mapping[str, str]) -> bytes:
        """The bytes with these members set (added in front when absent) and these keys renamed."""
        fields = self.fields
        standing = [key for key in {**values, **renamed} if key in fields]
        edited = self._with(standing[0], values) if len(standing) == 1 and not renamed else None
        if edited is None:
            edited = self._with_all(standing, values, renamed)
        if len(standing) == len(values) and not renamed:
            return edited
        added = {key: value for key, value in values.items() if key not in fields}
        return _with_front(edited, added, empty=not fields) if added else edited

    def _with(self, key: str, values: Mapping[str, Any]) -> bytes | None:
        """One member set, which is all that most requests need; None when one look cannot tell where it stands."""
        raw = self._raw
        if self._members is not None or _ESCAPE.search(raw) is not None:
            return None
        place = _found(raw, key, self.fields[key])
        return None if place is None else raw[: place.start] + _written(values[key]) + raw[place.end :]

    def _with_all(self, standing: list[str], values: Mapping[str, Any], renamed: Mapping[str, str]) -> bytes:
        raw, at = self._raw, 0
        pieces: list[bytes] = []
        for key_start, key_end, start, end, key in self._places(standing):
            if key in renamed:
                pieces += (raw[at:key_start], orjson.dumps(renamed[key]), raw[key_end:start])
                at = start
            if key in values:
                pieces += (raw[at:start], _written(values[key]))
                at = end
        return b"".join((*pieces, raw[at:]))

    def _places(self, keys: list[str]) -> list[_Member]:
        """Where these members stand, in their order."""
        if self._members is None:
            if _ESCAPE.search(self._raw) is None:
                quick = [found for key in keys if (found := _found(self._raw, key, self.fields[key])) is not None]
                if len(quick) == len(keys):
                    return sorted(quick)
            self._members = _members(self._raw, {})
        return [each for each in self._members if each.key in keys]


def _found(raw: bytes, key: str, value: Any) -> _Member | None:
    """Where a top-level member with a scalar value stands, when one look can tell.

    Unescaped quotes around the key's name make a whole JSON string. So when that stands only once in the body, and no
    key is spelled with escapes, it is the top-level key, and not a part of somebody's text.
    """
    quoted = b'"' + key.encode() + b'"'
    at = raw.find(quoted)
    if isinstance(value, (dict, list)) or raw.find(quoted, at + 1) >= 0:
        return None
    match = _VALUE.match(raw, at + len(quoted))
    return _Member(at, at + len(quoted), match.start(1), match.end(1), key) if match else None


def _written(value: Any) -> bytes:
    try:
        return orjson.dumps(value)
    except TypeError:  # half an emoji, in what a client put into a member that we add to
        return json.dumps(value, separators=(",", ":")).encode()


def _with_front(raw: bytes, added: Mapping[str, Any], *, empty: bool) -> bytes:
    brace = raw.index(b"{") + 1
    return raw[:brace] + _written(added)[1:-1] + (b"" if empty else b",") + raw[brace:]


def _members(raw: bytes, fields: dict[str, Any]) -> list[_Member]:
    """The top-level members with where they stand; each value is parsed into `fields`. Raises NotARequestError."""
    try:
        text = raw.decode()
        found = _scanned(text, fields)
    except UnicodeDecodeError as error:
        raise NotARequestError(f"the body is not UTF-8 at byte {error.start}") from error
    except RecursionError as error:
        raise NotARequestError("the body is nested too deeply") from error
    except StopIteration as error:
        raise NotARequestError(f"the body is not JSON: a value is expected at character {error.value}") from error
    except json.JSONDecodeError as error:
        where = f"{error.msg} at line {error.lineno}, column {error.colno}"
        raise NotARequestError(f"the body is not JSON: {where}") from error
    except NotARequestError:
        raise
    except ValueError as error:  # NaN, or a number of more digits than Python reads
        raise NotARequestError(f"the body is not JSON: {error}") from error
    if text.isascii():
        return found

    def at(position: int) -> int:
        return len(text[:position].encode())

    return [_Member(at(each.key_start), at(each.key_end), at(each.start), at(each.end), each.key) for each in found]


def _scanned(text: str, fields: dict[str, Any]) -> list[_Member]:
    """The same, in characters."""
    found: list[_Member] = []
    at = _skip(text, _expect(text, _skip(text, 0), "{"))
    if text[at : at + 1] == "}":
        return _nothing_after(text, at + 1, found)
    while True:
        key_start = at
        key, key_end = _scan(text, at)
        if not isinstance(key, str):
            raise NotARequestError(f"the body is not JSON: a key is expected at character {key_start}")
        start = _skip(text, _expect(text, _skip(text, key_end), ":"))
        fields[key], end = _scan(text, start)
        found.append(_Member(key_start, key_end, start, end, key))
        at = _skip(text, end)
        if text[at : at + 1] == "}":
            return _nothing_after(text, at + 1, found)
        at = _skip(text, _expect(text, at, ","))


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _expect(text: str, at: int, mark: str) -> int:
    if text[at : at + 1] != mark:
        raise NotARequestError(f"the body is not a JSON object: {mark!r} is expected at character {at}")
    return at + 1


def _nothing_after(text: str, at: int, found: list[_Member]) -> list[_Member]:
    if _skip(text, at) != len(text):
        raise NotARequestError(f"there is something after the JSON object, at character {at}")
    return found
