"""What goes over the wire for one answer, as steps: which bytes, after which pause, broken off where.

Every transition of an answer lives here, as a value; :mod:`playing` performs the steps on a socket.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from random import Random

from tierway_cli.provider.answers import Choice, message
from tierway_cli.provider.chat import Json
from tierway_cli.provider.counts import End
from tierway_cli.provider.faults import Fault
from tierway_cli.provider.pace import Pace


@dataclass(frozen=True, slots=True)
class Headers:
    """Send the headers now; ``length`` is that of the body in bytes, None for a stream."""

    length: int | None = None


@dataclass(frozen=True, slots=True)
class Pause:
    """The next step is due so many seconds after the last one was due."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Stall:
    """Nothing for so many seconds; what was due is late by that."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Send:
    """Write bytes that carry so many output tokens; ``end`` settles the request just before."""

    data: bytes
    tokens: int = 0
    end: End | None = None


@dataclass(frozen=True, slots=True)
class Break:
    """End without the end that HTTP wants (``reset``, ``close``) or with it (``clean``), and settle."""

    how: str
    end: End = "broken"


Step = Headers | Pause | Stall | Send | Break

_UTF8_LEAD = 0xC0  # the lowest first byte of a character of several bytes

DONE = b"data: [DONE]\n\n"
ERROR = {"error": {"message": "The engine died.", "type": "server_error", "param": None, "code": None}}


@dataclass(frozen=True)
class Script:
    """One accepted request's answer, and the faults that shape it (by name)."""

    model: str
    created: int
    choices: tuple[Choice, ...]
    prompt_tokens: int
    cached_tokens: int
    wants_usage: bool
    pace: Pace
    random: Random
    faults: Mapping[str, Fault] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """Output tokens of the whole answer."""
        return sum(len(choice.deltas) for choice in self.choices)

    def steps(self, *, stream: bool) -> Iterator[Step]:
        """Yield the steps; the last one ends or breaks the answer."""
        if "refuse" in self.faults:
            yield Break(self.faults["refuse"].text("how"), "failed")
            return
        if "stall_before_headers" in self.faults:
            yield Stall(self.faults["stall_before_headers"].number("seconds"))
        yield from _Stream(self).steps() if stream else self._json_steps()

    def _json_steps(self) -> Iterator[Step]:
        failing = self.faults.keys() & {"error_frame_first", "error_after_role"}
        body = _dump(ERROR if failing else self._completion())
        half = len(body) // 2
        rows = max(len(choice.deltas) for choice in self.choices)
        yield Pause(self.first_seconds + sum(self.gap(sent) for sent in range(1, rows)))
        yield Headers(len(body))
        if "cut" in self.faults:
            yield Send(body[: half if self.faults["cut"].integer("tokens") else 0])
            yield Break(self.faults["cut"].text("how"))
            return
        if "stall_mid_stream" in self.faults:
            yield Send(body[:half])
            yield Stall(self.faults["stall_mid_stream"].number("seconds"))
            body = body[half:]
        yield Send(body, 0 if failing else self.total, "failed" if failing else "answered")

    @property
    def first_seconds(self) -> float:
        """Seconds from the request to the first token, without what keeps a stream busy meanwhile."""
        slow = self.faults.get("slow_first_token")
        return self.pace.first_seconds + (slow.number("ms") / 1000 if slow else 0)

    def gap(self, sent: int) -> float:
        """Draw the seconds between two tokens when so many were sent."""
        crawl = self.faults.get("crawl")
        if crawl and sent >= crawl.integer("tokens"):
            return 1 / crawl.number("tokens_per_second")
        return self.pace.gap()

    def usage(self) -> Json:
        """Return the usage object, all zero where the fault says so."""
        zero = "zero_usage" in self.faults
        prompt, cached, output = (0, 0, 0) if zero else (self.prompt_tokens, self.cached_tokens, self.total)
        reasoning = 0 if zero else sum(choice.reasoning_tokens for choice in self.choices)
        return {
            "prompt_tokens": prompt,
            "completion_tokens": output,
            "total_tokens": prompt + output,
            "prompt_tokens_details": {"cached_tokens": cached},
            "completion_tokens_details": {"reasoning_tokens": reasoning},
        }

    def new_id(self) -> str:
        return f"chatcmpl-{self.random.getrandbits(96):024x}"

    def _completion(self) -> Json:
        choices = [
            {"index": index, "message": message(choice), "logprobs": None, "finish_reason": choice.finish_reason}
            for index, choice in enumerate(self.choices)
        ]
        head = {"id": self.new_id(), "object": "chat.completion", "created": self.created, "model": self.model}
        return {**head, "choices": choices, "usage": self.usage()}


class _Stream:
    """The steps of a streamed answer."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._faults = script.faults
        self._id = script.new_id()
        self._sent = 0

    def steps(self) -> Iterator[Step]:
        steps = self._whole()
        yield Headers()
        yield from self._in_pieces(steps) if "split_bytes" in self._faults else steps

    def _whole(self) -> Iterator[Step]:
        if "error_frame_first" in self._faults:
            yield Send(_event(ERROR), end="failed")
            return
        if self._stops_at("cut") == 0:
            yield Break(self._faults["cut"].text("how"))
            return
        yield from self._opening()
        if "lone_done" in self._faults:
            yield Send(DONE, end="broken")
            return
        for step in self._tokens():
            yield step
            if isinstance(step, Break) or (isinstance(step, Send) and step.end):
                return
        yield from self._ending()

    def _stops_at(self, name: str) -> int | None:
        fault = self._faults.get(name)
        return min(fault.integer("tokens"), self._script.total) if fault else None

    def _opening(self) -> Iterator[Step]:
        """Everything before the first token: the wait, what keeps it busy, the role chunks."""
        first = self._script.first_seconds
        if "lone_done" in self._faults or self._stops_at("error_after_role") == 0:
            first = 0  # a broken provider is the quickest of all
        fillers: list[bytes] = []
        early = self._faults.get("empty_deltas")
        if early:
            yield from self._roles()
            fillers = [self._chunk(0, {"content": ""}) for _ in range(early.integer("count"))]
            first += early.number("ms") / 1000
        comments = self._faults.get("keep_alive_comments")
        if comments:
            fillers += [b": ping\n\n"] * comments.integer("count")
            first += comments.number("ms") / 1000
        for filler in fillers:
            yield Pause(first / (len(fillers) + 1))
            yield Send(filler)
        yield Pause(first / (len(fillers) + 1))
        if not early:
            yield from self._roles()

    def _roles(self) -> Iterator[Step]:
        for index in range(len(self._script.choices)):
            yield Send(self._chunk(index, {"role": "assistant", "content": ""}))

    def _tokens(self) -> Iterator[Step]:
        yield from self._interruptions()
        for rank, row in enumerate(zip_longest(*(choice.deltas for choice in self._script.choices))):
            if rank:
                yield Pause(self._script.gap(self._sent))
            for index, delta in enumerate(row):
                if delta is not None:
                    self._sent += 1
                    yield Send(self._chunk(index, delta), tokens=1)
                    yield from self._interruptions()

    def _interruptions(self) -> Iterator[Step]:
        if self._stops_at("stall_mid_stream") == self._sent:
            yield Stall(self._faults["stall_mid_stream"].number("seconds"))
        if self._stops_at("cut") == self._sent:
            yield Break(self._faults["cut"].text("how"))
        if self._stops_at("error_after_role") == self._sent:
            done = DONE if self._faults["error_after_role"].params["done"] else b""
            yield Send(_event(ERROR) + done, end="failed")

    def _ending(self) -> Iterator[Step]:
        """Finish chunks, usage, [DONE]: in one write, so that the request is settled before any of it is read."""
        in_choice = "usage_in_choice_chunk" in self._faults
        asked = self._script.wants_usage or "unasked_usage" in self._faults
        frames = [
            self._finish(index, choice, with_usage=in_choice) for index, choice in enumerate(self._script.choices)
        ]
        if asked and not in_choice:
            frames.append(_event(self._envelope([], self._script.usage())))
        if "no_done" not in self._faults:
            frames.append(DONE)
        for frame in frames[:-1]:
            yield Send(frame)
        yield Send(frames[-1], end="answered")

    def _finish(self, index: int, choice: Choice, *, with_usage: bool) -> bytes:
        last = index == len(self._script.choices) - 1
        usage = self._script.usage() if with_usage and last else None
        return self._chunk(index, {}, choice.finish_reason, usage)

    def _chunk(self, index: int, delta: Json, finish: str | None = None, usage: Json | None = None) -> bytes:
        choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}
        return _event(self._envelope([choice], usage))

    def _envelope(self, choices: list[Json], usage: Json | None) -> Json:
        name = self._script.new_id() if "changing_ids" in self._faults else self._id
        head: Json = {"id": name, "object": "chat.completion.chunk", "created": self._script.created}
        head |= {"model": self._script.model, "choices": choices}
        return {**head, "usage": usage} if usage is not None or self._script.wants_usage else head

    def _in_pieces(self, steps: Iterator[Step]) -> Iterator[Step]:
        """Split every write where it hurts: inside its first character of many bytes, else in its middle."""
        wait = self._faults["split_bytes"].number("ms") / 1000
        for step in steps:
            if not isinstance(step, Send):
                yield step
                continue
            at = next((i + 1 for i, byte in enumerate(step.data) if byte >= _UTF8_LEAD), len(step.data) // 2)
            yield Send(step.data[:at])
            yield Stall(wait)
            yield Send(step.data[at:], step.tokens, step.end)


def _event(value: Json) -> bytes:
    return b"data: " + _dump(value) + b"\n\n"


def _dump(value: Json) -> bytes:
    """Write JSON as raw UTF-8, but halves of a surrogate pair as escapes: there is no other way to write them."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()
