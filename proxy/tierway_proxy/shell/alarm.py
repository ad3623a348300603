"""Wakes one task at a time that keeps moving, at next to no cost a move.

An answer pushes its deadline back at every chunk. A timer for each would be half of the work of passing a chunk on; so
one timer stays armed, and when it fires too early it arms itself anew.
"""

import asyncio


class Alarm:
    """For the task that makes it. `rang` tells its own cancellation from anybody else's."""

    __slots__ = ("_armed_at", "_at", "_handle", "_loop", "_task", "rang")

    def __init__(self, loop: asyncio.AbstractEventLoop, task: "asyncio.Task[object]") -> None:
        self._loop, self._task = loop, task
        self._at: float | None = None
        self._armed_at = 0.0
        self._handle: asyncio.TimerHandle | None = None
        self.rang = False

    def set(self, at: float | None) -> None:
        """Ring at this loop time; None: not until it is set again."""
        self._at = at
        if at is None or (self._handle is not None and self._armed_at <= at):
            return
        self.close()
        self._armed_at = at
        self._handle = self._loop.call_at(at, self._fire)

    def close(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _fire(self) -> None:
        self._handle = None
        at = self._at
        if at is None:
            return
        if self._loop.time() < at:
            self.set(at)
            return
        self.rang = True
        self._task.cancel()

    def was_it(self) -> bool:
        """Whether the cancellation just caught was this alarm's alone; takes it back if so."""
        rang, self.rang = self.rang, False
        return rang and self._task.uncancel() == 0
