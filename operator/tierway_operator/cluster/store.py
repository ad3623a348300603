"""ClusterStore: the store protocol, word by word, over the Kubernetes API.

It writes five things: a ConfigMap for each policy, one Secret of keys, the tally, statuses, and a Lease in each
namespace that it serves. It deletes only what carries the name of one of its own tables.
"""

import asyncio
import secrets
from base64 import b64encode
from collections.abc import Callable, Collection, Mapping
from typing import Any

from tierway_operator.cluster import addresses
from tierway_operator.cluster.announcing import Announcer
from tierway_operator.cluster.api import Api, DeniedError
from tierway_operator.cluster.changes import Changes, Lookout
from tierway_operator.cluster.claims import Claims
from tierway_operator.cluster.names import RELEASE, Release, policy_of, uid_of
from tierway_operator.cluster.own import OwnObjects
from tierway_operator.cluster.statuses import Statuses
from tierway_operator.cluster.world import Reader, decoded
from tierway_operator.store import Listing, Proxy, Published, Ref, Unreachable, World, ca_bundle_refs, model_refs

_TOKEN = "token"  # noqa: S105  # its name in the Secret
_TOKEN_BYTES = 32


class ClusterStore:
    """`namespaces`: those served, none means all. `address_map`: see `addresses.proxies`.

    `run` goes on beside the loop. `elsewhere` is told how many namespaces other releases hold.
    """

    def __init__(
        self,
        api: Api,
        release: Release,
        changes: Changes,
        *,
        namespaces: Collection[str] = (),
        address_map: Mapping[str, str] | None = None,
        instance: str,
        elsewhere: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._api = api
        self._release = release
        self._changes = changes
        self._address_map = address_map or {}
        self._reader = Reader(api, namespaces)
        self._own = OwnObjects(api, release)
        self._last_keys: dict[str, str] = {}
        self._announcer = Announcer(api, instance)
        self._statuses = Statuses(api, self._announcer)
        self.lookout = Lookout(api, release, changes)
        self.claims = Claims(api, release, namespaces, changed=changes.mark, count=elsewhere)

    async def run(self) -> None:
        """What goes on beside the loop, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.lookout.run())
            tasks.create_task(self.claims.run())

    async def changed(self) -> None:
        await self._changes.wait()

    async def world(self) -> World:
        tiers, policies = await asyncio.gather(self._reader.objects("ModelTier"), self._reader.objects("RoutingPolicy"))
        elsewhere = await self._elsewhere(tiers, policies)
        self.lookout.namespaces = sorted({entry.manifest["metadata"]["namespace"] for entry in tiers.entries})
        self.lookout.config_maps = sorted(ca_bundle_refs(tiers.entries) | model_refs(policies.entries))
        found, maps, published, keys = await asyncio.gather(
            self._reader.secrets(self.lookout.namespaces),
            self._reader.config_maps(tiers.entries, policies.entries),
            self._published(),
            self._keys(),
        )
        without_token = {name: key for name, key in keys.items() if name != _TOKEN}
        return World(tiers, policies, found, maps, published, without_token, elsewhere)

    async def _elsewhere(self, tiers: Listing, policies: Listing) -> Mapping[str, str]:
        """Return what others hold, after all objects that there are were taken note of."""
        if tiers.error or policies.error:
            return self.claims.elsewhere
        entries = tiers.entries + policies.entries
        metadata = [entry.manifest["metadata"] for entry in entries]
        await self.claims.settle({each["namespace"] for each in metadata})
        held = self.claims.held
        self._statuses.listed(entries)
        self._changes.listed({each["uid"] for each in metadata})
        await self._announcer.left_alone(entries, held, self._release.identity)
        return {name: record.holder for name, record in held.items()}

    async def proxies(self) -> tuple[Proxy, ...]:
        path = f"/apis/discovery.k8s.io/v1/namespaces/{self._release.namespace}/endpointslices"
        try:
            answer = await self._api.get(path, {"labelSelector": self._release.slices})
        except DeniedError as error:
            raise Unreachable(str(error)) from error
        return addresses.proxies(answer.get("items") or (), self._address_map)

    async def publish(self, policy: str, published: Published) -> None:
        data = {"table.json": published.table, "state.json": published.state}
        marks = self._release.marks(policy, published.uid)
        await self._own.apply("ConfigMap", self._release.table(policy), {"data": data}, marks)

    async def unpublish(self, policy: str) -> None:
        await self._own.delete("ConfigMap", self._release.table(policy))

    async def publish_keys(self, keys: Mapping[str, str]) -> None:
        await self._keys()
        await self._apply_keys({**keys, _TOKEN: self._last_keys.get(_TOKEN) or _new_token()})

    async def token(self) -> str:
        if _TOKEN not in await self._keys():
            # after a loss of the Secret, proxies must not be told for a moment that there are no keys
            await self._apply_keys({_TOKEN: _new_token(), **self._last_keys})
        return self._last_keys[_TOKEN]

    async def write_status(self, ref: Ref, status: Mapping[str, Any]) -> None:
        if await self.claims.is_ours(ref.namespace):
            await self._statuses.write(ref, status)

    async def load_tally(self) -> str | None:
        found = await self._own.get("ConfigMap", self._release.tally)
        data: Mapping[str, str] = (found or {}).get("data") or {}
        if found and "tally" in data and not await self._own.is_owned(found):
            await self.save_tally(data["tally"])
        return data.get("tally")

    async def save_tally(self, text: str) -> None:
        await self._own.apply("ConfigMap", self._release.tally, {"data": {"tally": text}})

    async def _published(self) -> dict[str, Published]:
        """Return what is published, after taking over what an installation before still owns."""
        found = {}
        for item in await self._own.find("ConfigMap", f"{RELEASE}={self._release.name}"):
            policy, data = policy_of(item), item.get("data") or {}
            if policy and item["metadata"]["name"] == self._release.table(policy):
                found[policy] = Published(data.get("table.json", ""), data.get("state.json", ""), uid_of(item))
                if not await self._own.is_owned(item):
                    await self.publish(policy, found[policy])
        return found

    async def _keys(self) -> dict[str, str]:
        secret = await self._own.get("Secret", self._release.keys)
        found = decoded(secret or {})
        self._last_keys = found or self._last_keys
        if secret and not await self._own.is_owned(secret):
            await self._apply_keys(found)
        return found

    async def _apply_keys(self, keys: Mapping[str, str]) -> None:
        data = {name: b64encode(value.encode()).decode() for name, value in keys.items()}
        await self._own.apply("Secret", self._release.keys, {"data": data, "type": "Opaque"})
        self._last_keys = dict(keys)


def _new_token() -> str:
    return secrets.token_hex(_TOKEN_BYTES)
