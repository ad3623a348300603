"""One proxy process from start to graceful end: two ports, one source of tables, and a drain that loses no count."""

import asyncio
import logging
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass

from aiohttp import web

from tierway_proxy.core.classify.general import general
from tierway_proxy.core.static_keys import StaticKeys
from tierway_proxy.shell.admin import Admin
from tierway_proxy.shell.authentication.gate import Gate
from tierway_proxy.shell.authentication.memory import Memory
from tierway_proxy.shell.draining import drain
from tierway_proxy.shell.folder import FolderSource
from tierway_proxy.shell.keeper import Keeper
from tierway_proxy.shell.recording import Recorder
from tierway_proxy.shell.server import Server
from tierway_proxy.shell.serving import Serving
from tierway_proxy.shell.settings import Settings
from tierway_proxy.shell.starter import starter
from tierway_proxy.shell.tables import Tables
from tierway_proxy.shell.telemetry import AccessLog
from tierway_proxy.shell.upstream import Upstream

logger = logging.getLogger(__name__)

_FLUSH_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Running:
    """A proxy that serves. The ports are the real ones, also where the settings say 0."""

    serving: Serving
    port: int
    admin_port: int
    following: "asyncio.Task[None]"
    callers: web.ServerRunner


async def serve(settings: Settings) -> None:
    """Until SIGTERM or SIGINT, and then until the last stream has ended and its counts were read.

    Or until whoever started it is gone, and then until the last stream has ended.
    """
    stop, left = asyncio.Event(), asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    async with running(settings) as proxy:
        logger.info(
            "serving",
            extra={"port": proxy.port, "admin_port": proxy.admin_port, "instance": proxy.serving.instance},
        )
        async with starter(left if settings.end_with_stdin else None):
            await _until(stop, left, proxy.following)
        await drain(proxy.serving, proxy.callers, settings.drain_seconds, alone=left.is_set())


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Running]:
    """Both ports and the source of tables, for as long as the block runs; nothing is waited for at its end."""
    general()  # unpacked here, not while the first request and all beside it wait
    tables = Tables(Keeper(settings.state_dir) if settings.state_dir is not None else None)
    gate = _gate(settings)
    serving = Serving(tables, region=settings.region, default_policy=settings.default_policy, gate=gate)
    access_log = AccessLog(sys.stdout.buffer) if settings.access_log else None
    async with AsyncExitStack() as stack:
        if access_log is not None:
            stack.callback(access_log.flush)
        upstream = Upstream()
        stack.push_async_callback(upstream.close)
        tables.on_change.append(lambda _: upstream.forget())
        recorder = None
        if settings.recording is not None:
            recorder = Recorder(settings.recording, serving.instance, serving.recorded)
            stack.push_async_callback(recorder.close)
        following = asyncio.create_task(_follow(settings, tables, gate))
        stack.push_async_callback(_cancel, following)
        callers = web.ServerRunner(Server(serving, upstream, access_log, recorder).web_server())
        port = await _listen(stack, callers, settings.host, settings.port)
        admin = web.AppRunner(Admin(serving).application(), access_log=None)
        admin_port = await _listen(stack, admin, settings.admin_host, settings.admin_port)
        flushing = asyncio.create_task(_flush(access_log))
        stack.push_async_callback(_cancel, flushing)
        yield Running(serving, port, admin_port, following, callers)


async def _listen(stack: AsyncExitStack, runner: web.BaseRunner, host: str, port: int) -> int:
    """The port that it listens on."""
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    site = web.TCPSite(runner, host, port, backlog=1024)
    await site.start()
    return site.port


def _gate(settings: Settings) -> Gate | None:
    if settings.authentication is None:
        return None
    memory = Memory(settings.state_dir) if settings.state_dir is not None else None
    gate = Gate(settings.authentication.audience, memory)
    if settings.authentication.keys_secret is None:
        gate.take_keys(StaticKeys({}))  # those that an earlier process kept are no longer wanted
    else:
        gate.expect_keys()
    return gate


async def _follow(settings: Settings, tables: Tables, gate: Gate | None) -> None:
    if settings.tables is not None:
        await FolderSource(settings.tables, tables).run()
        return
    from tierway_proxy.shell.cluster import ClusterSource  # noqa: PLC0415 (20 MiB that only a cluster needs)

    async with asyncio.TaskGroup() as together:
        together.create_task(ClusterSource(settings.release, settings.namespace, tables).run())
        if gate is not None and settings.authentication is not None:
            from tierway_proxy.shell.authentication.reviews import connect  # noqa: PLC0415

            together.create_task(connect(gate, settings.namespace, settings.authentication.keys_secret))
            together.create_task(gate.remember())


async def _until(stop: asyncio.Event, left: asyncio.Event, following: "asyncio.Task[None]") -> None:
    """Waits for a signal or a death; a source of tables that fails for good ends the process with its error."""
    waiting = {asyncio.create_task(each.wait()) for each in (stop, left)}
    await asyncio.wait({*waiting, following}, return_when=asyncio.FIRST_COMPLETED)
    for each in waiting:
        each.cancel()
    if following.done():
        following.result()


async def _flush(access_log: AccessLog | None) -> None:
    while access_log is not None:
        await asyncio.sleep(_FLUSH_SECONDS)
        access_log.flush()


async def _cancel(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
