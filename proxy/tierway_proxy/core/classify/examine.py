"""The cheap look at a body, for every request: its size, what it needs of a model, how it wants to be answered.

Total and bounded: any JSON object is examined without an error (the upstream is the one to refuse a bad request), and a
huge one costs no more than a middling one, because only the outer messages and parts are opened and the rest is
estimated from them.

Tokens are estimated as UTF-8 bytes / 4, which is near the truth for English and code and errs upwards for most other
scripts (a CJK character of three bytes counts 0.75). An image, sound or file counts `ATTACHMENT_TOKENS` whatever its
size, or `LOW_DETAIL_TOKENS` when it asks for little detail.
"""

from collections.abc import Mapping
from itertools import islice
from typing import Any, Final

from tierway_proxy.core.ask import Capability, Examined

BYTES_PER_TOKEN: Final = 4
MESSAGE_TOKENS: Final = 4
"""What role markers and separators around one message take."""
ATTACHMENT_TOKENS: Final = 765
"""What a picture of 1024 x 1024 pixels takes at high detail."""
LOW_DETAIL_TOKENS: Final = 85

OPENED_MESSAGES: Final = 256
"""So many messages of a conversation are opened, half from each end; the others are taken to be like them."""
OPENED_PARTS: Final = 32
"""The same for the parts of one message."""
OPENED_SCHEMAS: Final = 8
"""The same for tools."""
OPENED_NODES: Final = 48
"""So many values of one tool's schema are visited."""
SAMPLE: Final = 1024
"""Characters at each end of a text that is not ASCII whose bytes are counted; the rest is taken to be like them."""

_NO_REASONING: Final = frozenset({"none", "minimal", "disabled", "off", ""})
_IMAGE_PARTS: Final = frozenset({"image_url", "input_image", "image"})
_TEXT_KEYS: Final = ("text", "refusal", "content")


def examine(body: Mapping[str, Any]) -> Examined:
    """Look at a parsed chat-completions body; never raises, whatever the values in it are."""
    messages = body.get("messages")
    tally = _Tally()
    if isinstance(messages, list):
        tally.messages(messages)
    tools = [*_list(body.get("tools")), *_list(body.get("functions"))]
    schema = _mapping(body.get("response_format"))
    return Examined(
        input_tokens=tally.tokens() + _schema_tokens(tools) + _schema_tokens([schema] if schema else []),
        output_tokens=_positive(body.get("max_completion_tokens")) or _positive(body.get("max_tokens")),
        needs=_needs(bool(tools) or tally.tool_turns, tally.images, schema.get("type") == "json_schema"),
        wants_reasoning=_wants_reasoning(body),
        tools=bool(tools),
        images=tally.images,
        stream=body.get("stream") is True,
    )


class _Tally:
    """Adds up what the opened messages hold."""

    __slots__ = ("bytes", "extra_tokens", "images", "tool_turns")

    def __init__(self) -> None:
        self.bytes = 0.0
        self.extra_tokens = 0
        self.images = False
        self.tool_turns = False

    def messages(self, messages: list[Any]) -> None:
        for message in _outer(messages, OPENED_MESSAGES):
            if isinstance(message, dict):
                self._message(message)
        if len(messages) > OPENED_MESSAGES:
            scale = len(messages) / OPENED_MESSAGES
            self.bytes *= scale
            self.extra_tokens = int(self.extra_tokens * scale)

    def _message(self, message: dict[str, Any]) -> None:
        self.extra_tokens += MESSAGE_TOKENS
        content = message.get("content")
        if isinstance(content, str):
            self.bytes += utf8_length(content)
        elif isinstance(content, list):
            for part in _outer(content, OPENED_PARTS):
                self._part(part)
        calls = message.get("tool_calls")
        if calls or message.get("role") == "tool":
            self.tool_turns = True
            self.bytes += _weigh(_list(calls))

    def _part(self, part: object) -> None:
        if isinstance(part, str):
            self.bytes += utf8_length(part)
        elif isinstance(part, dict):
            text = next((part[key] for key in _TEXT_KEYS if isinstance(part.get(key), str)), None)
            if text is None:
                self._attachment(part)
            else:
                self.bytes += utf8_length(text)

    def _attachment(self, part: dict[str, Any]) -> None:
        kind = part.get("type")
        self.images = self.images or (isinstance(kind, str) and kind in _IMAGE_PARTS)
        low = _mapping(part.get("image_url")).get("detail") == "low"
        self.extra_tokens += LOW_DETAIL_TOKENS if low else ATTACHMENT_TOKENS

    def tokens(self) -> int:
        return self.extra_tokens + int(self.bytes / BYTES_PER_TOKEN)


def utf8_length(text: str) -> float:
    """Bytes of a text in UTF-8; estimated from both ends when it is long and not plain ASCII."""
    if text.isascii():
        return len(text)
    if len(text) <= 2 * SAMPLE:
        return len(text.encode("utf-8", "surrogatepass"))
    sample = text[:SAMPLE] + text[-SAMPLE:]
    return len(sample.encode("utf-8", "surrogatepass")) * len(text) / len(sample)


def _schema_tokens(schemas: list[Any]) -> int:
    return int(_weigh(schemas) / BYTES_PER_TOKEN) if schemas else 0


def _weigh(values: list[Any]) -> float:
    """Roughly the bytes of some JSON values: the inner ones are taken to be like the outer ones."""
    opened = _outer(values, OPENED_SCHEMAS)
    return sum(map(_weight, opened)) * len(values) / max(1, len(opened))


def _weight(value: object) -> float:
    """Names, strings and six bytes of punctuation a value; what is not visited is taken to be like what was."""
    size = 0.0
    visited = 0
    ahead: list[Any] = [value]
    while ahead and visited < OPENED_NODES:
        value = ahead.pop()
        visited += 1
        if isinstance(value, str):
            size += utf8_length(value)
        elif isinstance(value, dict):
            size += sum(map(len, value)) if len(value) <= OPENED_NODES else OPENED_NODES * len(value)
            ahead.extend(islice(value.values(), OPENED_NODES))
        elif isinstance(value, list):
            ahead.extend(value[:OPENED_NODES])
    return (size + 6 * visited) * (1 + len(ahead) / visited)


def _outer(values: list[Any], limit: int) -> list[Any]:
    """All values, or when there are more than the limit half of it from each end."""
    return values if len(values) <= limit else values[: limit // 2] + values[-(limit // 2) :]


def _needs(tools: bool, images: bool, schema: bool) -> frozenset[Capability]:  # noqa: FBT001 - three facts
    wanted: tuple[tuple[Capability, bool], ...] = (("Tools", tools), ("Vision", images), ("JSONSchema", schema))
    return frozenset(name for name, needed in wanted if needed)


def _wants_reasoning(body: Mapping[str, Any]) -> bool:
    """Whether any of the spellings in use asks for reasoning: OpenAI's, OpenRouter's, Anthropic's, vLLM's."""
    effort = body.get("reasoning_effort")
    if isinstance(effort, str):
        return effort.lower() not in _NO_REASONING
    reasoning = _mapping(body.get("reasoning"))
    effort = reasoning.get("effort")
    if isinstance(effort, str):
        return effort.lower() not in _NO_REASONING
    thinking = _mapping(body.get("thinking")).get("type")
    template = _mapping(body.get("chat_template_kwargs")).get("enable_thinking")
    return reasoning.get("enabled") is True or thinking == "enabled" or True in (body.get("enable_thinking"), template)


def _positive(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
