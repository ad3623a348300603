"""Proxies as processes: started, started again when they die, and ended so that running answers are finished."""

import asyncio
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from tierway_operator.store import Proxy

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 10.0
_HEALTHY_SECONDS = 10.0
_LOOK_SECONDS = 0.05


@dataclass
class ProxyProcess:
    """One proxy. `command` starts it; what it writes goes to `log`. `changed` is called when it comes or goes."""

    name: str
    url: str
    admin_url: str
    command: Sequence[str]
    log: Path
    changed: Callable[[], None]
    say: Callable[[str], None]
    _process: asyncio.subprocess.Process | None = field(default=None, init=False)
    _ending: bool = field(default=False, init=False)
    ready: bool = field(default=False, init=False)

    def proxy(self) -> Proxy | None:
        """Return it as the store knows it; None while no process lives."""
        if self._process is None or self._process.returncode is not None:
            return None
        return Proxy(self.name, self.admin_url, serving=self.ready and not self._ending, terminating=self._ending)

    async def keep(self, session: aiohttp.ClientSession) -> None:
        """Run it again and again until it is told to end; pauses grow while it dies young."""
        loop, pause = asyncio.get_running_loop(), FIRST_PAUSE_SECONDS
        started = loop.time()
        while (status := await self._run(session)) is not None:
            if loop.time() - started > _HEALTHY_SECONDS:
                pause = FIRST_PAUSE_SECONDS
            self.say(f"{self.name} ended with {_told(status)}; starting it again in {pause:g} s. Its log: {self.log}")
            await asyncio.sleep(pause)
            pause, started = min(2 * pause, LONGEST_PAUSE_SECONDS), loop.time()

    def end(self) -> None:
        """Let it finish its answers and go. A second call ends it at once."""
        again, self._ending = self._ending, True
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGKILL if again else signal.SIGTERM)
        self.changed()

    async def _run(self, session: aiohttp.ClientSession) -> int | None:
        """Return the status with which it ended, or None when it was told to."""
        if self._told_to_end():
            return None
        with self.log.open("ab") as log:
            # in a session of its own, a Ctrl-C at the terminal reaches us alone, and we end it in order; should we be
            # killed, the kernel closes our end of its standard input, and it ends by itself
            self._process = await asyncio.create_subprocess_exec(
                *self.command, stdin=asyncio.subprocess.PIPE, stdout=log, stderr=log, start_new_session=True
            )
        if self._told_to_end():  # while it was being started, when there was nobody to tell
            self._process.terminate()
        self.changed()
        waiting = asyncio.create_task(self._wait_until_ready(session))
        try:
            status = await self._process.wait()
        finally:
            waiting.cancel()
            self.ready = False
            if self._process.returncode is None:  # we are cancelled: nobody would end it
                self._process.kill()
                await self._process.wait()
            self.changed()
        return None if self._told_to_end() else status

    def _told_to_end(self) -> bool:
        return self._ending

    async def _wait_until_ready(self, session: aiohttp.ClientSession) -> None:
        while not await self._says_ready(session):  # noqa: ASYNC110 - another process
            await asyncio.sleep(_LOOK_SECONDS)
        self.ready = True
        self.changed()

    async def _says_ready(self, session: aiohttp.ClientSession) -> bool:
        try:
            async with session.get(f"{self.admin_url}/readyz") as answer:
                return answer.ok
        except (aiohttp.ClientError, OSError):
            return False


def command(tables: Path, host: str, port: int, admin_port: int, more: Sequence[str]) -> list[str]:
    """Return how one proxy is started. It keeps no copy of its own: the folder is as near as one could be."""
    addresses = ["--host", host, "--port", str(port), "--admin-host", "127.0.0.1", "--admin-port", str(admin_port)]
    return [sys.executable, "-m", "tierway_proxy", "--tables", str(tables), "--end-with-stdin", *addresses, *more]


async def all_ready(proxies: Sequence[ProxyProcess], seconds: float) -> bool:
    """Wait until every proxy takes requests; False when one does not in time."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while not all(each.ready for each in proxies):  # noqa: ASYNC110 - each of many, at any time
                await asyncio.sleep(_LOOK_SECONDS)
            return True
    return False


def _told(status: int) -> str:
    if status >= 0:
        return f"status {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"
