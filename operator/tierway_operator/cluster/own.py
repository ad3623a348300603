"""The release's own objects: read by name, written by server-side apply, owned by the operator's ServiceAccount.

The owner makes an uninstall take them along. It is who the API server says that we are, so nothing has to be
configured; a person who runs the operator from a laptop owns nothing, and what is written then stays until someone
deletes it.
"""

import logging
from collections.abc import Mapping
from typing import Any

from tierway_operator.cluster.api import JSON, Api, DeniedError
from tierway_operator.cluster.names import Release
from tierway_operator.store import Unreachable

logger = logging.getLogger(__name__)

_NOT_FOUND = 404
_PLURALS = {"ConfigMap": "configmaps", "Secret": "secrets"}


class OwnObjects:
    """Every method raises Unreachable and nothing else: without its own objects a release has nothing to go by."""

    def __init__(self, api: Api, release: Release) -> None:
        self._api = api
        self._release = release
        self._owners: list[JSON] | None = None

    async def get(self, kind: str, name: str) -> JSON | None:
        try:
            return await self._api.get(self._path(kind, name))
        except DeniedError as error:
            if error.status == _NOT_FOUND:
                return None
            raise self._unreachable(error) from error

    async def find(self, kind: str, selector: str) -> list[JSON]:
        try:
            answer = await self._api.get(self._path(kind), {"labelSelector": selector})
        except DeniedError as error:
            raise self._unreachable(error) from error
        return list(answer.get("items") or ())

    async def apply(
        self, kind: str, name: str, body: Mapping[str, Any], marks: Mapping[str, Any] | None = None
    ) -> None:
        """Write the whole object; `marks`: its labels and annotations."""
        metadata = {"name": name, "namespace": self._release.namespace, **(marks or {})}
        metadata["ownerReferences"] = await self._owner_references()
        try:
            await self._api.apply(
                self._path(kind, name), {"apiVersion": "v1", "kind": kind, "metadata": metadata, **body}
            )
        except DeniedError as error:
            raise self._unreachable(error) from error

    async def is_owned(self, found: Mapping[str, Any]) -> bool:
        """Whether it is owned by our ServiceAccount of now, and not by that of an installation before.

        Else it must be written anew: the garbage collector comes seconds after an uninstall. Who owns nothing takes
        nothing over.
        """
        owners = await self._owner_references()
        named = {each["uid"] for each in found["metadata"].get("ownerReferences") or ()}
        return {each["uid"] for each in owners} <= named

    async def delete(self, kind: str, name: str) -> None:
        try:
            await self._api.delete(self._path(kind, name))
        except DeniedError as error:
            if error.status != _NOT_FOUND:
                raise self._unreachable(error) from error

    async def _owner_references(self) -> list[JSON]:
        if self._owners is None:
            self._owners = await self._find_owners()
        return self._owners

    async def _find_owners(self) -> list[JSON]:
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        try:
            answer = await self._api.create("/apis/authentication.k8s.io/v1/selfsubjectreviews", review)
        except DeniedError as error:
            raise Unreachable(str(error)) from error
        user = answer["status"]["userInfo"]
        name = user["username"].removeprefix(f"system:serviceaccount:{self._release.namespace}:")
        # an owner in another namespace would make the garbage collector delete what it is said to own
        if name == user["username"] or not user.get("uid"):
            logger.warning(
                "not a ServiceAccount of the release: an uninstall leaves tables behind", extra={"user": name}
            )
            return []
        return [{"apiVersion": "v1", "kind": "ServiceAccount", "name": name, "uid": user["uid"]}]

    def _unreachable(self, error: DeniedError) -> Unreachable:
        """A no to something of our own: perhaps we are not any more who we were, and so is the owner another."""
        self._owners = None
        return Unreachable(str(error))

    def _path(self, kind: str, name: str = "") -> str:
        collection = f"/api/v1/namespaces/{self._release.namespace}/{_PLURALS[kind]}"
        return f"{collection}/{name}" if name else collection
