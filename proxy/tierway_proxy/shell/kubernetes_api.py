"""The Kubernetes API as this proxy uses it: GET, WATCH and one POST of raw JSON, nothing typed, nothing written.

Imported in cluster mode only, and of the client package only what carries credentials: its typed APIs would cost every
proxy another 20 MiB.
"""

import json
import os
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from http import HTTPStatus
from time import monotonic
from typing import Any

import aiohttp
from kubernetes.aio import config
from kubernetes.aio.client.api_client import ApiClient
from kubernetes.aio.client.configuration import Configuration

JSON = dict[str, Any]

WATCH_SECONDS = 60
SILENCE_SECONDS = 70.0
_CONNECT_SECONDS = 3
_GET_TIMEOUT = aiohttp.ClientTimeout(total=15, sock_connect=_CONNECT_SECONDS)
_CREDENTIALS_SECONDS = 60


class ApiError(Exception):
    """The API answered, and the answer was no. `status` is HTTP's, also of an error inside a watch."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


UNUSABLE = (ApiError, aiohttp.ClientError, OSError, TimeoutError, ValueError, KeyError, config.ConfigException)
"""Whatever GET and WATCH raise: a no, no answer, half of one, one that is not Kubernetes's, a half-written token."""


class KubernetesApi:
    """The server ends a watch every WATCH_SECONDS; one that is silent for `silence` seconds is stuck, and given up."""

    def __init__(self, client: ApiClient, silence: float = SILENCE_SECONDS) -> None:
        self._client = client
        self._watch_timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS, sock_read=silence)

    async def get(self, path: str, query: Mapping[str, str | int]) -> JSON:
        response = await self._send("GET", path, query, _GET_TIMEOUT)
        return _object(await response.read())

    async def post(self, path: str, body: JSON) -> JSON:
        """Ask what is asked by a POST and stored nowhere: a review."""
        response = await self._send("POST", path, {}, _GET_TIMEOUT, body)
        return _object(await response.read())

    async def watch(self, path: str, query: Mapping[str, str | int], version: str) -> AsyncGenerator[JSON, None]:
        """Yield events until the server ends the watch."""
        following: dict[str, str | int] = {**query, "watch": "true", "resourceVersion": version}
        following |= {"allowWatchBookmarks": "true", "timeoutSeconds": WATCH_SECONDS}
        response = await self._send("GET", path, following, self._watch_timeout)
        try:
            async for line in response.content:
                event = _object(line)
                if event.get("type") == "ERROR":
                    status = event.get("object", {})
                    raise ApiError(int(status.get("code", 500)), str(status.get("message", "")))
                yield event
        finally:
            response.close()

    async def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str | int],
        limits: aiohttp.ClientTimeout,
        body: JSON | None = None,
    ) -> Any:
        request = await self._client.param_serialize(
            method,
            path,
            query_params=list(query.items()),
            header_params={} if body is None else {"Content-Type": "application/json"},
            body=body,
            auth_settings=["BearerToken"],
        )
        answer = await self._client.call_api(*request, _request_timeout=limits)
        response: aiohttp.ClientResponse = answer.response
        if response.status not in {HTTPStatus.OK, HTTPStatus.CREATED}:
            raise ApiError(response.status, _reason(await response.read()))
        return response


async def configuration() -> Configuration:
    """Address and credentials: the pod's own, or those of the file that KUBECONFIG names."""
    found = Configuration()
    path = os.environ.get("KUBECONFIG")
    if path is None:
        # it reads the token file again each minute
        config.load_incluster_config(client_configuration=found)  # type: ignore[no-untyped-call]
        return found
    loader = await config.load_kube_config(  # type: ignore[no-untyped-call]
        config_file=path, client_configuration=found
    )
    loaded = monotonic()

    async def reload(current: Configuration) -> None:
        nonlocal loaded
        if monotonic() - loaded > _CREDENTIALS_SECONDS:
            loaded = monotonic()
            await loader.load_and_set(current)

    found.refresh_api_key_hook = reload  # type: ignore[assignment]  # declared by its default alone
    return found


def _object(text: bytes) -> JSON:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise aiohttp.ClientPayloadError(f"not JSON: {error}") from error
    if not isinstance(value, dict):
        raise aiohttp.ClientPayloadError("no JSON object")
    return value


def _reason(text: bytes) -> str:
    with suppress(aiohttp.ClientPayloadError):
        return str(_object(text).get("message", ""))
    return text[:200].decode(errors="replace")
