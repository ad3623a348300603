"""What the events of an upstream mean to a request, and what its client is given of them.

A client that asked for a stream gets the events as the bytes they came in; one that asked for JSON gets them put
together. The only events made here are the end of an answer that was cut at its limit.
"""

from enum import Enum
from typing import Any

from tierway_proxy.core import sse
from tierway_proxy.core.assemble import Assembler
from tierway_proxy.core.attempt import Attempt, wants_usage
from tierway_proxy.core.body import Body
from tierway_proxy.core.meter import Usage


class Seen(Enum):
    """What an event is to the request."""

    NOTHING = "says nothing yet, and is passed on"
    CONTENT = "holds a content token"
    DROP = "usage that the client did not ask for"
    ERROR = "an error, or data that cannot be read"
    DONE = "the end mark"
    TOO_MUCH = "content beyond the output limit, which the upstream ignores"


class Reading:
    """Of one attempt. `as_json`: the client wants the events put together."""

    __slots__ = ("_assembler", "_attempt", "_last_chunk", "_several", "_wants_usage", "as_json")

    def __init__(self, body: Body, attempt: Attempt, *, as_json: bool) -> None:
        several = body.fields.get("n")
        self._several = several if isinstance(several, int) and several > 1 else 1
        self._wants_usage = wants_usage(body.fields)
        self._attempt = attempt
        self._assembler = Assembler() if as_json else None
        self._last_chunk: dict[str, Any] = {}
        self.as_json = as_json

    def read(self, event: bytes, now: float, *, committed: bool) -> Seen:
        """Meters one event, and says what it is."""
        chunk = sse.read(event)
        if chunk is None:
            return Seen.ERROR if sse.is_broken(event) else Seen.NOTHING
        if isinstance(chunk, str):
            return Seen.DONE
        choices = chunk.get("choices")
        if not choices and chunk.get("error") is not None:
            return Seen.ERROR
        self._last_chunk = chunk
        content = self._attempt.meter.feed(chunk, now)
        if content and committed and self._over_limit():
            return Seen.TOO_MUCH
        if self._assembler is not None:
            self._assembler.add(chunk)
        if content:
            return Seen.CONTENT
        return Seen.DROP if not choices and chunk.get("usage") is not None and not self._wants_usage else Seen.NOTHING

    def _over_limit(self) -> bool:
        """More content events than tokens allowed."""
        limit = self._attempt.output_limit
        return limit is not None and self._attempt.meter.tokens > limit * self._several

    def answer(self) -> bytes:
        """The whole answer as JSON, for a client that wants it so."""
        return self._json(None, None)

    def cut_at_limit(self, usage: Usage) -> bytes:
        """The end of an answer that went beyond its limit: as JSON all of it, else its last events."""
        total = usage.input + usage.output
        said = {"prompt_tokens": usage.input, "completion_tokens": usage.output, "total_tokens": total}
        if self._assembler is not None:
            return self._json(said, "length")
        about = {key: value for key, value in self._last_chunk.items() if key not in ("choices", "usage")}
        ends = [{"index": index, "delta": {}, "finish_reason": "length"} for index in range(self._several)]
        events = sse.write({**about, "choices": ends})
        if self._wants_usage:
            events += sse.write({**about, "choices": [], "usage": said})
        return events + sse.DONE_EVENT

    def _json(self, usage: dict[str, Any] | None, finish_reason: str | None) -> bytes:
        if self._assembler is None:
            raise RuntimeError("this client wants events")
        return sse.dumps(self._assembler.answer(usage, finish_reason))
