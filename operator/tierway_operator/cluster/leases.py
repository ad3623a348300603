"""The Lease by which a release holds a namespace: read, made, renewed.

The role that lets the operator do that owns it, so that an uninstall takes it along at once. Whoever runs the operator
by hand has no such role: what is made then ends by its time, and stays as an empty shell.
"""

import logging
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from tierway_operator.claims import LEASE_SECONDS
from tierway_operator.cluster.api import JSON, Api, DeniedError
from tierway_operator.cluster.names import Release
from tierway_operator.store import Unreachable

logger = logging.getLogger(__name__)

NAME = "tierway"

_RBAC = "/apis/rbac.authorization.k8s.io/v1"
_LOST_A_RACE = {HTTPStatus.CONFLICT, HTTPStatus.NOT_FOUND}


class Leases:
    """`namespaces`: those served; for a single one the owner is a Role there, else a ClusterRole.

    Methods raise DeniedError and Unreachable as `Api` does.
    """

    def __init__(self, api: Api, release: Release, namespaces: Collection[str]) -> None:
        self._api = api
        self._release = release
        self._single = next(iter(namespaces)) if len(namespaces) == 1 else None
        self._owners: list[JSON] | None = None

    async def get(self, namespace: str) -> JSON | None:
        try:
            return await self._api.get(_path(namespace, NAME))
        except DeniedError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise

    async def create(self, namespace: str) -> JSON | None:
        """Return the new Lease; None when somebody was faster."""
        body = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": NAME, "namespace": namespace, "ownerReferences": self._owners or []},
            "spec": self._spec({}),
        }
        try:
            return await self._api.create(_path(namespace), body)
        except DeniedError as error:
            if error.status == HTTPStatus.CONFLICT:
                return None
            raise

    async def renew(self, namespace: str, lease: Mapping[str, Any]) -> JSON | None:
        """Make it ours, or ours for longer; None when it is not any more what `lease` shows."""
        body = {
            "metadata": {
                "resourceVersion": lease["metadata"]["resourceVersion"],
                "ownerReferences": self._owners or [],
            },
            "spec": self._spec(lease.get("spec") or {}),
        }
        try:
            return await self._api.merge(_path(namespace, NAME), body)
        except DeniedError as error:
            if error.status in _LOST_A_RACE:
                return None
            raise

    async def find_owner(self) -> None:
        """Learn who owns what is written next. Raises Unreachable when there was an owner and is none: an uninstall."""
        kind = "Role" if self._single else "ClusterRole"
        where = f"/namespaces/{self._single}/roles" if self._single else "/clusterroles"
        try:
            found = await self._api.get(f"{_RBAC}{where}/{self._release.role}")
        except DeniedError as error:
            if self._owners:
                raise Unreachable(str(error)) from error
            if self._owners is None:
                logger.warning("%s is not there: an uninstall leaves Leases behind", kind, extra={"error": str(error)})
            self._owners = []
            return
        owner = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "name": self._release.role}
        self._owners = [{**owner, "uid": found["metadata"]["uid"]}]

    def _spec(self, before: Mapping[str, Any]) -> JSON:
        now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        renewed = {
            "holderIdentity": self._release.identity,
            "leaseDurationSeconds": int(LEASE_SECONDS),
            "renewTime": now,
        }
        if before.get("holderIdentity") == self._release.identity:
            return renewed
        changes = int(before.get("leaseTransitions") or 0) + 1 if before else 0
        return {**renewed, "acquireTime": now, "leaseTransitions": changes}


def _path(namespace: str, name: str = "") -> str:
    collection = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
    return f"{collection}/{name}" if name else collection
