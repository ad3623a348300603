"""Events: what a user who runs `kubectl describe` is told when an edit is refused.

An Event is posted when a status says something new that is bad, not at every write of it. Losing one loses nothing: the
condition in the status says the same.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from tierway_operator.claims import left_alone
from tierway_operator.cluster.api import Api, DeniedError
from tierway_operator.store import Entry, Ref, Unreachable

logger = logging.getLogger(__name__)

CONTROLLER = "tierway.dev/operator"
HELD_BY_ANOTHER_RELEASE = "HeldByAnotherRelease"
_TOLD = ("Accepted", "ResolvedRefs")
_AT_ONCE = 8
_LONGEST_NOTE = 1024
_LONGEST_NAME = 200

Said = tuple[str, str, str]
"""Status, reason and message of a condition."""


class Announcer:
    def __init__(self, api: Api, instance: str) -> None:
        self._api = api
        self._instance = instance
        self._said: dict[str, dict[str, Said]] = {}
        self._left_alone: dict[str, str] = {}

    def remember(self, entries: Iterable[Entry]) -> None:
        """Take what the statuses of all objects say now for told."""
        self._said = {
            entry.manifest["metadata"]["uid"]: _conditions(entry.manifest.get("status") or {}) for entry in entries
        }

    async def status_written(self, ref: Ref, status: Mapping[str, Any]) -> None:
        before, now = self._said.get(ref.uid, {}), _conditions(status)
        self._said[ref.uid] = now
        for name in _TOLD:
            if name in now and now[name] != before.get(name) and now[name][0] == "False":
                await self.warn(ref, reason=now[name][1], note=now[name][2])

    async def left_alone(self, entries: Iterable[Entry], elsewhere: Mapping[str, str], release: str) -> None:
        """Tell once of each object that another release serves instead of `release`; again when it is yet another."""
        found = {_ref(each): elsewhere.get(each.manifest["metadata"]["namespace"]) for each in entries}
        held = {ref: holder for ref, holder in found.items() if holder is not None}
        told, self._left_alone = self._left_alone, {ref.uid: holder for ref, holder in held.items()}
        slots = asyncio.Semaphore(_AT_ONCE)

        async def one(ref: Ref, holder: str) -> None:
            async with slots:
                await self.warn(ref, HELD_BY_ANOTHER_RELEASE, left_alone(ref.namespace, holder, release))

        await asyncio.gather(*(one(ref, holder) for ref, holder in held.items() if told.get(ref.uid) != holder))

    async def warn(self, ref: Ref, reason: str, note: str) -> None:
        try:
            path = f"/apis/events.k8s.io/v1/namespaces/{ref.namespace}/events"
            await self._api.create(path, self._event(ref, reason, note))
        except (DeniedError, Unreachable) as error:
            told = {"object": f"{ref.namespace}/{ref.name}", "error": str(error)}
            logger.warning("an Event was not posted", extra=told)

    def _event(self, ref: Ref, reason: str, note: str) -> dict[str, Any]:
        return {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {"generateName": f"{ref.name[:_LONGEST_NAME]}-", "namespace": ref.namespace},
            "type": "Warning",
            "reason": reason,
            "note": note[:_LONGEST_NOTE],
            "action": "Reconcile",
            "eventTime": datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "reportingController": CONTROLLER,
            "reportingInstance": self._instance,
            "regarding": {
                "apiVersion": "tierway.dev/v1alpha1",
                "kind": ref.kind,
                "namespace": ref.namespace,
                "name": ref.name,
                "uid": ref.uid,
            },
        }


def _ref(entry: Entry) -> Ref:
    meta = entry.manifest["metadata"]
    return Ref(entry.manifest["kind"], meta["namespace"], meta["name"], meta["uid"])


def _conditions(status: Mapping[str, Any]) -> dict[str, Said]:
    return {
        condition["type"]: (condition["status"], condition.get("reason", ""), condition.get("message", ""))
        for condition in status.get("conditions") or ()
    }
