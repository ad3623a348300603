"""Whom a request is from: the gate before the callers' port, where a caller's key is checked.

A key that was seen within the last minute costs a hash and a look into a dict, and one that is in use is asked about
again before that minute ends, with nobody waiting. Another one is asked about once, however many requests carry it,
and while the API server is away those whose last verdict still stands pass without waiting. Strangers can neither take
the places of their questions nor pass for an outage.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from tierway_proxy.core import bearer
from tierway_proxy.core.caller import Caller
from tierway_proxy.core.refusal import Refusal, nobody_to_ask, unauthenticated
from tierway_proxy.core.static_keys import StaticKeys
from tierway_proxy.core.verdicts import Bad, Good, Verdicts
from tierway_proxy.shell.memory import Memory

logger = logging.getLogger(__name__)

OUTCOMES = ("Accepted", "Refused", "Unavailable")
REVIEWS = ("Answered", "Failed")
_REST_SECONDS = 1.0
_PLACE_SECONDS = 1.0
_REVIEW_SECONDS = 2.0
_KNOWN_SECONDS = 0.5  # who was good a while ago waits no longer for the API server to say it again
_MOST_REVIEWS = 32
_REMEMBER_SECONDS = 1.0

Reviewer = Callable[[str], Awaitable[Caller | str]]
"""Asks the API server about a token: whose it is, or a sentence of why it is nobody's. Raises ReviewError."""


class ReviewError(Exception):
    """Nobody answered, or what answered was no verdict."""


async def _not_connected(_: str) -> Caller | str:
    raise ReviewError("not connected to the Kubernetes API yet")


class Unknown(NamedTuple):
    """A token that must be asked about."""

    token: str
    fingerprint: bytes
    expires_at: float | None


class Gate:
    """`clock`: seconds since the epoch. Counts are by outcome, since the start."""

    def __init__(self, audience: str, memory: Memory | None = None, clock: Callable[[], float] = time.time) -> None:
        self.audience = audience
        self._verdicts, self._keys, self._expects_keys = Verdicts(), StaticKeys({}), False
        self.reviewer: Reviewer = _not_connected
        self.outcomes: Counter[str] = Counter()
        self.reviews: Counter[str] = Counter()
        self._memory, self._clock = memory, clock
        self._running: dict[bytes, asyncio.Task[Good | Bad | None]] = {}
        self._places, self._places_of_known = asyncio.Semaphore(_MOST_REVIEWS), asyncio.Semaphore(_MOST_REVIEWS)
        self._away_until: float | None = None  # None: the last review was answered
        if memory is not None:
            remembered, digests = memory.recall()
            self._verdicts.restore(remembered)
            self._keys = StaticKeys(digests)

    def expect_keys(self) -> None:
        """Until they are listed what looks like a static key may yet be one, unless an earlier process knew them."""
        self._expects_keys = not self._keys.digests

    def take_keys(self, keys: StaticKeys) -> None:
        """From now on these are all static keys that there are."""
        self._keys, self._verdicts.changed, self._expects_keys = keys, True, False

    async def remember(self) -> None:
        """Keep for a restart whom this process believes, soon after that changed, until cancelled."""
        if self._memory is None:
            return
        try:
            while True:
                await asyncio.sleep(_REMEMBER_SECONDS)
                if self._verdicts.changed:
                    await asyncio.to_thread(self._memory.keep, *self._news())
        finally:
            if self._verdicts.changed:
                self._memory.keep(*self._news())

    def _news(self) -> tuple[dict[bytes, Good], dict[str, bytes]]:
        self._verdicts.changed = False
        return dict(self._verdicts.lasting(self._clock())), self._keys.digests

    async def admit(self, authorization: Sequence[str]) -> Caller | Refusal:
        """The caller of a request with these Authorization headers, or what they are told instead."""
        known = self._known(authorization)
        admitted = await self._asked(known) if isinstance(known, Unknown) else known
        if isinstance(admitted, Caller):
            self.outcomes["Accepted"] += 1
        else:
            self.outcomes["Unavailable" if admitted.status == 503 else "Refused"] += 1
        return admitted

    def _known(self, authorization: Sequence[str]) -> Caller | Refusal | Unknown:
        token = bearer.presented(authorization)
        if isinstance(token, bearer.Useless):
            return self._refused(token.why)
        fingerprint, now = bearer.fingerprint(token), self._clock()
        match self._verdicts.fresh(fingerprint, now):
            case Good() as good:
                if good.due(now) and self._may_ask(now):
                    self._review(Unknown(token, fingerprint, good.expires_at))  # nobody waits for it
                return good.caller
            case Bad() as bad:
                return self._refused(bad.why)
        return self._keys.caller(fingerprint) or self._looked_at(token, fingerprint, now)

    def _looked_at(self, token: str, fingerprint: bytes, now: float) -> Caller | Refusal | Unknown:
        said = bearer.claims(token)
        if said is None and self._expects_keys:
            return nobody_to_ask()
        useless = bearer.useless(said, self.audience, now)
        if useless is not None:
            return self._refused(useless.why)
        unknown = Unknown(token, fingerprint, said.expires_at if said is not None else None)
        if self._away_until is None:
            return unknown
        standing, may_ask = self._verdicts.standing(fingerprint, now), self._may_ask(now)
        if standing is None:
            return unknown if may_ask else nobody_to_ask()
        if may_ask:
            self._review(unknown)  # nobody waits for it
        return standing.caller

    def _may_ask(self, now: float) -> bool:
        # a clock that is set back must not make the rest longer
        return self._away_until is None or not 0 < self._away_until - now <= _REST_SECONDS

    async def _asked(self, unknown: Unknown) -> Caller | Refusal:
        review = self._review(unknown)
        # a client that leaves must not take the answer from those who wait with it: this cancels no review
        await asyncio.wait({review}, timeout=_KNOWN_SECONDS if self._standing(unknown) else None)
        verdict = review.result() if review.done() else None
        match verdict or self._standing(unknown):
            case Good() as good:
                return good.caller
            case Bad() as bad:
                return self._refused(bad.why)
            case None:
                return nobody_to_ask()

    def _standing(self, unknown: Unknown) -> Good | None:
        return self._verdicts.standing(unknown.fingerprint, self._clock())

    def _review(self, unknown: Unknown) -> "asyncio.Task[Good | Bad | None]":
        """The one review of this token that is under way."""
        running = self._running.get(unknown.fingerprint)
        if running is None:
            running = self._running[unknown.fingerprint] = asyncio.create_task(self._reviewed(unknown))
            running.add_done_callback(lambda _: self._running.pop(unknown.fingerprint, None))
        return running

    async def _reviewed(self, unknown: Unknown) -> Good | Bad | None:
        """In a place of its own kind: behind many strangers nobody waits without end, and who is known not at all."""
        places = self._places_of_known if self._standing(unknown) else self._places
        try:
            async with asyncio.timeout(_PLACE_SECONDS):
                await places.acquire()
        except TimeoutError:
            return None  # a crowd is no outage
        try:
            return await self._verdict(unknown) if self._may_ask(self._clock()) else None
        finally:
            places.release()

    async def _verdict(self, unknown: Unknown) -> Good | Bad | None:
        asked_at = self._clock()
        try:
            async with asyncio.timeout(_REVIEW_SECONDS):
                found = await self.reviewer(unknown.token)
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

    def _refused(self, why: str) -> Refusal:
        return unauthenticated(why, self.audience)
