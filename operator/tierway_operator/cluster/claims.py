"""Holds the namespaces that this release serves, and stays out of those that another release holds.

What is known stays known while the API server is away: nobody can write a status then, and nothing is given up for an
error. Where Leases are forbidden or impossible the namespace is served all the same, as there was before there were
claims; the log says so.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from time import monotonic

from tierway_operator.at_once import for_all
from tierway_operator.claims import (
    LEASE_SECONDS,
    LOOK_SECONDS,
    RENEW_SECONDS,
    Record,
    Sighting,
    holder,
    left_alone,
    record_of,
    sighted,
)
from tierway_operator.cluster.api import JSON, Api, DeniedError
from tierway_operator.cluster.leases import Leases
from tierway_operator.cluster.names import Release
from tierway_operator.store import Unreachable

logger = logging.getLogger(__name__)

_TRIES = 3
_TERMINATING = "is being terminated"


@dataclass
class _Place:
    """One namespace. `held`: what the Lease of another release says; `ours_at`: when we last saw that it is ours."""

    lease: JSON | None = None
    sighting: Sighting | None = None
    held: Record | None = None
    ours_at: float | None = None
    complaint: str = ""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def holder(self) -> str | None:
        return None if self.held is None else self.held.holder

    def due(self, now: float, seconds: float) -> bool:
        """Whether it is not known to be anybody's, or ours without a look for so many seconds."""
        return self.held is None and (self.ours_at is None or now - self.ours_at >= seconds)


class Claims:
    """`changed` is called when a namespace became ours or another's, `count` with how many are others'."""

    def __init__(
        self,
        api: Api,
        release: Release,
        namespaces: Collection[str],
        *,
        changed: Callable[[], None],
        count: Callable[[int], None],
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._leases = Leases(api, release, namespaces)
        self._me, self._named = release.identity, frozenset(namespaces)
        self._changed, self._count, self._clock = changed, count, clock
        self._places: dict[str, _Place] = {}

    @property
    def elsewhere(self) -> dict[str, str]:
        """Namespaces that others hold, and who."""
        return {name: record.holder for name, record in self.held.items()}

    @property
    def held(self) -> dict[str, Record]:
        """Namespaces that others hold, and what their Leases say."""
        return {name: place.held for name, place in self._places.items() if place.held is not None}

    async def settle(self, namespaces: Iterable[str]) -> None:
        """Take these for all that have objects, and know of each whose it is. Raises Unreachable."""
        wanted = self._named | set(namespaces)
        self._places = {name: self._places.get(name) or _Place() for name in sorted(wanted)}
        now = self._clock()
        await self._look_at([name for name, place in self._places.items() if place.due(now, LEASE_SECONDS)])
        self._count(len(self.elsewhere))

    async def is_ours(self, namespace: str) -> bool:
        """Whether we may write there now; a claim that has run out is renewed first. Raises Unreachable."""
        place = self._places.setdefault(namespace, _Place())
        if place.due(self._clock(), LEASE_SECONDS):
            await self._look_at([namespace])
        return place.held is None

    async def run(self) -> None:
        """Renew, and look out for what becomes free, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self.look()
            except Unreachable as error:
                logger.debug("claims were not renewed", extra={"error": str(error)})

    async def look(self) -> None:
        now = self._clock()
        await self._look_at(
            [name for name, place in self._places.items() if place.held or place.due(now, RENEW_SECONDS)]
        )
        self._count(len(self.elsewhere))

    async def _look_at(self, names: Collection[str]) -> None:
        if not names:
            return
        await self._leases.find_owner()
        await for_all(names, self._look_at_one)

    async def _look_at_one(self, name: str) -> None:
        place = self._places.get(name)
        if place is None:
            return
        async with place.lock:
            before = place.holder
            try:
                place.held = await self._claimed(name, place)
                place.complaint = ""
            except DeniedError as error:
                place.lease = None
                self._complain(name, place, error.message)
            place.ours_at = self._clock() if place.held is None else None
            self._tell(name, place.holder, before)

    async def _claimed(self, name: str, place: _Place) -> Record | None:
        """Return what the Lease of another release says that holds a namespace; None when it is ours now."""
        for _ in range(_TRIES):
            if place.lease is None or place.held is not None:
                place.lease = await self._leases.get(name)
                record = record_of(place.lease)
                place.sighting = sighted(place.sighting, record, self._clock())
                if holder(place.sighting) not in {None, self._me}:
                    return record
            before = place.lease
            place.lease = await (self._leases.renew(name, before) if before else self._leases.create(name))
            if place.lease is not None:
                return None
        raise Unreachable(f"the Lease of namespace {name} changes faster than it can be had")

    def _tell(self, name: str, now: str | None, before: str | None) -> None:
        if now == before:
            return
        if now is not None:
            logger.warning("%s", left_alone(name, now, self._me))
        else:
            logger.info("namespace %s, which release %s held, is ours now", name, before)
        self._changed()

    def _complain(self, name: str, place: _Place, why: str) -> None:
        if place.complaint != why:
            # a namespace that is being deleted is nothing to worry about
            level = logging.DEBUG if _TERMINATING in why else logging.WARNING
            logger.log(level, "namespace %s cannot be claimed; whoever served it goes on", name, extra={"error": why})
        place.complaint = why
