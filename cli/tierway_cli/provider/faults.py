"""The faults that the simulator can play: their names, what each does, their parameters, and how they are asked for.

A fault is asked for by the request (header ``x-provider-fault: <name>[;param=value…]``, several separated by commas) or
by rules set while the server runs. Times in faults are real milliseconds and seconds, whatever the server's speed.
What a fault does on the wire is in :mod:`refusals` (those that answer instead of the model), :mod:`answering` and
:mod:`streaming`. A request that asks for faults is spared those that are set.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tierway_cli.provider.chat import Json

Value = str | int | float | bool

HEADER = "x-provider-fault"
LONG = 86_400.0  # seconds; a stall without an end is over when the client leaves


class FaultError(ValueError):
    """A fault that does not exist, or a parameter that it does not have; the message lists those that do."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What a fault does and its parameters with their defaults, whose types are the parameters' types.

    ``refuses`` faults answer instead of the model; ``streams_only`` ones show in streamed answers only.
    """

    does: str
    params: Mapping[str, Value] = field(default_factory=dict)
    refuses: bool = False
    streams_only: bool = False


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault with all its parameters, given or default."""

    name: str
    params: Mapping[str, Value]

    @property
    def kind(self) -> Kind:
        return KINDS[self.name]

    def integer(self, param: str) -> int:
        return int(self.params[param])

    def number(self, param: str) -> float:
        return float(self.params[param])

    def text(self, param: str) -> str:
        return str(self.params[param])


KINDS: Mapping[str, Kind] = {
    "rate_limited": Kind("429 with Retry-After", {"retry_after": 1}, refuses=True),
    "unavailable": Kind("503; Retry-After when above 0", {"retry_after": 0}, refuses=True),
    "server_error": Kind("an OpenAI-shaped error status", {"status": 500}, refuses=True),
    "error_string": Kind("`error` is a string", {"status": 400}, refuses=True),
    "error_detail": Kind('`{"detail": …}`', {"status": 500}, refuses=True),
    "error_integer_code": Kind("`code` is an integer", {"status": 500}, refuses=True),
    "error_plain_text": Kind("plain text", {"status": 500}, refuses=True),
    "error_html": Kind("a page of HTML", {"status": 502}, refuses=True),
    "rejects_parameter": Kind("400 about a parameter that the request has", {"param": "stream_options"}, refuses=True),
    "context_too_long": Kind("400 context_length_exceeded above a limit of prompt tokens", {"limit": 0}, refuses=True),
    "unauthorized": Kind("401 that echoes the key it was sent", refuses=True),
    "forbidden": Kind("403", refuses=True),
    "not_found": Kind("404 model_not_found", refuses=True),
    "refuse": Kind("the connection ends without an answer; how: reset or close", {"how": "reset"}),
    "stall_before_headers": Kind("silence before the headers", {"seconds": LONG}),
    "stall_mid_stream": Kind("silence after so many tokens", {"tokens": 3, "seconds": LONG}),
    "cut": Kind(
        "the answer breaks off after so many tokens, 0 is behind the headers; how: close, reset, or clean (the body is "
        "ended as if whole)",
        {"tokens": 3, "how": "close"},
    ),
    "error_frame_first": Kind("an error frame at once; a JSON answer is 200 with an error in it"),
    "error_after_role": Kind(
        "an error frame behind the role chunk and so many tokens; `done` sends [DONE] behind it; a JSON answer is 200 "
        "with an error in it",
        {"tokens": 0, "done": False},
    ),
    "slow_first_token": Kind("so much later", {"ms": 1000.0}),
    "crawl": Kind("so slow after so many tokens", {"tokens_per_second": 1.0, "tokens": 0}),
    "answer_length": Kind("an answer of exactly so many tokens of text, were it not for its limit", {"tokens": 1000}),
    "ignore_max_tokens": Kind("goes beyond the output limit by so many tokens at least", {"tokens": 20}),
    "zero_usage": Kind("usage is explicitly all zero"),
    "split_emoji": Kind("two escaped halves of an emoji in two successive events"),
    "no_done": Kind("no [DONE]", streams_only=True),
    "usage_in_choice_chunk": Kind("usage in the finish chunk, asked for or not", streams_only=True),
    "unasked_usage": Kind("a usage chunk that nobody asked for", streams_only=True),
    "changing_ids": Kind("each chunk has another id", streams_only=True),
    "split_bytes": Kind(
        "each event in pieces, cut inside a character where it has one", {"ms": 1.0}, streams_only=True
    ),
    "keep_alive_comments": Kind(
        "SSE comments, evenly spaced before a first token that is so much later",
        {"frames": 3, "ms": 0.0},
        streams_only=True,
    ),
    "empty_deltas": Kind(
        "role chunk at once, then empty deltas, evenly spaced before a first token that is so much later",
        {"frames": 3, "ms": 500.0},
        streams_only=True,
    ),
    "lone_done": Kind("role chunk, then [DONE]", streams_only=True),
}

_RANGES: Mapping[str, tuple[float, float]] = {  # others: 0 to LONG
    "status": (400, 599),
    "tokens_per_second": (0.001, 1e6),
    "ms": (0, LONG * 1000),
    "tokens": (0, 1e6),
    "limit": (0, 1e9),
}
_CHOICES = {"refuse": ("reset", "close"), "cut": ("close", "reset", "clean")}


def fault(name: str, params: Mapping[str, object] | None = None) -> Fault:
    """Make a fault; parameters may be values or texts of them. Raises :exc:`FaultError`."""
    kind = KINDS.get(name)
    if kind is None:
        raise FaultError(f"Unknown fault {name!r}; known: {', '.join(KINDS)}.")
    values: dict[str, Value] = dict(kind.params)
    for param, value in (params or {}).items():
        if param not in kind.params:
            raise FaultError(f"Fault {name} has no {param!r}; it has: {', '.join(kind.params) or 'no parameters'}.")
        values[param] = _typed(name, param, value, kind.params[param])
    if values.get("how") not in (None, *_CHOICES.get(name, ())):
        raise FaultError(f"Fault {name}: how is one of {', '.join(_CHOICES[name])}.")
    return Fault(name, values)


def _typed(name: str, param: str, value: object, default: Value) -> Value:
    kind = type(default)
    try:
        typed = {"true": True, "false": False}[str(value).lower()] if kind is bool else kind(str(value))
    except (KeyError, ValueError):
        raise FaultError(f"Fault {name}: {param} wants {kind.__name__}, not {value!r}.") from None
    low, high = _RANGES.get(param, (0, LONG))
    if not isinstance(typed, str) and not low <= typed <= high:
        raise FaultError(f"Fault {name}: {param} is from {low:g} to {high:g}.")
    return typed


def parse_header(value: str) -> tuple[Fault, ...]:
    """Read the value of :data:`HEADER`; raise :exc:`FaultError`."""
    return tuple(_parse_one(part) for part in value.split(",") if part.strip())


def _parse_one(text: str) -> Fault:
    name, *params = (part.strip() for part in text.split(";"))
    return fault(name, {key.strip(): value.strip() for key, _, value in (param.partition("=") for param in params)})


def applies(fault: Fault, body: Json, prompt_tokens: int) -> bool:
    """Say whether a request has what the fault is about; one that has not is served as if there were no fault."""
    if fault.name == "rejects_parameter":
        return fault.text("param") in body
    if fault.name == "context_too_long":
        return prompt_tokens > fault.integer("limit")
    return body.get("stream") is True or not fault.kind.streams_only
