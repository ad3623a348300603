"""Puts the chunks of a streamed answer together again, for a client that asked for JSON.

Merging is by what a value is, not by what it is called, so that fields we do not know arrive too: text grows, lists of
indexed entries merge by index, other lists grow, the rest is replaced. Only what is known to be a whole in each chunk
(a role, an id, a type, a name that came already) is not added up.
"""

from typing import Any

_WHOLE = frozenset(
    {"role", "id", "type", "finish_reason", "object", "model", "system_fingerprint", "service_tier", "created", "index"}
)
_INSTEAD_OF_TEXT = ("tool_calls", "function_call", "refusal")


class Assembler:
    __slots__ = ("_answer", "_choices")

    def __init__(self) -> None:
        self._answer: dict[str, Any] = {}
        self._choices: dict[int, dict[str, Any]] = {}

    def add(self, chunk: dict[str, Any]) -> None:
        for key, value in chunk.items():
            if key == "choices":
                for choice in value if isinstance(value, list) else ():
                    self._add_choice(choice)
            elif value is not None or key not in self._answer:
                self._answer[key] = self._answer.get(key) if key == "id" and "id" in self._answer else value

    def _add_choice(self, choice: Any) -> None:
        if not isinstance(choice, dict):
            return
        index = choice.get("index")
        index = index if isinstance(index, int) else 0
        known = self._choices.setdefault(index, {"index": index, "message": {"role": "assistant", "content": None}})
        for key, value in choice.items():
            if key == "delta":
                _merge(known["message"], value if isinstance(value, dict) else {})
            elif key == "logprobs" and isinstance(value, dict) and isinstance(known.get(key), dict):
                _merge(known[key], value)
            elif key == "message":
                known[key] = value if isinstance(value, dict) else known[key]
            elif key != "index" and (value is not None or key not in known):
                known[key] = value

    def answer(self, usage: dict[str, Any] | None = None, finish_reason: str | None = None) -> dict[str, Any]:
        """The chat completion. `finish_reason` stands in where an answer was cut at its limit."""
        choices = [self._choices[index] for index in sorted(self._choices)]
        for choice in choices:
            choice["finish_reason"] = choice.get("finish_reason") or finish_reason
            _finish(choice["message"])
        answer = {**self._answer, "object": "chat.completion", "choices": choices}
        return {**answer, "usage": usage} if usage is not None else answer


def _finish(message: dict[str, Any]) -> None:
    """What only a stream has goes: indexes of calls, and the empty text that some servers open one with."""
    calls = message.get("tool_calls")
    for call in calls if isinstance(calls, list) else ():
        if isinstance(call, dict):
            call.pop("index", None)
    if not message.get("content") and any(message.get(name) for name in _INSTEAD_OF_TEXT):
        message["content"] = None


def _merge(into: dict[str, Any], delta: dict[str, Any]) -> None:
    for key, value in delta.items():
        old = into.get(key)
        if value is None:
            into.setdefault(key, None)
        elif isinstance(old, str) and isinstance(value, str):
            into[key] = value if key in _WHOLE or (key == "name" and value == old) else old + value
        elif isinstance(old, dict) and isinstance(value, dict):
            _merge(old, value)
        elif isinstance(value, list):
            into[key] = _merge_lists(old if isinstance(old, list) else [], value)
        else:
            into[key] = value


def _merge_lists(old: list[Any], new: list[Any]) -> list[Any]:
    for entry in new:
        same = None
        if isinstance(entry, dict) and isinstance(entry.get("index"), int):
            same = next((each for each in old if isinstance(each, dict) and each.get("index") == entry["index"]), None)
        if same is None:
            old.append(entry)
        else:
            _merge(same, entry)
    return old
