"""What a simulated model answers: deltas, one output token each, drawn from a hash of what was asked.

The same request always gets the same answer, whichever model is asked and whatever the server's seed, so that a test
may compare two providers. Nothing here knows of time or sockets.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain, cycle
from random import Random

from tierway_cli.provider import phrases
from tierway_cli.provider.chat import ChatRequest, Json, texts
from tierway_cli.provider.figures import Reasoning
from tierway_cli.provider.schemas import example
from tierway_cli.provider.tokens import pieces

_TOOL_WANTED = re.compile(r"\b(use|call|with) (a|the|your) (tool|function)", re.IGNORECASE)
_SMILES = 0.25  # share of the answers that end with an emoji
_SHORT_PROMPT = 80  # characters: a question rather than a task


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer: its deltas in order, each one output token, and why it ends."""

    deltas: tuple[Json, ...]
    finish_reason: str

    @property
    def reasoning_tokens(self) -> int:
        return sum("reasoning_content" in delta for delta in self.deltas)


@dataclass(frozen=True, slots=True)
class Shape:
    """What moves an answer away from the drawn one.

    ``tokens_scale`` scales drawn lengths, ``length`` sets one exactly (in tokens), ``beyond`` ignores the output limit
    by that many tokens, ``insert`` puts tokens of text behind the first.
    """

    tokens_scale: float = 1.0
    length: int | None = None
    beyond: int | None = None
    insert: tuple[str, ...] = ()


def answer(request: ChatRequest, reasoning: Reasoning, shape: Shape) -> tuple[Choice, ...]:
    """Draw a request's ``n`` choices, cut at its output limit."""
    return tuple(_choice(request, reasoning, shape, index) for index in range(request.n or 1))


def _choice(request: ChatRequest, reasoning: Reasoning, shape: Shape, index: int) -> Choice:
    random = Random(_seed(request, index))  # noqa: S311 - text, not secrets
    thoughts: tuple[Json, ...] = ()
    if reasoning == "Always" or (reasoning == "Optional" and request.wants_reasoning):
        thoughts = _thoughts(request, shape, random)
    calls = _called_tools(request)
    if calls:
        deltas = tuple(chain.from_iterable(_call(request, name, i, random) for i, name in enumerate(calls)))
        return _cut(Choice(thoughts + deltas, "tool_calls"), request, shape)
    length = _length(request, shape, random)
    if shape.beyond is not None and request.limit is not None:
        length = max(length, request.limit + shape.beyond)
    content = _text(request, shape, length, random)
    content = content[:1] + shape.insert + content[1:]
    return _cut(Choice(thoughts + tuple({"content": token} for token in content), "stop"), request, shape)


def _cut(choice: Choice, request: ChatRequest, shape: Shape) -> Choice:
    limit = request.limit
    if limit is None or shape.beyond is not None or len(choice.deltas) <= limit:
        return choice
    return replace(choice, deltas=choice.deltas[:limit], finish_reason="length")


def _seed(request: ChatRequest, index: int) -> int:
    asked = [[message.get("role"), *texts(message)] for message in request.messages]
    tools = [tool.function.name for tool in request.tools or ()]
    words = json.dumps([asked, tools, request.tool_choice, request.response_format, index])
    return int.from_bytes(hashlib.sha256(words.encode()).digest()[:8])


def _length(request: ChatRequest, shape: Shape, random: Random) -> int:
    prompt = request.last_user_text
    low, high = (20, 90) if len(prompt) < _SHORT_PROMPT else (60, 250)
    if phrases.about_code(prompt):
        low, high = 120, 250
    drawn = random.randint(low, high)
    return max(1, round(drawn * shape.tokens_scale)) if shape.length is None else shape.length


def _text(request: ChatRequest, shape: Shape, length: int, random: Random) -> tuple[str, ...]:
    if _wants_json(request) and shape.length is None:
        return pieces(json.dumps(_json_value(request, random), ensure_ascii=False))
    prompt = request.last_user_text
    language = phrases.language(prompt)
    coded = phrases.about_code(prompt)
    sentences = phrases.CODE if coded else random.sample(phrases.SENTENCES[language], len(phrases.SENTENCES[language]))
    tokens = _endless(sentences, phrases.topic(prompt), "" if language in ("zh", "ja") else " ")
    taken = [next(tokens) for _ in range(length)]
    return (*taken[:-1], _last(taken[-1], language, random)) if taken else ()


def _endless(sentences: list[str] | tuple[str, ...], topic: str, gap: str) -> Iterator[str]:
    for number, sentence in enumerate(cycle(sentences)):
        text = sentence.replace("{topic}", topic)
        yield from pieces(text if number == 0 or text.startswith("\n") else gap + text)


def _last(token: str, language: str, random: Random) -> str:
    if random.random() < _SMILES:
        return " " + random.choice(phrases.EMOJI)
    return token if not token.strip().isalnum() else "。" if language in ("zh", "ja") else "."


def _wants_json(request: ChatRequest) -> bool:
    return (request.response_format or {}).get("type") in ("json_object", "json_schema")


def _json_value(request: ChatRequest, random: Random) -> object:
    wanted = (request.response_format or {}).get("json_schema")
    schema = wanted.get("schema") if isinstance(wanted, dict) else None
    fallback = {"properties": {"answer": {}, "topic": {}, "confident": {"type": "boolean"}}}
    return example(schema or fallback, _words(request), random)


def _words(request: ChatRequest) -> list[str]:
    return re.findall(r"\w{3,}", request.last_user_text)[:50] or ["example"]


def _thoughts(request: ChatRequest, shape: Shape, random: Random) -> tuple[Json, ...]:
    tokens = _endless(phrases.REASONING, phrases.topic(request.last_user_text), " ")
    count = max(1, round(random.randint(15, 45) * shape.tokens_scale))
    return tuple({"reasoning_content": next(tokens)} for _ in range(count))


def _called_tools(request: ChatRequest) -> list[str]:
    """Name the tools to call: the demanded one, or those that a user's newest message asks for."""
    names = [tool.function.name for tool in request.tools or ()]
    choice = request.tool_choice
    if not names or choice == "none":
        return []
    if isinstance(choice, dict):
        return [choice["function"]["name"]]
    asked = request.last_user_text if request.messages[-1].get("role") == "user" else ""
    named = [name for name in names if re.search(rf"\b{re.escape(name)}\b", asked)]
    if not named and (choice == "required" or _TOOL_WANTED.search(asked)):
        named = names[:1]
    return named if request.parallel_tool_calls is not False else named[:1]


def _call(request: ChatRequest, name: str, index: int, random: Random) -> Iterator[Json]:
    parameters = next(tool.function.parameters for tool in request.tools or () if tool.function.name == name)
    arguments = json.dumps(example(parameters or {"properties": {}}, _words(request), random), ensure_ascii=False)
    head = {"index": index, "id": f"call_{random.getrandbits(96):024x}", "type": "function"}
    yield {"tool_calls": [{**head, "function": {"name": name, "arguments": ""}}]}
    for piece in pieces(arguments):
        yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}


def message(choice: Choice) -> Json:
    """Put a choice's deltas together, as an answer that is not streamed has them."""
    content = [delta["content"] for delta in choice.deltas if "content" in delta]
    merged: Json = {"role": "assistant", "content": "".join(content) if content else None}
    thoughts = [delta["reasoning_content"] for delta in choice.deltas if "reasoning_content" in delta]
    if thoughts:
        merged["reasoning_content"] = "".join(thoughts)
    calls: list[Json] = []
    for part in chain.from_iterable(delta.get("tool_calls", ()) for delta in choice.deltas):
        if "id" in part:
            calls.append({**part, "function": dict(part["function"])})
            del calls[-1]["index"]
        else:
            calls[part["index"]]["function"]["arguments"] += part["function"]["arguments"]
    return {**merged, "tool_calls": calls} if calls else merged
