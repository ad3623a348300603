"""Events: what a user who runs `kubectl describe` is told when an edit is refused.

An Event is posted when a status says something new that is bad, not at every write of it. Losing one loses nothing: the
condition in the status says the same.
"""

import logging
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from tierway_operator.cluster.api import Api, DeniedError
from tierway_operator.store import Entry, Ref, Unreachable

logger = logging.getLogger(__name__)

CONTROLLER = "tierway.dev/operator"
_TOLD = ("Accepted", "ResolvedRefs")
_LONGEST_NOTE = 1024
_LONGEST_NAME = 200

Said = tuple[str, str, str]
"""Status, reason and message of a condition."""


class Announcer:
    def __init__(self, api: Api, instance: str) -> None:
        self._api = api
        self._instance = instance
        self._said: dict[str, dict[str, Said]] = {}

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


def _conditions(status: Mapping[str, Any]) -> dict[str, Said]:
    return {
        condition["type"]: (condition["status"], condition.get("reason", ""), condition.get("message", ""))
        for condition in status.get("conditions") or ()
    }
