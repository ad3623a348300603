"""A proxy on free ports that follows a folder of tables, as an embedded release does, and what it says of itself."""

import functools
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import ClientSession

from tests.provider.wire import eventually
from tests.proxy.tables import POLICY, state
from tierway_proxy.contract.base import canonical, digest
from tierway_proxy.contract.observations import Day, Observations
from tierway_proxy.contract.state import State
from tierway_proxy.contract.table import RouteTable
from tierway_proxy.shell.authentication.gate import Gate
from tierway_proxy.shell.process import Running, running
from tierway_proxy.shell.settings import Settings

TOKEN = "the-token-of-the-release"
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}


class Folder:
    """What an operator publishes. Files are renamed into place, as its folder store does."""

    def __init__(self, path: Path) -> None:
        self.path = path
        (path / "tables").mkdir(parents=True, exist_ok=True)
        self.put("keys/token", TOKEN)

    def publish(self, table: RouteTable, moving: State | None = None) -> None:
        name = table.policy.replace("/", ".")
        self.put(f"tables/{name}/state.json", canonical(moving or state(table.policy)))
        self.put(f"tables/{name}/table.json", canonical(table))

    def put(self, name: str, text: str) -> None:
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        new = file.with_name(f".{file.name}")
        new.write_text(text)
        new.replace(file)


class Proxy:
    """One proxy that runs in this process. `url` is what a client of OpenAI's API wants."""

    def __init__(self, proxy: Running, folder: Folder, session: ClientSession) -> None:
        self.folder, self._proxy, self._session = folder, proxy, session
        self.root = f"http://127.0.0.1:{proxy.port}"
        self.url = f"{self.root}/v1"
        self.admin = f"http://127.0.0.1:{proxy.admin_port}"

    async def publish(self, table: RouteTable, moving: State | None = None) -> None:
        """Publish and wait until it is what requests are routed by."""
        moving = moving or state(table.policy)
        self.folder.publish(table, moving)
        wanted = (digest(canonical(table)), moving.sequence)
        await eventually(lambda: self._loaded(table.policy) == wanted)

    def _loaded(self, policy: str) -> tuple[str, int] | None:
        served = self._proxy.serving.tables.served.get(policy)
        return (served.hash, served.state.sequence) if served else None

    @property
    def gate(self) -> Gate:
        """Where callers' keys are checked, of a proxy that was started with `authentication`."""
        assert self._proxy.serving.gate is not None
        return self._proxy.serving.gate

    def serves(self, policy: str) -> bool:
        return policy in self._proxy.serving.tables.served

    def refused(self, policy: str) -> str | None:
        """Why a newer table of a policy is not served."""
        return self._proxy.serving.tables.served[policy].refused

    async def idle(self) -> None:
        """Wait until nothing is under way: a request is counted just after its last byte."""
        await eventually(lambda: not self._proxy.serving.in_flight)

    async def get(self, path: str, **headers: str) -> tuple[int, str]:
        async with self._session.get(self.admin + path, headers=headers) as response:
            return response.status, await response.text()

    async def observations(self) -> Observations:
        status, text = await self.get("/observations", **AUTHORIZED)
        assert status == 200
        return Observations.model_validate_json(text)

    async def counted(self) -> Day:
        """All that was counted once everything has ended; the days are added up, for a test that sees midnight."""
        await self.idle()
        days = [day.model_dump() for day in (await self.observations()).days.values()]
        return Day.model_validate(functools.reduce(_added, days, {}))


def _added(one: Any, other: Any) -> Any:
    if not isinstance(one, dict):
        return one + other
    both = {key: _added(one[key], other[key]) for key in one.keys() & other.keys()}
    return {**one, **other, **both}


_SETTINGS: dict[str, Any] = {
    "release": "tierway",
    "namespace": "default",
    "state_dir": None,
    "host": "127.0.0.1",
    "port": 0,
    "admin_host": "127.0.0.1",
    "admin_port": 0,
    "region": None,
    "default_policy": POLICY,
    "access_log": False,
    "drain_seconds": 1.0,
}


@asynccontextmanager
async def proxying(folder: Folder, **changed: Any):
    """A proxy that has read its folder; settings as in `Settings`."""
    settings = Settings(**({"tables": folder.path} | _SETTINGS | changed))
    async with running(settings) as proxy, ClientSession() as session:
        await eventually(lambda: proxy.serving.tables.ready)
        yield Proxy(proxy, folder, session)
