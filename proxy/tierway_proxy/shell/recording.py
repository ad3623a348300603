"""Prompts kept for labelling, beside the requests and never in their way: a queue with an end, and one thread.

A full queue, a full directory and a broken disk cost records, which are counted, and no request. Each line is written
and the file closed: a file that somebody deletes is gone at once, and so is what it took of the room.
"""

import asyncio
import logging
import os
import random
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from queue import Full, Queue
from threading import Thread
from typing import Any, BinaryIO, Literal

from tierway_proxy.core.plan import Plan
from tierway_proxy.core.recording import Record, line, record
from tierway_proxy.shell.settings import Recording

logger = logging.getLogger(__name__)

Outcome = Literal["written", "dropped", "full", "failed"]
OUTCOMES: tuple[Outcome, ...] = ("written", "dropped", "full", "failed")
Counts = dict[tuple[str, str], int]
"""By policy and outcome."""

_MOST_WAITING = 64
_MEASURE_SECONDS = 5.0
_END_SECONDS = 2.0


class Recorder:
    """`draw` gives a number from 0 to 1 by which requests are sampled; it knows nothing of who asks.

    `counts` has all its keys from the start, each written by one thread alone.
    """

    def __init__(
        self, settings: Recording, instance: str, counts: Counts, draw: Callable[[], float] = random.random
    ) -> None:
        self._policies, self._share, self._draw = settings.policies, settings.percent / 100, draw
        self._counts = counts
        counts.update({(policy, outcome): 0 for policy in settings.policies for outcome in OUTCOMES})
        self._waiting: Queue[Record | None] = Queue(_MOST_WAITING)
        self._files = Files(settings, instance)
        self._thread = Thread(target=self._work, name="recording", daemon=True)  # a hung disk must not hold the end
        self._thread.start()
        extra = {"directory": str(settings.directory), "policies": sorted(settings.policies)}
        logger.info("recording prompts", extra=extra | {"percent": settings.percent})

    def offer(self, plan: Plan, fields: Mapping[str, Any]) -> None:
        """On the request path: never waits, never raises."""
        policy = plan.catalog.table.policy
        if policy not in self._policies or self._draw() >= self._share:
            return
        kept = record(plan, fields, time.time())
        if kept is None:
            return
        try:
            self._waiting.put_nowait(kept)
        except Full:
            self._counts[policy, "dropped"] += 1

    async def close(self) -> None:
        """What waits is written, if the disk lets it in time."""
        await asyncio.to_thread(self._end)

    def _end(self) -> None:
        with suppress(Full):
            self._waiting.put(None, timeout=_END_SECONDS)
        self._thread.join(_END_SECONDS)

    def _work(self) -> None:
        while (kept := self._waiting.get()) is not None:
            self._counts[kept.policy, self._written(kept)] += 1

    def _written(self, kept: Record) -> Outcome:
        try:
            return self._files.write(kept)
        except Exception:
            # the outermost frame of this thread: a record that cannot be made must not end all recording
            logger.exception("a record ended in a fault of ours")
            return "failed"


class Files:
    """`DIRECTORY/NAMESPACE__NAME/INSTANCE.jsonl`, for this user alone. `clock`: monotonic seconds."""

    def __init__(self, settings: Recording, instance: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._directory, self._most_bytes = settings.directory, settings.most_bytes
        self._file, self._clock = f"{instance}.jsonl", clock
        self._bytes, self._measured_at = 0, float("-inf")
        self._said: set[str] = set()

    def write(self, kept: Record) -> Outcome:
        try:
            had_room = self._append(kept)
        except OSError as error:
            self._say("recording fails; requests do not", str(error))
            return "failed"
        if had_room:
            return "written"
        self._say("recording stops: its directory is full", f"{self._most_bytes} bytes")
        return "full"

    def _append(self, kept: Record) -> bool:
        """Whether there was room."""
        self._measure()
        if self._bytes >= self._most_bytes:
            return False
        data = line(kept)
        if self._bytes + len(data) > self._most_bytes:
            self._bytes = self._most_bytes  # until it is measured again, so that it is not short prompts that go on
            return False
        with self._opened(kept.policy) as file:
            _append_whole(file, data)
        self._bytes += len(data)
        return True

    def _measure(self) -> None:
        """Others may write here, and people delete what they have labelled."""
        now = self._clock()
        if now - self._measured_at >= _MEASURE_SECONDS:
            self._bytes = sum(_size(file) for file in self._directory.glob("*/*.jsonl"))
            self._measured_at = now

    def _opened(self, policy: str) -> BinaryIO:
        place = self._directory / policy.replace("/", "__")
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        place.mkdir(mode=0o700, exist_ok=True)
        return open(place / self._file, "ab", buffering=0, opener=_for_us)

    def _say(self, what: str, why: str) -> None:
        """Once a reason: the metric tells how often."""
        if why not in self._said:
            self._said.add(why)
            logger.warning(what, extra={"directory": str(self._directory), "reason": why})


def _for_us(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _append_whole(file: BinaryIO, data: bytes) -> None:
    """All of it or nothing: half a line would spoil the next one."""
    before, written = os.fstat(file.fileno()).st_size, 0
    try:
        written = file.write(data)
    finally:
        if written < len(data):
            with suppress(OSError):
                file.truncate(before)
    if written < len(data):
        raise OSError("the disk took only part of a line")


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:  # deleted meanwhile
        return 0
