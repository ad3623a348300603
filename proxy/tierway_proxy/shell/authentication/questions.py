"""Questions about tokens to the API server: one a token, a bounded number at a time, and one a second while it is away.

Strangers can neither take the places of known callers' questions nor pass for an outage.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from tierway_proxy.core.caller import Caller
from tierway_proxy.core.verdicts import Bad, Good, Verdicts

logger = logging.getLogger(__name__)

_REST_SECONDS = 1.0
_PLACE_SECONDS = 1.0
_REVIEW_SECONDS = 2.0
_MOST_REVIEWS = 32

Reviewer = Callable[[str], Awaitable[Caller | str]]
"""Asks the API server about a token: whose it is, or a sentence of why it is nobody's. Raises ReviewError."""


class ReviewError(Exception):
    """Nobody answered, or what answered was no verdict."""


class Unknown(NamedTuple):
    """A token that must be asked about."""

    token: str
    fingerprint: bytes
    expires_at: float | None


class Questions:
    """What is answered goes into `verdicts`. `reviews` are counted by outcome."""

    def __init__(self, verdicts: Verdicts, reviewer: Reviewer, clock: Callable[[], float]) -> None:
        self._verdicts, self._reviewer, self._clock = verdicts, reviewer, clock
        self.reviews: Counter[str] = Counter()
        self._running: dict[bytes, asyncio.Task[Good | Bad | None]] = {}
        self._places, self._places_of_known = asyncio.Semaphore(_MOST_REVIEWS), asyncio.Semaphore(_MOST_REVIEWS)
        self._away_until: float | None = None  # None: the last review was answered

    @property
    def is_away(self) -> bool:
        """The API server did not answer the last one."""
        return self._away_until is not None

    def may_ask(self, now: float) -> bool:
        # a clock that is set back must not make the rest longer
        return self._away_until is None or not 0 < self._away_until - now <= _REST_SECONDS

    def ask(self, unknown: Unknown) -> "asyncio.Task[Good | Bad | None]":
        """The one review of this token that is under way."""
        running = self._running.get(unknown.fingerprint)
        if running is None:
            running = self._running[unknown.fingerprint] = asyncio.create_task(self._reviewed(unknown))
            running.add_done_callback(lambda _: self._running.pop(unknown.fingerprint, None))
        return running

    async def _reviewed(self, unknown: Unknown) -> Good | Bad | None:
        """In a place of its own kind: behind many strangers nobody waits without end, and who is known not at all."""
        known = self._verdicts.standing(unknown.fingerprint, self._clock())
        places = self._places_of_known if known else self._places
        try:
            async with asyncio.timeout(_PLACE_SECONDS):
                await places.acquire()
        except TimeoutError:
            return None  # a crowd is no outage
        try:
            return await self._verdict(unknown) if self.may_ask(self._clock()) else None
        finally:
            places.release()

    async def _verdict(self, unknown: Unknown) -> Good | Bad | None:
        asked_at = self._clock()
        try:
            async with asyncio.timeout(_REVIEW_SECONDS):
                found = await self._reviewer(unknown.token)
        except (ReviewError, TimeoutError) as error:
            self._failed(error)
            return None
        self._answered()
        return self._believed(unknown, found, asked_at)

    def _answered(self) -> None:
        if self._away_until is not None:
            logger.info("callers' tokens are reviewed again")
        self.reviews["Answered"] += 1
        self._away_until = None

    def _believed(self, unknown: Unknown, found: Caller | str, asked_at: float) -> Good | Bad:
        if isinstance(found, str):
            bad = Bad(found, asked_at)
            self._verdicts.refuse(unknown.fingerprint, bad)
            return bad
        good = Good(found, asked_at, unknown.expires_at)
        self._verdicts.accept(unknown.fingerprint, good)
        return good

    def _failed(self, error: Exception) -> None:
        if self._away_until is None:
            logger.warning("callers' tokens cannot be reviewed", extra={"error": str(error) or repr(error)})
        self.reviews["Failed"] += 1
        self._away_until = self._clock() + _REST_SECONDS
