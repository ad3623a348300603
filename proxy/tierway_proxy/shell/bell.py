"""Wakes whoever waits for news of an upstream: when there are some, or when the time is up.

An answer pushes its deadline back at every chunk. A timer for each would be half of the work of passing a chunk on; so
one timer stays armed, and when it fires too early it arms itself anew.
"""

import asyncio


class Bell:
    """For one waiter at a time. Rung while nobody waits it is not heard: look for news before waiting."""

    __slots__ = ("_armed_at", "_loop", "_timer", "_until", "_waiter")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiter: asyncio.Future[None] | None = None
        self._until: float | None = None
        self._armed_at = 0.0
        self._timer: asyncio.TimerHandle | None = None

    async def wait(self, until: float | None) -> None:
        """Until it is rung, or this loop time has come; None: for as long as it takes."""
        self._waiter, self._until = self._loop.create_future(), until
        if until is not None and (self._timer is None or self._armed_at > until):
            self._arm(until)
        try:
            await self._waiter
        finally:
            self._waiter = None

    def ring(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self, at: float) -> None:
        self.close()
        self._armed_at = at
        self._timer = self._loop.call_at(at, self._fire)

    def _fire(self) -> None:
        self._timer = None
        if self._waiter is None or self._until is None:
            return
        if self._loop.time() < self._until:
            self._arm(self._until)
        else:
            self.ring()
