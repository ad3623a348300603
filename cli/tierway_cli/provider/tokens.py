"""The two counting rules that every figure of the simulator rests on.

Prompt tokens: all characters (Unicode code points) of the texts of all messages, plus those of the tools as compact
JSON, divided by four and rounded up; plus 256 for each image; at least one.

Output tokens: one for each content chunk (of text, of reasoning, of a tool call). A JSON answer is made of the same
pieces as the stream of it, so it counts the same.

Cached tokens: the longest run of leading messages that the same model saw before (tools included), counted by the same
rule, in whole blocks of 128 and only from 1024 tokens on.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

from tierway_cli.provider.chat import ChatRequest, Json, texts

CHARACTERS_PER_TOKEN = 4
TOKENS_PER_IMAGE = 256
CACHE_MINIMUM = 1024
CACHE_BLOCK = 128

_EAST = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_PIECE = re.compile(rf"[ ]?[{_EAST}]{{1,2}}|[ ]?[^\W{_EAST}]{{1,7}}|[ ]?[^\w\s]|\s+")


def pieces(text: str) -> tuple[str, ...]:
    """Cut a text into tokens; joined they are the text again."""
    return tuple(_PIECE.findall(text))


def prompt_tokens(request: ChatRequest) -> int:
    """Count a request's prompt by the rule above."""
    return _tokens(_tool_characters(request) + sum(map(_characters, request.messages)), request.messages)


def _tokens(characters: int, messages: list[Json]) -> int:
    images = sum(map(_images, messages))
    return max(1, -(-characters // CHARACTERS_PER_TOKEN) + TOKENS_PER_IMAGE * images)


def _characters(message: Json) -> int:
    return sum(map(len, texts(message)))


def _images(message: Json) -> int:
    content = message.get("content")
    parts = content if isinstance(content, list) else ()
    return sum(isinstance(part, dict) and part.get("type") == "image_url" for part in parts)


def _tool_characters(request: ChatRequest) -> int:
    return len(_compact(_tools(request))) if request.tools else 0


def _tools(request: ChatRequest) -> list[Json]:
    return [tool.model_dump(exclude_unset=True) for tool in request.tools or ()]


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


class PrefixCache:
    """What each model has seen; bounded, the least lately used prefix goes first."""

    def __init__(self, size: int = 10_000) -> None:
        self._size = size
        self._seen: OrderedDict[bytes, None] = OrderedDict()

    def cached_tokens(self, request: ChatRequest) -> int:
        """Return how many of the prompt's tokens are cached, and remember the prompt."""
        cached = 0
        for digest, tokens in list(self._prefixes(request)):
            if digest in self._seen:
                cached = tokens
            self._seen[digest] = None
            self._seen.move_to_end(digest)
        while len(self._seen) > self._size:
            self._seen.popitem(last=False)
        return cached // CACHE_BLOCK * CACHE_BLOCK if cached >= CACHE_MINIMUM else 0

    def _prefixes(self, request: ChatRequest) -> Iterator[tuple[bytes, int]]:
        digest = hashlib.sha256(_compact([request.model, _tools(request)]).encode("utf-8", "surrogatepass"))
        characters = _tool_characters(request)
        for count, message in enumerate(request.messages, start=1):
            digest.update(_compact(message).encode("utf-8", "surrogatepass"))
            characters += _characters(message)
            yield digest.digest(), _tokens(characters, request.messages[:count])
