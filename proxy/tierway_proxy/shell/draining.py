"""How a proxy ends: nobody is turned away who was told to come, no stream is cut, and no count is lost."""

import asyncio
import logging
from contextlib import suppress

from aiohttp import web

from tierway_proxy.shell.serving import Serving

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 0.05
_NOTICE_SECONDS = 5.0  # for whoever still sends here because nobody told them yet; in a cluster preStop gave the same


async def drain(serving: Serving, callers: web.ServerRunner, seconds: float, *, alone: bool = False) -> None:
    """Not ready any more; streams finish; then the operator reads the last counts, or `seconds` have passed.

    `alone`: whoever started it is gone, operator and all, so nobody is waited for and the ports are free at once.
    """
    serving.draining = True
    logger.info("draining", extra={"in_flight": serving.in_flight, "alone": alone})
    with suppress(TimeoutError):
        async with asyncio.timeout(0 if alone else _NOTICE_SECONDS):
            await _idle(serving)
    await _close(callers)
    await _idle(serving)
    serving.final = True  # nothing is counted behind this: the operator reads it and forgets this instance
    with suppress(TimeoutError):
        async with asyncio.timeout(0 if alone else seconds):
            while not serving.acknowledged:  # noqa: ASYNC110
                await asyncio.sleep(_LOOK_SECONDS)
    logger.info("ended", extra={"acknowledged": serving.acknowledged})


async def _idle(serving: Serving) -> None:
    while serving.in_flight:  # noqa: ASYNC110 (once a life; an event would cost every request)
        await asyncio.sleep(_LOOK_SECONDS)


async def _close(callers: web.ServerRunner) -> None:
    """Nobody new; whoever was accepted is answered, however long that takes; idle connections are closed."""
    await asyncio.sleep(0)  # who waits to be accepted would be reset with the listener, so the loop accepts once more
    for site in callers.sites:
        await site.stop()
    await asyncio.sleep(_LOOK_SECONDS)  # what came just before the listener went is read and under way
    if callers.server is not None:
        callers.server.pre_shutdown()
        await callers.server.shutdown(None)
