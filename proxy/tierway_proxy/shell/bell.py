"""Wakes whoever waits for news of an upstream: when there are some, or when the time is up.

An answer pushes its deadline back at every chunk. A timer for each would be half of the work of passing a chunk on; so
one timer stays armed, and when it fires too early it arms itself anew. It also stays armed from one request to the
next, which takes over the bell.
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

    def ring(self, fault: Exception | None = None) -> None:
        """`fault` is raised by the wait."""
        waiter = self._waiter
        if waiter is None or waiter.done():
            return
        if fault is None:
            waiter.set_result(None)
        else:
            waiter.set_exception(fault)

    @property
    def is_awaited(self) -> bool:
        """Somebody waits, and was not woken yet."""
        return self._waiter is not None and not self._waiter.done()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self, at: float) -> None:
        self.stop()
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


class Bells:
    """As many as wait at once."""

    def __init__(self) -> None:
        self._free: list[Bell] = []

    def take(self) -> Bell:
        return self._free.pop() if self._free else Bell(asyncio.get_running_loop())

    def give_back(self, bell: Bell) -> None:
        """Nobody waits for it any more. Whoever still rings it wakes the next to wait, who looks and sees nothing."""
        self._free.append(bell)

    def close(self) -> None:
        for bell in self._free:
            bell.stop()
        self._free.clear()
