"""A collection of Kubernetes objects, followed: listed, then watched, and listed again after anything unexpected.

A list is the whole truth, also about what was deleted while nobody watched; a watch only makes it quick. So every
error, a version that is too old (410) and a watch that ends at once all lead back to a list, soon and with jitter.
"""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from random import uniform
from time import monotonic
from typing import Protocol

from tierway_proxy.shell.kubernetes_api import JSON, UNUSABLE, KubernetesApi

logger = logging.getLogger(__name__)

LONGEST_PAUSE_SECONDS = 2.0
_SHORTEST_PAUSE_SECONDS = 0.1
_SHORT_WATCH_SECONDS = 1.0


class Follower(Protocol):
    """Whoever keeps up with the collection."""

    async def listed(self, objects: list[JSON]) -> None:
        """Take these for all that there are."""

    async def changed(self, found: JSON) -> None:
        """Take this one as new or newer."""

    async def deleted(self, found: JSON) -> None:
        """Let go of this one."""

    def unreachable(self) -> None:
        """Do without for now; called at every failed attempt."""


@dataclass
class Pauses:
    """Doubling pauses between attempts, each shortened at random so that proxies do not return in step."""

    failures: int = field(default=0)

    def following(self) -> float:
        """Seconds to wait after one more failure."""
        longest: float = min(LONGEST_PAUSE_SECONDS, _SHORTEST_PAUSE_SECONDS * 2**self.failures)
        self.failures = min(self.failures + 1, 8)
        return uniform(longest / 2, longest)  # noqa: S311  # no secret hangs on it


async def follow(api: KubernetesApi, path: str, query: Mapping[str, str | int], follower: Follower) -> None:
    """Keep `follower` in step with the collection until cancelled."""
    pauses = Pauses()
    while True:
        try:
            answer = await api.get(path, query)
            await follower.listed(answer.get("items", []))
            if pauses.failures:
                logger.info("the Kubernetes API answers again", extra={"path": path})
            pauses.failures = 0
            await _watch(api, path, query, follower, answer["metadata"]["resourceVersion"])
        except UNUSABLE as error:
            if not pauses.failures:
                logger.warning("lost the Kubernetes API", extra={"path": path, "error": repr(error)})
            follower.unreachable()
            await asyncio.sleep(pauses.following())


async def _watch(
    api: KubernetesApi, path: str, query: Mapping[str, str | int], follower: Follower, version: str
) -> None:
    """Watch on and on from a version; return when a list is due."""
    while True:
        started = monotonic()
        async with aclosing(api.watch(path, query, version)) as events:
            async for event in events:
                found = event["object"]
                version = found["metadata"]["resourceVersion"]
                if event["type"] == "DELETED":
                    await follower.deleted(found)
                elif event["type"] != "BOOKMARK":
                    await follower.changed(found)
        if monotonic() - started < _SHORT_WATCH_SECONDS:
            raise TimeoutError("the watch ended at once")
