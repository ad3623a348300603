"""When to look again: events of the two kinds, and a look at what sends none.

The signal says that something changed and never what: the loop lists. Events come from kopf, which runs in a thread of
its own; labelled Secrets, the ConfigMaps that objects name, and the proxies' addresses are looked at every few seconds,
by metadata alone, because watching them would take a watch for each namespace, or the right to watch all Secrets.
"""

import asyncio
import logging
from collections.abc import Awaitable, Collection, Mapping
from typing import Any

from tierway_operator.cluster.api import Api, DeniedError
from tierway_operator.cluster.names import Release
from tierway_operator.cluster.world import CREDENTIALS
from tierway_operator.store import Unreachable

logger = logging.getLogger(__name__)

LOOK_SECONDS = 5.0

Signature = tuple[Any, ...]


class Changes:
    """`namespaces`: those served, none means all. Where several are, all are watched; what is in others is no news."""

    def __init__(self, namespaces: Collection[str] = ()) -> None:
        self._namespaces = frozenset(namespaces)
        self._loop = asyncio.get_running_loop()
        self._pending = asyncio.Event()
        self._seen: dict[str, Signature] = {}

    def mark(self) -> None:
        """Something changed; callable from any thread."""
        self._loop.call_soon_threadsafe(self._pending.set)

    def saw(self, event_type: str | None, manifest: Mapping[str, Any]) -> None:
        """Take an event of either kind; one that only brings our own status back is no news.

        Without a type it comes of a list, with which a watch begins, also after a gap: what was deleted in the gap
        brings no event, so the list itself is news.
        """
        metadata = manifest["metadata"]
        if self._namespaces and metadata["namespace"] not in self._namespaces:
            return
        signature = (metadata.get("generation"), metadata.get("deletionTimestamp"), metadata.get("labels"))
        if event_type == "DELETED":
            self._seen.pop(metadata["uid"], None)
        elif event_type is not None and self._seen.get(metadata["uid"]) == signature:
            return
        else:
            self._seen[metadata["uid"]] = signature
        self.mark()

    def listed(self, uids: Collection[str]) -> None:
        """Forget all objects but these: of what was deleted while no watch was open no event came."""
        for uid in list(self._seen):  # a copy: events come from another thread meanwhile
            if uid not in uids:
                self._seen.pop(uid, None)

    async def wait(self) -> None:
        """Return when there is something new since the last return."""
        await self._pending.wait()
        self._pending.clear()


class Lookout:
    """Marks a change when an EndpointSlice of the proxies, a labelled Secret or a ConfigMap has another version.

    `namespaces`: those that have tiers; `config_maps`: (namespace, name) of those that tiers and policies name.
    """

    def __init__(self, api: Api, release: Release, changes: Changes) -> None:
        self._api = api
        self._release = release
        self._changes = changes
        self._last: dict[str, dict[str, str]] = {}
        self.namespaces: Collection[str] = ()
        self.config_maps: Collection[tuple[str, str]] = ()

    async def run(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await self.look()

    async def look(self) -> None:
        slices = f"/apis/discovery.k8s.io/v1/namespaces/{self._release.namespace}/endpointslices"
        await self._compare(slices, self._listed(slices, {"labelSelector": self._release.slices}))
        for namespace in self.namespaces:
            path = f"/api/v1/namespaces/{namespace}/secrets"
            await self._compare(path, self._listed(path, CREDENTIALS))
        for namespace, name in self.config_maps:
            path = f"/api/v1/namespaces/{namespace}/configmaps/{name}"
            await self._compare(path, self._api.version(path))

    def _listed(self, path: str, query: Mapping[str, str]) -> Awaitable[dict[str, str]]:
        # version "0": from the API server's memory, which costs it almost nothing
        return self._api.versions(path, {**query, "resourceVersion": "0"})

    async def _compare(self, path: str, look: Awaitable[dict[str, str]]) -> None:
        try:
            versions = await look
        except (DeniedError, Unreachable) as error:
            logger.debug("cannot look", extra={"path": path, "error": str(error)})
            return
        # the first look at a place marks too: what came between the last LIST and it would be news to nobody
        if self._last.get(path) != versions:
            self._last[path] = versions
            self._changes.mark()
