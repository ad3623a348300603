"""What is kept of a request that its team may label: what the classifier looked at and said, and nothing else.

Whatever no line here asks for is left out, so `user`, metadata, names of participants, pictures and files are. A
snapshot is taken where the request is served, and is small and quick; the redacted line is made of it elsewhere.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import orjson

from tierway_proxy.core.ask import Ask
from tierway_proxy.core.plan import Plan
from tierway_proxy.core.redact import CUT, KEPT, KEY, MARGIN, NUMBER, cut, names_a_secret, redacted, redacted_ends

MOST_CHARACTERS: Final = 128 << 10
"""Of all texts of one request; the newest messages come first."""
MOST_MESSAGES: Final = 64
MOST_VALUES: Final = 2048
"""Of tools and schemas."""
MOST_DEPTH: Final = 16
PICTURE: Final = "[picture]"

_MOST_PARTS = 32
_FIRST_MESSAGES = 8
_LONGEST_WORD = 64
_LONGEST_KEY = 256
_LEAST_ACCOUNT = 10**12
_TEXTS = ("text", "refusal", "content")
_TOOL = ("type", "name", "description", "parameters", "input_schema", "function")
_FORMAT = ("type", "json_schema")
_DIRECTIVES = ("max_tokens", "max_completion_tokens", "reasoning_effort", "enable_thinking")
_NESTED = {"reasoning": ("effort", "enabled"), "thinking": ("type",), "chat_template_kwargs": ("enable_thinking",)}


class Ends(NamedTuple):
    """Of a text that is too long to be kept."""

    head: str
    tail: str


class Snapshot(NamedTuple):
    """`cut`: something that classification may have seen was left out for its size."""

    request: dict[str, Any]
    cut: bool


class Record(NamedTuple):
    """`at`: seconds since the epoch."""

    at: float
    policy: str
    table: str
    ask: Ask
    snapshot: Snapshot


def record(plan: Plan, fields: Mapping[str, Any], at: float) -> Record | None:
    """None unless the classifier chose the class: where a caller or a rule did, it is certain.

    Never raises; bounded work, and no reference to the request is kept but to its short texts.
    """
    ask = plan.ask
    if not isinstance(ask, Ask) or ask.confidence == 1:
        return None
    return Record(at, plan.catalog.table.policy, plan.catalog.hash, ask, snapshot(fields))


def snapshot(fields: Mapping[str, Any]) -> Snapshot:
    taker = _Taker()
    request: dict[str, Any] = {"messages": taker.messages(_list(fields.get("messages")))}
    for name in ("tools", "functions"):
        if name in fields:
            tools = taker.outer(_list(fields[name]), MOST_MESSAGES // 2, MOST_MESSAGES)
            request[name] = [taker.members(tool, _TOOL) for tool in tools]
    if "response_format" in fields:
        request["response_format"] = taker.members(fields["response_format"], _FORMAT)
    request |= _words(fields, _DIRECTIVES)
    request |= {name: _words(fields[name], inner) for name, inner in _NESTED.items() if name in fields}
    return Snapshot(request, taker.cut)


def line(kept: Record) -> bytes:
    """The record as it is written: one line of JSON, redacted."""
    ask = kept.ask
    time = datetime.fromtimestamp(kept.at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    whole = {
        "time": time,
        "policy": kept.policy,
        "table": kept.table,
        "class": ask.klass,
        "probabilities": [round(each, 4) for each in ask.probabilities],
        "reasons": [redacted(each) for each in ask.reasons],
        "input_tokens": ask.input_tokens,
        "cut": kept.snapshot.cut,
        "request": _clean(kept.snapshot.request),
    }
    return orjson.dumps(whole, option=orjson.OPT_APPEND_NEWLINE)


class _Taker:
    """Takes what a request has room for."""

    def __init__(self) -> None:
        self.cut = False
        self._characters, self._values = MOST_CHARACTERS, MOST_VALUES

    def messages(self, given: list[Any]) -> list[Any]:
        found = [self._message(each) for each in reversed(self.outer(given, _FIRST_MESSAGES, MOST_MESSAGES))]
        return found[::-1]

    def outer(self, values: list[Any], first: int, most: int) -> list[Any]:
        if len(values) <= most:
            return values
        self.cut = True
        return values[:first] + values[first - most :]

    def members(self, value: object, names: tuple[str, ...]) -> dict[str, Any]:
        """Those of an object that have these names, and of these the same ones of its `function`, if it has one."""
        found = value if isinstance(value, dict) else {}
        taken = {name: self._value(found[name], 0) for name in names if name in found and name != "function"}
        if "function" in names and "function" in found:
            taken["function"] = self.members(found["function"], tuple(name for name in names if name != "function"))
        return taken

    def _message(self, given: object) -> dict[str, Any]:
        message = given if isinstance(given, dict) else {}
        taken = _words(message, ("role",))
        content = message.get("content")
        if isinstance(content, str):
            taken["content"] = self._text(content)
        elif isinstance(content, list):
            parts = self.outer(content, _MOST_PARTS // 2, _MOST_PARTS)
            taken["content"] = [self._part(each) for each in parts]
        calls = _list(message.get("tool_calls"))
        if calls:
            taken["tool_calls"] = [self._call(each) for each in self.outer(calls, _MOST_PARTS // 2, _MOST_PARTS)]
        return taken

    def _part(self, part: object) -> Any:
        if isinstance(part, str):
            return self._text(part)
        found = part if isinstance(part, dict) else {}
        taken = _words(found, ("type",))
        text = next((name for name in _TEXTS if isinstance(found.get(name), str)), None)
        if text is not None:
            taken[text] = self._text(found[text])
        elif "image_url" in found:
            taken["image_url"] = {"url": PICTURE, **_words(found["image_url"], ("detail",))}
        return taken

    def _call(self, call: object) -> dict[str, Any]:
        found = call if isinstance(call, dict) else {}
        function = found.get("function")
        named = function if isinstance(function, dict) else {}
        inner = {name: self._value(named[name], 0) for name in ("name", "arguments") if name in named}
        return {**_words(found, ("type",)), "function": inner}

    def _value(self, value: object, depth: int) -> Any:
        """Any JSON as far as there is room for it; None stands for the rest."""
        self._values -= 1
        if self._values < 0 or depth > MOST_DEPTH:
            self.cut = True
            return None
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, list):
            return [self._value(each, depth + 1) for each in self.outer(value, _MOST_PARTS, 2 * _MOST_PARTS)]
        if isinstance(value, dict):
            names = self.outer(list(value), _MOST_PARTS, 2 * _MOST_PARTS)
            return {name[:_LONGEST_KEY]: self._value(value[name], depth + 1) for name in names}
        return value

    def _text(self, text: str) -> str | Ends:
        seen = KEPT + MARGIN
        self.cut = self.cut or len(text) > 2 * KEPT
        self._characters -= min(len(text), 2 * seen)
        if self._characters < 0:
            self.cut = True
            return CUT
        return text if len(text) <= 2 * seen else Ends(text[:seen], text[-seen:])


def _words(value: object, names: tuple[str, ...]) -> dict[str, Any]:
    """Those members of an object that have these names and are numbers, truths or single words."""
    found = value if isinstance(value, Mapping) else {}
    return {name: found[name] for name in names if name in found and _is_word(found[name])}


def _is_word(value: object) -> bool:
    return len(value) <= _LONGEST_WORD if isinstance(value, str) else value is None or isinstance(value, (int, float))


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return cut(redacted(value))
    if isinstance(value, Ends):
        return redacted_ends(*value)
    if isinstance(value, list):
        return [_clean(each) for each in value]
    if isinstance(value, dict):
        return {redacted(name): _clean_member(name, each) for name, each in value.items()}
    if isinstance(value, (int, float)) and abs(value) >= _LEAST_ACCOUNT:
        return NUMBER
    return value


def _clean_member(name: str, value: Any) -> Any:
    if name in _DIRECTIVES or not names_a_secret(name):
        return _clean(value)
    values = value if isinstance(value, list) else [value]
    kept = [KEY if _may_be_secret(each) else _clean(each) for each in values]
    return kept if isinstance(value, list) else kept[0]


def _may_be_secret(value: object) -> bool:
    """Whether a value under the name of a secret is one: the schema of a password is not."""
    return isinstance(value, (str, Ends, int, float)) and not isinstance(value, bool)
