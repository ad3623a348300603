"""kopf in a thread and an event loop of its own, started again whenever it ends.

It ends for good on a 403 or a lasting 5xx, and then it cancels every task of its loop that it did not know: that loop
must not be ours. Nor may its signal handlers be, which it installs only in the main thread. Some of its tasks survive
that: they are left behind with their loop.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine
from time import monotonic
from typing import Any

logger = logging.getLogger(__name__)

LONGEST_PAUSE_SECONDS = 5.0
_SHORTEST_PAUSE_SECONDS = 0.5
_HEALTHY_SECONDS = 60.0
_FAREWELL_SECONDS = 5.0

Watch = Callable[[asyncio.Event], Coroutine[Any, Any, None]]
"""Runs until the event is set, or fails."""


class Watching:
    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._ending = threading.Event()
        self._stop: Callable[[], None] = lambda: None

    async def run(self) -> None:
        """Watch until cancelled."""
        thread = threading.Thread(target=self._again_and_again, name="watching", daemon=True)
        thread.start()
        try:
            await asyncio.Event().wait()
        finally:
            self._ending.set()
            self._stop()
            await asyncio.to_thread(thread.join, _FAREWELL_SECONDS)

    def _again_and_again(self) -> None:
        pause = _SHORTEST_PAUSE_SECONDS
        while not self._ending.is_set():
            started = monotonic()
            try:
                _run(self._once())
            except Exception as error:  # noqa: BLE001  # whatever ends it: without events edits wait for a resync
                logger.warning("watching failed; it starts again", extra={"seconds": pause, "error": repr(error)})
            else:
                logger.info("watching ended")
            if monotonic() - started > _HEALTHY_SECONDS:
                pause = _SHORTEST_PAUSE_SECONDS
            self._ending.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    async def _once(self) -> None:
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        self._stop = lambda: _call(loop, stop.set)
        if not self._ending.is_set():
            await self._watch(stop)


def _run(watch: Coroutine[Any, Any, None]) -> None:
    """`asyncio.run`, but a task that swallows its cancellation is waited for no longer than a farewell takes."""
    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete(watch)
    finally:
        rest = asyncio.all_tasks(loop)
        for task in rest:
            task.cancel()
        if rest:
            loop.run_until_complete(asyncio.wait(rest, timeout=_FAREWELL_SECONDS))
        loop.close()


def _call(loop: asyncio.AbstractEventLoop, function: Callable[[], None]) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(function)
