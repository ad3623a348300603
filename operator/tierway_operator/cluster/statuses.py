"""Writes of statuses: by server-side apply, and only on the very object that they are about.

`metadata.uid` alone does not see to that: a status subresource takes all metadata from the object that is there (seen
on 1.37), so a status of a deleted object would land on its namesake. A resource version is checked, and belongs to one
object: each write carries the last one known, and a conflict is settled by a look at who has the name now.
"""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from tierway_operator.cluster.announcing import Announcer
from tierway_operator.cluster.api import Api, DeniedError
from tierway_operator.cluster.world import GROUP_PATH, PLURALS
from tierway_operator.store import Entry, Ref, StatusRefused, Unreachable

MANAGER = "tierway"
"""Of every release: one that takes a namespace over removes what the one before wrote, as if it had been itself."""

_TRIES = 5


class Statuses:
    def __init__(self, api: Api, announcer: Announcer) -> None:
        self._api = api
        self._announcer = announcer
        self._versions: dict[str, str] = {}

    def listed(self, entries: Iterable[Entry]) -> None:
        """Take these for all objects that there are."""
        found = list(entries)
        self._announcer.remember(found)
        metadata = [entry.manifest["metadata"] for entry in found]
        self._versions = {each["uid"]: each["resourceVersion"] for each in metadata}

    async def write(self, ref: Ref, status: Mapping[str, Any]) -> None:
        """See `Store.write_status`."""
        for _ in range(_TRIES):
            version = self._versions.get(ref.uid) or await self._version(ref)
            if version is None:
                return
            try:
                answer = await self._api.apply(f"{_path(ref)}/{ref.name}/status", _body(ref, version, status), MANAGER)
            except DeniedError as error:
                self._versions.pop(ref.uid, None)
                await self._denied(ref, error)
            else:
                self._versions[ref.uid] = answer["metadata"]["resourceVersion"]
                await self._announcer.status_written(ref, status)
                return
        raise Unreachable(f"{ref.namespace}/{ref.name} changes faster than its status can be written")

    async def _version(self, ref: Ref) -> str | None:
        """Return the object's present version; None when it is gone, whoever has its name now."""
        try:
            # by LIST, which the operator may do anyway
            answer = await self._api.get(_path(ref), {"fieldSelector": f"metadata.name={ref.name}"})
        except DeniedError as error:
            raise Unreachable(str(error)) from error
        found = [item["metadata"] for item in answer.get("items") or ()]
        return next((str(each["resourceVersion"]) for each in found if each["uid"] == ref.uid), None)

    async def _denied(self, ref: Ref, error: DeniedError) -> None:
        """Raise what a new try cannot heal."""
        if error.status in {HTTPStatus.CONFLICT, HTTPStatus.NOT_FOUND} or "metadata.uid" in error.fields:
            return
        if error.status != HTTPStatus.UNPROCESSABLE_ENTITY:
            raise Unreachable(str(error)) from error
        await self._announcer.warn(ref, reason="StatusRefused", note=error.message)
        raise StatusRefused(error.message) from error


def _path(ref: Ref) -> str:
    return f"{GROUP_PATH}/namespaces/{ref.namespace}/{PLURALS[ref.kind]}"


def _body(ref: Ref, version: str, status: Mapping[str, Any]) -> dict[str, Any]:
    identity = {"name": ref.name, "namespace": ref.namespace, "uid": ref.uid, "resourceVersion": version}
    return {"apiVersion": "tierway.dev/v1alpha1", "kind": ref.kind, "metadata": identity, "status": status}
