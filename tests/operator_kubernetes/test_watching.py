"""The thread that watches is started again whenever it ends, and ends when asked."""

import asyncio
import threading

import pytest

from tierway_operator import watching
from tierway_operator.watching import Watching


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch):
    monkeypatch.setattr(watching, "_SHORTEST_PAUSE_SECONDS", 0.01)


async def test_a_watch_that_fails_or_ends_begins_again():
    """Kopf gives up on a 403 and on lasting errors."""
    begun = []
    third = asyncio.Event()
    loop = asyncio.get_running_loop()

    async def watch(stop):
        begun.append(threading.current_thread())
        if len(begun) == 1:
            raise PermissionError("403")
        if len(begun) == 3:
            loop.call_soon_threadsafe(third.set)
            await stop.wait()

    running = asyncio.create_task(Watching(watch).run())
    await asyncio.wait_for(third.wait(), 2)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert threading.main_thread() not in begun
    assert not begun[0].is_alive()


async def test_a_watch_that_cancels_all_it_finds_does_not_touch_our_loop():
    """Kopf cancels every task of its loop that is younger than itself."""
    cancelled = asyncio.Event()
    loop = asyncio.get_running_loop()

    async def watch(stop):
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        loop.call_soon_threadsafe(cancelled.set)
        await stop.wait()

    ours = asyncio.create_task(asyncio.sleep(60))
    running = asyncio.create_task(Watching(watch).run())
    await asyncio.wait_for(cancelled.wait(), 2)
    assert not ours.done()
    for task in (running, ours):
        task.cancel()
    await asyncio.gather(running, ours, return_exceptions=True)


async def test_a_watch_that_leaves_what_swallows_its_cancellation_begins_again(monkeypatch):
    """What is left behind ends with its loop."""
    monkeypatch.setattr(watching, "_FAREWELL_SECONDS", 0.05)
    again = asyncio.Event()
    loop = asyncio.get_running_loop()
    left = []

    async def stubborn():
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                continue

    async def watch(stop):
        if not left:
            left.append(asyncio.create_task(stubborn()))
            await asyncio.sleep(0)
            raise PermissionError("403")
        loop.call_soon_threadsafe(again.set)
        await stop.wait()

    running = asyncio.create_task(Watching(watch).run())
    await asyncio.wait_for(again.wait(), 5)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    left[0]._log_destroy_pending = False  # it is known to be pending
