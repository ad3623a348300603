"""A proxy as it is deployed: a process of its own, on ports that its log names."""

import asyncio
import json
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import ClientSession

from tests.proxy.harness import AUTHORIZED
from tierway_proxy.contract.observations import Observations


@dataclass
class Process:
    """`log` holds what it has written so far: its own log, then, at the end, a line for each request."""

    running: asyncio.subprocess.Process
    session: ClientSession
    url: str = ""
    admin: str = ""
    log: list[dict[str, object]] = field(default_factory=list)

    async def started(self) -> None:
        while not self.url:
            line = json.loads(await self.running.stderr.readline())
            self.log.append(line)
            if line["message"] == "serving":
                self.url = f"http://127.0.0.1:{line['port']}/v1"
                self.admin = f"http://127.0.0.1:{line['admin_port']}"

    async def status(self, path: str) -> int:
        async with self.session.get(self.admin + path) as response:
            return response.status

    async def becomes(self, path: str, status: int) -> None:
        async with asyncio.timeout(10):
            while await self.status(path) != status:  # noqa: ASYNC110 (another process)
                await asyncio.sleep(0.01)

    async def observations(self) -> Observations:
        async with self.session.get(f"{self.admin}/observations", headers=AUTHORIZED) as response:
            return Observations.model_validate_json(await response.text())

    async def final(self) -> Observations:
        """The observations to which nothing will be added."""
        async with asyncio.timeout(10):
            while not (observed := await self.observations()).final:  # noqa: ASYNC110 (another process)
                await asyncio.sleep(0.01)
        return observed

    async def acknowledge(self) -> int:
        async with self.session.post(f"{self.admin}/observations/ack", headers=AUTHORIZED) as response:
            return response.status

    async def ended(self) -> list[dict[str, object]]:
        """Wait for its end, which must be a good one; the lines of its access log."""
        async with asyncio.timeout(15):
            out, err = await self.running.communicate()
        self.log += map(json.loads, err.splitlines())
        assert self.running.returncode == 0, err.decode()
        return [json.loads(line) for line in out.splitlines()]


@asynccontextmanager
async def process(*flags: object):
    """Started with these flags; killed behind the block if it still runs."""
    ports = ("--host", "127.0.0.1", "--port", "0", "--admin-port", "0", "--default-policy", "llm/default")
    pipe = asyncio.subprocess.PIPE
    command = (sys.executable, "-m", "tierway_proxy", *ports, *map(str, flags))
    running = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe)
    async with ClientSession() as session:
        try:
            proxy = Process(running, session)
            await asyncio.wait_for(proxy.started(), 20)
            yield proxy
        finally:
            if running.returncode is None:
                running.kill()
                await running.communicate()
