"""Requests to the API server and the three ways in which they end: an answer, a no, and silence.

Raw JSON on both sides: objects of ours have no typed client, and a second form of everything else would gain nothing.
"""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import aiohttp
from kubernetes.aio import config
from kubernetes.aio.client.api_client import ApiClient

from tierway_operator.store import Unreachable

JSON = dict[str, Any]

_SECONDS = 15
_FIRST_ERROR = 400
_NOT_FOUND = 404
_TRY_LATER = 429
_INVALID = 422
_SERVER_ERROR = 500
# what an apply with a field that the schema does not have is answered, beside status 500
_SCHEMA_MISMATCH = "failed to create typed patch object"


class DeniedError(Exception):
    """The API server understood and said no. `fields`: those that it names as the cause."""

    def __init__(self, status: int, message: str, fields: tuple[str, ...] = ()) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status
        self.message = message
        self.fields = fields


class Api:
    """Every method raises DeniedError for 4xx, Unreachable when there is no answer or only a promise of a later one."""

    def __init__(self, client: ApiClient, field_manager: str) -> None:
        self._client = client
        self._field_manager = field_manager

    async def get(self, path: str, query: Mapping[str, str] | None = None) -> JSON:
        return await self._call("GET", path, query=query)

    async def versions(self, path: str, query: Mapping[str, str]) -> dict[str, str]:
        """Resource versions by name: metadata alone is sent, so that a look at Secrets carries no secret."""
        accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
        answer = await self._call("GET", path, query=query, headers={"Accept": accept})
        return {item["metadata"]["name"]: item["metadata"]["resourceVersion"] for item in answer.get("items") or ()}

    async def version(self, path: str) -> dict[str, str]:
        """Resource version by name, as `versions`, of one object; nothing when it is not there."""
        accept = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
        try:
            answer = await self._call("GET", path, query={"resourceVersion": "0"}, headers={"Accept": accept})
        except DeniedError as error:
            if error.status == _NOT_FOUND:
                return {}
            raise
        return {answer["metadata"]["name"]: answer["metadata"]["resourceVersion"]}

    async def apply(self, path: str, body: Mapping[str, Any], field_manager: str | None = None) -> JSON:
        """Server-side apply: what this field manager wrote before and does not write now is removed."""
        query = {"fieldManager": field_manager or self._field_manager, "force": "true"}
        headers = {"Content-Type": "application/apply-patch+yaml"}  # JSON is YAML
        return await self._call("PATCH", path, query=query, headers=headers, body=body)

    async def create(self, path: str, body: Mapping[str, Any]) -> JSON:
        return await self._call("POST", path, body=body)

    async def merge(self, path: str, body: Mapping[str, Any]) -> JSON:
        """Change these fields; with a resource version in it, only of the object that has it still."""
        query, headers = {"fieldManager": self._field_manager}, {"Content-Type": "application/merge-patch+json"}
        return await self._call("PATCH", path, query=query, headers=headers, body=body)

    async def delete(self, path: str) -> None:
        await self._call("DELETE", path)

    async def _call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> JSON:
        try:
            async with asyncio.timeout(_SECONDS):
                request = await self._client.param_serialize(
                    method,
                    path,
                    query_params=list((query or {}).items()),
                    header_params=dict(headers or {}),
                    body=body,
                    auth_settings=["BearerToken"],
                )
                answer = await self._client.call_api(*request)
                text: bytes = await answer.response.read()
        except (aiohttp.ClientError, OSError, TimeoutError, config.ConfigException) as error:
            raise Unreachable(f"{method} {path}: {error!r}") from error
        return _understood(f"{method} {path}", answer.status, text)


def _understood(request: str, status: int, text: bytes) -> JSON:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Unreachable(f"{request}: {status} without a JSON object")
    if status < _FIRST_ERROR:
        return found
    message = f"{request}: {found.get('message', '')}"
    if _SCHEMA_MISMATCH in message:
        raise DeniedError(_INVALID, message)
    if status >= _SERVER_ERROR or status == _TRY_LATER:
        raise Unreachable(f"{status}: {message}")
    causes = (found.get("details") or {}).get("causes") or ()
    raise DeniedError(status, message, tuple(str(cause.get("field", "")) for cause in causes))
