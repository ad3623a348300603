"""What goes over the wire for one answer: everything before the headers, and the JSON answer.

The streamed answer is in :mod:`streaming`.
"""

from __future__ import annotations

from collections.abc import Iterator

from tierway_cli.provider.answers import message
from tierway_cli.provider.chat import Json
from tierway_cli.provider.scripts import Script
from tierway_cli.provider.steps import ERROR, Break, Headers, Pause, Send, Stall, Step, dump
from tierway_cli.provider.streaming import Stream


def steps(script: Script, *, stream: bool) -> Iterator[Step]:
    """Yield an answer's steps; the last one ends or breaks it."""
    if "refuse" in script.faults:
        yield Break(script.faults["refuse"].text("how"), "failed")
        return
    if "stall_before_headers" in script.faults:
        yield Stall(script.faults["stall_before_headers"].number("seconds"))
    yield from Stream(script).steps() if stream else _json_steps(script)


def _json_steps(script: Script) -> Iterator[Step]:
    failing = bool(script.faults.keys() & {"error_frame_first", "error_after_role"})
    body = dump(ERROR if failing else _completion(script))
    yield Pause(script.first_seconds + sum(script.gap(sent) for sent in range(1, script.rows)))
    yield Headers(len(body))
    if "cut" in script.faults:
        cut = script.faults["cut"]
        yield Send(body[: len(body) // 2 if cut.integer("tokens") else 0])
        yield Break(cut.text("how"))
        return
    if "stall_mid_stream" in script.faults:
        yield Send(body[: len(body) // 2])
        yield Stall(script.faults["stall_mid_stream"].number("seconds"))
        body = body[len(body) // 2 :]
    yield Send(body, 0 if failing else script.total, "failed" if failing else "answered")


def _completion(script: Script) -> Json:
    choices = [
        {"index": index, "message": message(choice), "logprobs": None, "finish_reason": choice.finish_reason}
        for index, choice in enumerate(script.choices)
    ]
    head = {"id": script.new_id(), "object": "chat.completion", "created": script.created, "model": script.model}
    return {**head, "choices": choices, "usage": script.usage()}
