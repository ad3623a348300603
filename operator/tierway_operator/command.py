"""`python -m tierway_operator`, and `tierway operator`: start the operator of one release.

It runs until SIGTERM or Ctrl-C; then it writes the statuses that were held back, and ends.
"""

import asyncio
import logging
import signal
import socket
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from contextlib import AsyncExitStack
from functools import partial

import aiohttp
from aiohttp import web
from kubernetes.aio.client.api_client import ApiClient

from tierway_operator import handlers
from tierway_operator.cluster.api import Api
from tierway_operator.cluster.changes import Changes
from tierway_operator.cluster.connection import configuration
from tierway_operator.cluster.names import Release
from tierway_operator.cluster.store import ClusterStore
from tierway_operator.health import Health, application
from tierway_operator.logs import log_json
from tierway_operator.metrics import Metrics
from tierway_operator.reconcile import Pace, Reconciler
from tierway_operator.scrape import Scraper
from tierway_operator.store import Unreachable
from tierway_operator.watching import Watching

logger = logging.getLogger(__name__)

__all__ = ["add_arguments", "main", "run"]

_FAREWELL_SECONDS = 5.0


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--release", required=True, help="name of the release")
    parser.add_argument(
        "--release-namespace",
        required=True,
        metavar="NAMESPACE",
        help="where the release's tables, keys and tally are",
    )
    parser.add_argument(
        "--namespace",
        action="append",
        default=[],
        dest="namespaces",
        metavar="NAMESPACE",
        help="a namespace whose objects are served; may be repeated (default: all)",
    )
    parser.add_argument("--health-host", default="0.0.0.0", help="address of the health port (default: %(default)s)")  # noqa: S104 (a pod)
    parser.add_argument(
        "--health-port", type=int, default=8081, help="/healthz, /readyz, /metrics (default: %(default)s)"
    )
    parser.add_argument(
        "--report-every",
        type=float,
        default=30.0,
        metavar="SECONDS",
        help="how often an object's figures are written; proxies are asked thrice as often (default: %(default)s)",
    )
    parser.add_argument(
        "--proxy-address-map",
        type=address_map,
        default={},
        metavar="ADDRESS=HOST:PORT,…",
        help="where proxies really are, by the address in their EndpointSlice: for processes that stand in for pods",
    )


def address_map(text: str) -> dict[str, str]:
    pairs = [pair.partition("=") for pair in text.split(",") if pair]
    if not all(address and place for address, _, place in pairs):
        raise ArgumentTypeError("write ADDRESS=HOST:PORT, separated by commas")
    return {address: place for address, _, place in pairs}


def run(given: Namespace) -> int:
    log_json()
    asyncio.run(_operate(given))
    return 0


def main() -> int:
    parser = ArgumentParser(prog="tierway-operator", description="Keep tables and statuses of a release up to date.")
    add_arguments(parser)
    return run(parser.parse_args())


async def _operate(given: Namespace) -> None:
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    async with AsyncExitStack() as stack:
        release = Release(given.release, given.release_namespace)
        client = await stack.enter_async_context(ApiClient(await configuration()))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        changes, health = Changes(given.namespaces), Health()
        store = ClusterStore(
            Api(client, release.field_manager),
            release,
            changes,
            namespaces=given.namespaces,
            address_map=given.proxy_address_map,
            instance=socket.gethostname(),
            elsewhere=health.claimed_elsewhere,
        )
        pace = Pace(scrape=given.report_every / 3, status=given.report_every)
        reconciler = Reconciler(store, Scraper(session), health, pace)
        health.registry.register(Metrics(reconciler))
        await _listen(stack, health, given.health_host, given.health_port)
        watch = partial(handlers.watch, changes.saw, given.namespaces)
        await _until(stop, reconciler, Watching(watch), store)


async def _listen(stack: AsyncExitStack, health: Health, host: str, port: int) -> None:
    runner = web.AppRunner(application(health), access_log=None)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, host, port).start()


async def _until(stop: asyncio.Event, reconciler: Reconciler, watching: Watching, store: ClusterStore) -> None:
    """Work until `stop`; whatever ends sooner ends the process with its error, to be started anew."""
    stopping = asyncio.create_task(stop.wait())
    working = [asyncio.create_task(each) for each in (reconciler.run(), watching.run(), store.run())]
    await asyncio.wait([stopping, *working], return_when=asyncio.FIRST_COMPLETED)
    failed = [task for task in working if task.done()]
    for task in (stopping, *working):
        task.cancel()
    await asyncio.gather(*working, return_exceptions=True)
    for task in failed:
        task.result()
    try:
        async with asyncio.timeout(_FAREWELL_SECONDS):
            await reconciler.finish()
    except (Unreachable, TimeoutError) as error:
        logger.warning("the last statuses were not written", extra={"error": repr(error)})
