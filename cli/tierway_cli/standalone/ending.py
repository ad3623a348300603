"""How ``tierway standalone`` ends. The first Ctrl-C ends everything in order, the second at once."""

import asyncio
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from tierway_cli.standalone.proxies import ProxyProcess
from tierway_operator.reconcile import Reconciler
from tierway_operator.store import Unreachable

_ENDING = (signal.SIGTERM, signal.SIGINT)
_FAREWELL_SECONDS = 5.0

Say = Callable[[str], None]


@contextmanager
def held_back() -> Iterator[None]:
    """Hold signals back until they are `taken`: one while the event loop is made would show Python's own words."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)


def taken() -> asyncio.Semaphore:
    """Take signals from now on; return what is released by each SIGTERM and each Ctrl-C."""
    loop, signals = asyncio.get_running_loop(), asyncio.Semaphore(0)
    for name in _ENDING:
        loop.add_signal_handler(name, signals.release)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
    return signals


async def until_ended(
    proxies: Sequence[ProxyProcess], kept: Sequence["asyncio.Task[None]"], signals: asyncio.Semaphore, say: Say
) -> None:
    """Wait for a signal, then for the proxies' end; a second signal hastens it."""
    await signals.acquire()
    say("Ending: proxies finish their answers. Once more to end at once.")
    for each in proxies:
        each.end()
    again = asyncio.create_task(_hasten(proxies, signals))
    await asyncio.wait(kept)
    again.cancel()


async def _hasten(proxies: Sequence[ProxyProcess], signals: asyncio.Semaphore) -> None:
    await signals.acquire()
    for each in proxies:
        each.end()


async def finish(reconciler: Reconciler, say: Say) -> None:
    """Read the last counts and write the last statuses."""
    try:
        async with asyncio.timeout(_FAREWELL_SECONDS):
            await reconciler.finish()
    except (Unreachable, TimeoutError) as error:
        say(f"The last figures were not written: {error}")
