"""What an answer consists of: content tokens, usage, cost. One meter an attempt.

A content token is text, a tool call, a refusal or reasoning text: not a role, an empty delta, a usage chunk or an end
mark. Output tokens are the upstream's own usage; only where none came are they estimated, and counted as such.
"""

from typing import Any, NamedTuple

from tierway_proxy.contract.table import Price

CHARACTERS_PER_TOKEN = 4
"""The usual rule of thumb for English text (OpenAI's tokenizer page); used only where no usage came."""
_MOST_CHARACTERS_AN_EVENT = 12  # an event with more than this on average holds several tokens
_TEXTS = ("content", "reasoning_content", "reasoning", "refusal")
_CALLS = ("tool_calls", "function_call", "audio", "images", "content")  # content in parts, as Mistral sends reasoning


class Usage(NamedTuple):
    """Tokens of one attempt; `cached` is the part of `input` that the provider had in its cache."""

    input: int
    output: int
    cached: int = 0
    estimated: bool = False

    def cost(self, price: Price) -> int:
        """Pico-dollars."""
        fresh = self.input - self.cached
        return fresh * price.input + self.cached * price.cached_input + self.output * price.output + price.request


def usage_of(value: Any) -> Usage | None:
    """The `usage` member of an answer, or None where it is none. An explicit zero is a figure, not an absence."""
    if not isinstance(value, dict) or not ("completion_tokens" in value or "prompt_tokens" in value):
        return None
    given, made = _count(value.get("prompt_tokens")), _count(value.get("completion_tokens"))
    details = value.get("prompt_tokens_details")
    cached = _count(details.get("cached_tokens")) if isinstance(details, dict) else 0
    return Usage(given, made, min(cached, given))


def _count(value: Any) -> int:
    return value if isinstance(value, int) and value > 0 else 0


class Meter:
    """Fed with each event's JSON; times are the shell's monotonic seconds."""

    __slots__ = ("_characters", "finished", "first_at", "last_at", "tokens", "usage")

    def __init__(self) -> None:
        self.tokens = 0  # events with a content token: at least as many tokens as that
        self.first_at: float | None = None
        self.last_at: float | None = None
        self.finished = False  # a finish_reason came
        self.usage: Usage | None = None
        self._characters = 0

    def feed(self, event: dict[str, Any], now: float) -> bool:
        """Counts one event; true when it holds a content token."""
        usage = event.get("usage")
        if usage is not None:
            self.usage = usage_of(usage) or self.usage
        choices = event.get("choices")
        if not isinstance(choices, list):
            return False
        content = False
        for choice in choices:
            if isinstance(choice, dict):
                if choice.get("finish_reason") is not None:
                    self.finished = True
                size = _content(choice)
                if size:
                    content = True
                    self._characters += size
        if content:
            self._count_token(now)
        return content

    def _count_token(self, now: float) -> None:
        self.tokens += 1
        self.last_at = now
        if self.first_at is None:
            self.first_at = now

    def settled(self, input_tokens: int) -> Usage:
        """The upstream's own usage, else an estimate from what was seen."""
        return self.usage or Usage(input_tokens, self._estimate(), estimated=True)

    def _estimate(self) -> int:
        if self._characters > self.tokens * _MOST_CHARACTERS_AN_EVENT:
            return self._characters // CHARACTERS_PER_TOKEN
        return self.tokens

    def tokens_per_second(self, output_tokens: int) -> float | None:
        """(completion tokens - 1) / (last - first); None where one token or no time says nothing."""
        if self.first_at is None or self.last_at is None or output_tokens < 2:
            return None
        seconds = self.last_at - self.first_at
        return (output_tokens - 1) / seconds if seconds > 0 else None


def _content(choice: dict[str, Any]) -> int:
    """How many characters of content a choice's delta (or whole message) holds; 0: no content token."""
    delta = choice.get("delta")
    if not isinstance(delta, dict):
        delta = choice.get("message")
        if not isinstance(delta, dict):
            text = choice.get("text")
            return len(text) if isinstance(text, str) else 0
    text = delta.get("content")
    if isinstance(text, str) and text:
        return len(text)
    return sum(len(text) for name in _TEXTS if isinstance(text := delta.get(name), str)) + sum(
        len(str(call)) for name in _CALLS if (call := delta.get(name))
    )
