"""Whom a request is from: the gate before the callers' port, where a caller's key is checked.

A key that was seen within the last minute costs a hash and a look into a dict, and one that is in use is asked about
again before that minute ends, with nobody waiting. Another one is asked about once, however many requests carry it,
and while the API server is away those whose last verdict still stands pass without waiting.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence

from tierway_proxy.core import bearer
from tierway_proxy.core.caller import Caller
from tierway_proxy.core.refusal import Refusal, nobody_to_ask, unauthenticated
from tierway_proxy.core.static_keys import StaticKeys
from tierway_proxy.core.verdicts import Bad, Good, Verdicts
from tierway_proxy.shell.authentication.memory import Memory
from tierway_proxy.shell.authentication.questions import Questions, Reviewer, ReviewError, Unknown

OUTCOMES = ("Accepted", "Refused", "Unavailable")
REVIEWS = ("Answered", "Failed")
_KNOWN_SECONDS = 0.5  # who was good a while ago waits no longer for the API server to say it again
_REMEMBER_SECONDS = 1.0


async def _not_connected(_: str) -> Caller | str:
    raise ReviewError("not connected to the Kubernetes API yet")


class Gate:
    """`clock`: seconds since the epoch. Counts are by outcome, since the start."""

    def __init__(self, audience: str, memory: Memory | None = None, clock: Callable[[], float] = time.time) -> None:
        self.audience = audience
        self._verdicts, self._keys, self._expects_keys = Verdicts(), StaticKeys({}), False
        self.reviewer: Reviewer = _not_connected
        self.outcomes: Counter[str] = Counter()
        self._memory, self._clock = memory, clock
        # looked up anew each time: it is set once there is a connection
        self._questions = Questions(self._verdicts, lambda token: self.reviewer(token), clock)  # noqa: PLW0108
        self.reviews = self._questions.reviews
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
        writing: asyncio.Future[None] | None = None
        try:
            while True:
                await asyncio.sleep(_REMEMBER_SECONDS)
                if self._verdicts.changed:
                    writing = asyncio.ensure_future(asyncio.to_thread(self._memory.keep, *self._news()))
                    await asyncio.shield(writing)
        finally:
            if writing is not None:
                await asyncio.wait({writing})  # its thread goes on, and would write what is old over what is new
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
                if good.due(now) and self._questions.may_ask(now):
                    self._questions.ask(Unknown(token, fingerprint, good.expires_at))  # nobody waits for it
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
        if not self._questions.is_away:
            return unknown
        standing, may_ask = self._verdicts.standing(fingerprint, now), self._questions.may_ask(now)
        if standing is None:
            return unknown if may_ask else nobody_to_ask()
        if may_ask:
            self._questions.ask(unknown)  # nobody waits for it
        return standing.caller

    async def _asked(self, unknown: Unknown) -> Caller | Refusal:
        review = self._questions.ask(unknown)
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

    def _refused(self, why: str) -> Refusal:
        return unauthenticated(why, self.audience)
