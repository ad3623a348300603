"""Callers' keys in a cluster: the API server's word on tokens, and the Secret of static keys, followed by its name.

Imported in cluster mode only, as all that talks to the Kubernetes API.
"""

import asyncio
import logging
from base64 import b64decode
from time import monotonic
from typing import Any

from kubernetes.aio.client.api_client import ApiClient

from tierway_proxy.core.caller import Caller, of_user
from tierway_proxy.core.static_keys import SHORTEST, StaticKeys
from tierway_proxy.shell.authentication.gate import Gate
from tierway_proxy.shell.authentication.questions import ReviewError
from tierway_proxy.shell.follow import follow
from tierway_proxy.shell.kubernetes_api import JSON, UNUSABLE, KubernetesApi, configuration

logger = logging.getLogger(__name__)

_TELL_SECONDS = 1.0
_PATH = "/apis/authentication.k8s.io/v1/tokenreviews"
_REFUSED = "The Kubernetes API does not accept this token: its pod or ServiceAccount is gone, or it is not one of here."
_NO_VERDICT = "what answered for the Kubernetes API gave no verdict"
_WHOSE = "This token is no ServiceAccount's."


async def connect(gate: Gate, namespace: str, keys_secret: str | None) -> None:
    """Let the gate ask the API server, and keep its static keys in step with their Secret, until cancelled."""
    async with ApiClient(await configuration()) as client:
        api = KubernetesApi(client)
        gate.reviewer = TokenReviews(api, gate.audience).review
        if keys_secret is not None:
            path, query = f"/api/v1/namespaces/{namespace}/secrets", {"fieldSelector": f"metadata.name={keys_secret}"}
            await follow(api, path, query, _Keys(gate, keys_secret))
        else:
            await asyncio.Event().wait()


class TokenReviews:
    def __init__(self, api: KubernetesApi, audience: str) -> None:
        self._api, self._audience = api, audience
        self._told_at, self._untold = float("-inf"), 0

    async def review(self, token: str) -> Caller | str:
        """Whose token this is, or why it is nobody's. Raises ReviewError."""
        review = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenReview",
            "spec": {"token": token, "audiences": [self._audience]},
        }
        try:
            status = (await self._api.post(_PATH, review)).get("status")
        except UNUSABLE as error:
            raise ReviewError(str(error) or repr(error)) from error
        if not isinstance(status, dict):
            raise ReviewError(_NO_VERDICT)
        return self._verdict(status)

    def _verdict(self, status: dict[str, Any]) -> Caller | str:
        if not status.get("authenticated"):
            self._tell(str(status.get("error", ""))[:500])
            return _REFUSED
        audiences, user = status.get("audiences") or [], status.get("user") or {}
        if not isinstance(audiences, list) or not isinstance(user, dict):
            raise ReviewError(_NO_VERDICT)
        if self._audience not in audiences:
            # an authenticator that knows no audiences says yes to tokens made for anybody
            return f"The Kubernetes API does not say that this token was made for {self._audience!r}."
        return of_user(str(user.get("username"))) or _WHOSE

    def _tell(self, error: str) -> None:
        """The last one's error, at most once a second: whoever sends forged tokens must not fill the log."""
        self._untold += 1
        now = monotonic()
        if now - self._told_at >= _TELL_SECONDS:
            logger.info("callers' tokens were refused", extra={"refused": self._untold, "error": error})
            self._told_at, self._untold = now, 0


class _Keys:
    """What becomes of the Secret: without it there is no static key."""

    def __init__(self, gate: Gate, name: str) -> None:
        self._gate, self._name = gate, name

    async def listed(self, objects: list[JSON]) -> None:
        if not objects:
            logger.warning("the Secret of callers' keys does not exist", extra={"secret": self._name})
            self._gate.take_keys(StaticKeys({}))
        for found in objects:
            await self.changed(found)

    async def changed(self, found: JSON) -> None:
        data = found.get("data") or {}
        keys, unusable = StaticKeys.of({name: _text(b64decode(value)) for name, value in data.items()})
        if unusable:
            logger.warning(
                "keys of callers that are too short, no text, or named as metrics name all others, are not taken",
                extra={"secret": self._name, "callers": unusable, "least_characters": SHORTEST},
            )
        self._gate.take_keys(keys)
        logger.info("callers' keys loaded", extra={"secret": self._name, "callers": len(keys.digests)})

    async def deleted(self, _: JSON) -> None:
        await self.listed([])

    def unreachable(self) -> None:
        """The keys stay: whoever had one keeps it while the API server is away."""


def _text(key: bytes) -> str:
    """Empty for what is none: no header carries it, and with its faults replaced it would be easier to guess."""
    try:
        return key.decode()
    except UnicodeDecodeError:
        return ""
