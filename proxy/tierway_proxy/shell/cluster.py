"""Tables from the Kubernetes API: the ConfigMaps of the release, and its one Secret of provider keys.

Read-only, and never on the request path. What can be read here is what the chart's Role of the proxies allows:
ConfigMaps of the release's namespace, and that Secret by name.
"""

import asyncio
import logging
from base64 import b64decode

from kubernetes.aio.client.api_client import ApiClient

from tierway_proxy.shell.follow import follow
from tierway_proxy.shell.kubernetes_api import JSON, ApiError, KubernetesApi, configuration
from tierway_proxy.shell.reading import credentials
from tierway_proxy.shell.tables import Tables

logger = logging.getLogger(__name__)

RELEASE_LABEL = "tierway.dev/release"


class ClusterSource:
    """`release` and `namespace`: whose ConfigMaps and Secret, and where they are."""

    def __init__(self, release: str, namespace: str, tables: Tables) -> None:
        self._maps = f"/api/v1/namespaces/{namespace}/configmaps"
        self._secrets = f"/api/v1/namespaces/{namespace}/secrets"
        self._release = release
        self._tables = tables

    async def run(self) -> None:
        """Keep the tables in step with the API until cancelled."""
        async with ApiClient(await configuration()) as client:
            api = KubernetesApi(client)
            keys = _Keys(api, f"{self._secrets}/{self._release}-keys", self._tables)
            maps = _Maps(keys, self._tables)
            async with asyncio.TaskGroup() as both:
                secret = {"fieldSelector": f"metadata.name={self._release}-keys"}
                both.create_task(follow(api, self._secrets, secret, keys))
                both.create_task(follow(api, self._maps, {"labelSelector": f"{RELEASE_LABEL}={self._release}"}, maps))


class _Keys:
    def __init__(self, api: KubernetesApi, path: str, tables: Tables) -> None:
        self._api = api
        self._path = path
        self._tables = tables

    async def listed(self, objects: list[JSON]) -> None:
        for found in objects:  # one or none
            await self.changed(found)

    async def changed(self, found: JSON) -> None:
        data = found.get("data") or {}
        self._tables.offer_keys({name: b64decode(value).decode(errors="replace") for name, value in data.items()})

    async def deleted(self, found: JSON) -> None:
        """Keep the keys: a key is revoked by taking it out of the Secret, and a lost Secret is written anew."""

    def unreachable(self) -> None:
        self._tables.restore()

    async def catch_up(self, table_texts: list[str]) -> None:
        """Read the Secret now if these tables name keys that have not come yet.

        The operator writes keys before the tables that name them, but two watches keep no order between them.
        """
        named = {name for text in table_texts for name in credentials(text)}
        if named <= self._tables.keys.keys():
            return
        try:
            await self.changed(await self._api.get(self._path, {}))
        except ApiError as error:
            # a key that is not there is its own tier's trouble; the tables must not wait for it
            logger.warning("the provider keys cannot be read", extra={"error": str(error)})


class _Maps:
    def __init__(self, keys: _Keys, tables: Tables) -> None:
        self._keys = keys
        self._tables = tables

    async def listed(self, objects: list[JSON]) -> None:
        await self._keys.catch_up([_table(found) for found in objects])
        for found in objects:
            self._offer(found)
        self._tables.retain(_name(found) for found in objects)

    async def changed(self, found: JSON) -> None:
        await self._keys.catch_up([_table(found)])
        self._offer(found)

    async def deleted(self, found: JSON) -> None:
        self._tables.withdraw(_name(found))

    def unreachable(self) -> None:
        self._tables.contact.lost()
        self._tables.restore()

    def _offer(self, found: JSON) -> None:
        self._tables.offer(_name(found), _table(found), (found.get("data") or {}).get("state.json", ""))


def _name(found: JSON) -> str:
    return str(found["metadata"]["name"])


def _table(found: JSON) -> str:
    return str((found.get("data") or {}).get("table.json", ""))
