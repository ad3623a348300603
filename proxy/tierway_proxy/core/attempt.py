"""One attempt: what is sent for it, and what came back so far."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tierway_proxy.core.able import output_limit
from tierway_proxy.core.ask import Examined
from tierway_proxy.core.body import Body
from tierway_proxy.core.catalog import Candidate
from tierway_proxy.core.meter import Meter, Usage
from tierway_proxy.core.outcome import Failure
from tierway_proxy.core.sse import Splitter

_LIMITS = ("max_tokens", "max_completion_tokens")


@dataclass(slots=True)
class Attempt:
    """Times are monotonic seconds. `limit`: what its first token is held to; `cut_at`: when it is cut, if at all."""

    candidate: Candidate
    started: float
    streamed: bool
    added: frozenset[str]
    limit: float | None
    cut_at: float | None
    output_limit: int | None
    meter: Meter = field(default_factory=Meter)
    splitter: Splitter = field(default_factory=Splitter)
    status: int = 0
    is_events: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    held: list[bytes] = field(default_factory=list)
    held_bytes: int = 0
    failure: Failure | None = None
    followed: bool = False
    ended: float = 0.0

    def hold(self, data: bytes) -> None:
        self.held.append(data)
        self.held_bytes += len(data)

    def usage(self, input_tokens: int) -> Usage:
        """What the provider is likely to charge: nothing for what it answered with an error."""
        if self.failure is not None and not self.failure.billed:
            return Usage(0, 0, estimated=False)
        return self.meter.settled(input_tokens)


class Wanted(NamedTuple):
    """What to send: the body, whether it asks for a stream, what we put into it, and the output limit that holds."""

    body: bytes
    streamed: bool
    added: frozenset[str]
    output_limit: int | None


def wanted(
    body: Body,
    candidate: Candidate,
    ask: Examined,
    class_limit: int | None,
    refused: frozenset[str],
    *,
    as_requested: bool,
) -> Wanted:
    """The request as this candidate is sent it. `refused`: parameters that this endpoint answered 400 about."""
    streamed = ask.stream or (not as_requested and _streamable(body.fields, candidate, refused))
    values: dict[str, Any] = {"model": candidate.upstream_model}
    added: set[str] = set()
    if streamed != (body.fields.get("stream") is True):
        values["stream"] = streamed
        added.add("stream")
    if streamed and candidate.provider.stream_usage and "stream_options" not in refused:
        _ask_for_usage(body.fields, values, added)
    window = candidate.context_window
    room = sys.maxsize if window is None else max(1, window - ask.input_tokens)
    limit, renamed = _limit_output(body.fields, candidate, class_limit, room, refused, values, added)
    return Wanted(body.edited(values, renamed), streamed, frozenset(added), limit)


def wants_usage(fields: Mapping[str, Any]) -> bool:
    """The client itself asked for a usage chunk."""
    options = fields.get("stream_options")
    return isinstance(options, dict) and options.get("include_usage") is True


def _streamable(fields: Mapping[str, Any], candidate: Candidate, refused: frozenset[str]) -> bool:
    """Whether a streamed answer can be put together again as the JSON that was asked for, usage and all."""
    if not candidate.provider.stream_usage or refused & {"stream", "stream_options"}:
        return False
    return fields.get("audio") is None and fields.get("stream") in (None, False)


def _ask_for_usage(fields: Mapping[str, Any], values: dict[str, Any], added: set[str]) -> None:
    if not wants_usage(fields):
        given = fields.get("stream_options")
        values["stream_options"] = {**(given if isinstance(given, dict) else {}), "include_usage": True}
        added.add("stream_options")


def _limit_output(
    fields: Mapping[str, Any],
    candidate: Candidate,
    class_limit: int | None,
    room: int,
    refused: frozenset[str],
    values: dict[str, Any],
    added: set[str],
) -> tuple[int | None, dict[str, str]]:
    """Clamps what was asked, adds what was not, in the parameter that the provider knows; the limit that then holds.

    What is added leaves `room` for the question: a limit of ours must not overflow the context window.
    """
    limit = output_limit(candidate, class_limit)
    known: str = candidate.provider.output_limit_parameter
    asked = [name for name in _LIMITS if type(fields.get(name)) is int]
    if not asked:
        if limit is not None and known not in refused:
            values[known] = limit = min(limit, room)
            added.add(known)
        return limit, {}
    least = limit
    for name in asked:
        if limit is not None and fields[name] > limit:
            values[name] = limit
        elif least is None or fields[name] < least:
            least = fields[name]
    if known in asked or known in refused:
        return least, {}
    added.add(known)
    return least, {asked[0]: known}
