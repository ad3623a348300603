"""Tries steps that may find the store unreachable: says so once, pauses longer each time, says when it is over."""

import asyncio
import logging
from collections.abc import Awaitable

from tierway_operator.store import Unreachable

logger = logging.getLogger(__name__)


class Trying:
    """`first` and `longest`: seconds of the pauses."""

    def __init__(self, what: str, first: float, longest: float) -> None:
        self._what, self._first, self._longest = what, first, longest
        self._pause: float | None = None

    async def succeeded(self, step: Awaitable[None]) -> bool:
        try:
            await step
        except Unreachable as error:
            if self._pause is None:
                logger.warning("cannot reach %s; trying again", self._what, extra={"error": str(error)})
            self._pause = self._first if self._pause is None else min(2 * self._pause, self._longest)
            await asyncio.sleep(self._pause)
            return False
        if self._pause is not None:
            logger.info("reached %s again", self._what)
        self._pause = None
        return True
