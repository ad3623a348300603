"""Everything that a compile needs, read by LIST: the two kinds, and what they point at.

The kinds are read over the whole cluster and filtered here, so that one lost RoleBinding does not stop all tenants; a
release that watches a single namespace reads that one, and needs no ClusterRole for it. Secrets are read where tiers
are, and only labelled ones; ConfigMaps only by the names that tiers and policies give.
"""

from base64 import b64decode
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from typing import TypeVar

from tierway_operator.at_once import for_all
from tierway_operator.cluster.api import JSON, Api, DeniedError
from tierway_operator.store import (
    CREDENTIAL_LABEL,
    MODEL_LABEL,
    ConfigMaps,
    Entry,
    Kind,
    Listing,
    Secret,
    Secrets,
    Unreachable,
    ca_bundle_refs,
    model_refs,
)

PLURALS: dict[Kind, str] = {"ModelTier": "modeltiers", "RoutingPolicy": "routingpolicies"}
GROUP_PATH = "/apis/tierway.dev/v1alpha1"
CREDENTIALS = {"labelSelector": f"{CREDENTIAL_LABEL}=true"}

_NOT_FOUND = 404

Key = TypeVar("Key")


class Reader:
    """`namespaces`: those that this release serves; none means all."""

    def __init__(self, api: Api, namespaces: Collection[str]) -> None:
        self._api = api
        self._namespaces = frozenset(namespaces)

    async def objects(self, kind: Kind) -> Listing:
        inside = f"/namespaces/{next(iter(self._namespaces))}" if len(self._namespaces) == 1 else ""
        try:
            answer = await self._api.get(f"{GROUP_PATH}{inside}/{PLURALS[kind]}")
        except (DeniedError, Unreachable) as error:
            return Listing(error=str(error))
        return Listing(tuple(Entry(item) for item in answer.get("items") or () if self._ours(item)))

    async def secrets(self, namespaces: Iterable[str]) -> Secrets:
        """Return the labelled Secrets of these namespaces."""
        paths = {name: f"/api/v1/namespaces/{name}/secrets" for name in namespaces}
        answers = await _each(paths, lambda path: self._api.get(path, CREDENTIALS))
        found = [
            _secret(namespace, item)
            for namespace, answer in answers.items()
            if isinstance(answer, dict)
            for item in answer.get("items") or ()
        ]
        return Secrets(
            tuple(found), {name: str(error) for name, error in answers.items() if isinstance(error, Exception)}
        )

    async def config_maps(self, tiers: Iterable[Entry], policies: Iterable[Entry]) -> ConfigMaps:
        """Return the ConfigMaps that these tiers and policies name."""
        wanted = ca_bundle_refs(tiers) | model_refs(policies)
        paths = {ref: f"/api/v1/namespaces/{ref[0]}/configmaps/{ref[1]}" for ref in wanted}
        answers = await _each(paths, self._api.get)
        found = {ref: answer for ref, answer in answers.items() if isinstance(answer, dict)}
        return ConfigMaps(
            {ref: answer.get("data") or {} for ref, answer in found.items()},
            {ref: str(error) for ref, error in answers.items() if isinstance(error, Exception) and not _absent(error)},
            {
                ref
                for ref, answer in found.items()
                if (answer["metadata"].get("labels") or {}).get(MODEL_LABEL) == "true"
            },
        )

    def _ours(self, item: JSON) -> bool:
        return not self._namespaces or item["metadata"]["namespace"] in self._namespaces


def decoded(secret: JSON) -> dict[str, str]:
    """Return a Secret's data as text; bytes that are no UTF-8 cannot be a key in a header and show as such."""
    data = secret.get("data") or {}
    return {name: b64decode(value or "").decode(errors="replace") for name, value in data.items()}


def _secret(namespace: str, item: JSON) -> Secret:
    metadata = item["metadata"]
    return Secret(namespace, metadata["name"], metadata.get("annotations") or {}, decoded(item))


def _absent(error: Exception) -> bool:
    return isinstance(error, DeniedError) and error.status == _NOT_FOUND


async def _each(paths: Mapping[Key, str], ask: Callable[[str], Awaitable[JSON]]) -> dict[Key, JSON | Exception]:
    """Ask for all; an error is an answer too."""

    async def one(key: Key) -> tuple[Key, JSON | Exception]:
        try:
            return key, await ask(paths[key])
        except (DeniedError, Unreachable) as error:
            return key, error

    return dict(await for_all(paths, one))
