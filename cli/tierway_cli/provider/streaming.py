"""The streamed answer, frame by frame, and every fault that shows in it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest

from tierway_cli.provider.answers import Choice
from tierway_cli.provider.chat import Json
from tierway_cli.provider.scripts import Script
from tierway_cli.provider.steps import ERROR, Break, Headers, Pause, Send, Stall, Step, event

_UTF8_LEAD = 0xC0  # the lowest first byte of a character of several bytes

DONE = b"data: [DONE]\n\n"


class Stream:
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
            yield Send(event(ERROR), end="failed")
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
            fillers = [self._chunk(0, {"content": ""}) for _ in range(early.integer("frames"))]
            first += early.number("ms") / 1000
        comments = self._faults.get("keep_alive_comments")
        if comments:
            fillers += [b": ping\n\n"] * comments.integer("frames")
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
            yield Send(event(ERROR) + done, end="failed")

    def _ending(self) -> Iterator[Step]:
        """Finish chunks, usage, [DONE], with no pause between; whoever reads the last finds the request settled."""
        in_choice = "usage_in_choice_chunk" in self._faults
        asked = self._script.wants_usage or "unasked_usage" in self._faults
        frames = [
            self._finish(index, choice, with_usage=in_choice) for index, choice in enumerate(self._script.choices)
        ]
        if asked and not in_choice:
            frames.append(event(self._envelope([], self._script.usage())))
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
        return event(self._envelope([choice], usage))

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
