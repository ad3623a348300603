"""The command ``tierway standalone``: serves a folder until it is told to end.

It ends in order: proxies finish their answers, their last counts are read, the last statuses are written.
"""

import argparse
import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web

from tierway_cli.kinds import NamingStore
from tierway_cli.ports import PortError, free_port
from tierway_cli.standalone.arguments import add_arguments
from tierway_cli.standalone.ending import finish, held_back, taken, until_ended
from tierway_cli.standalone.proxies import ProxyProcess, all_ready
from tierway_cli.standalone.starting import ADMIN_HOST, CannotStartError, flags_of, proxies_of
from tierway_cli.standalone.words import PlainFormatter, default_policy, greeting, policies, recording, unserved
from tierway_operator.folder import FolderStore, InUseError, locked
from tierway_operator.health import Health, application
from tierway_operator.metrics import Metrics
from tierway_operator.reconcile import Pace, Reconciler
from tierway_operator.scrape import Scraper
from tierway_operator.store import Proxy

__all__ = ["add_arguments", "run"]

_READY_SECONDS = 30.0


def run(args: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM; return 1 with a sentence when the folder or a port cannot be had."""
    _log_plainly()
    if not args.folder.is_dir():
        print(f"Error: {args.folder} is no folder; give one with the YAML of tiers and policies.", file=sys.stderr)
        return 1
    with held_back():
        try:
            with locked(args.folder):
                asyncio.run(_serve(args))
        except (CannotStartError, InUseError, PortError) as error:
            print(f"Error: {error}", file=sys.stderr)
            return 1
        except PermissionError as error:
            print(f"Error: {error.filename} cannot be written: {error.strerror}.", file=sys.stderr)
            return 1
    return 0


async def _serve(args: argparse.Namespace) -> None:
    signals = taken()  # before all else: also whoever interrupts a start ends it in order
    proxies: list[ProxyProcess] = []

    def there() -> tuple[Proxy, ...]:
        return tuple(proxy for each in proxies if (proxy := each.proxy()) is not None)

    async with aiohttp.ClientSession() as session:
        store = NamingStore(args.folder, there, _say)
        world = await store.world()
        policy, names = args.default_policy or default_policy(world), policies(world)
        proxies += proxies_of(args, flags_of(args, policy, names), store, _say)
        # figures are asked for three times an interval, so that they move when they are due
        pace = Pace(debounce=0.05, scrape=max(0.2, args.report_every / 3), status=args.report_every)
        health = Health()
        reconciler = Reconciler(store, Scraper(session), health, pace)
        health.registry.register(Metrics(reconciler))
        async with _health(args.health_port, health), asyncio.TaskGroup() as tasks:
            kept = [tasks.create_task(each.keep(session)) for each in proxies]
            rest = [tasks.create_task(step) for step in (reconciler.run(), store.watch())]
            rest.append(tasks.create_task(_greet(args, store, proxies, policy, names)))
            await until_ended(proxies, kept, signals, _say)
            for task in rest:
                task.cancel()
        await finish(reconciler, _say)
    print("Ended.")


@asynccontextmanager
async def _health(port: int | None, health: Health) -> AsyncIterator[None]:
    """The loop's health and metrics on a port of this machine, if one is wanted."""
    if port is None:
        yield
        return
    runner = web.AppRunner(application(health), access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, ADMIN_HOST, free_port(ADMIN_HOST, port, "--health-port"))
        await site.start()
        _say(f"The loop's metrics are at http://{ADMIN_HOST}:{site.port}/metrics.")
        yield
    finally:
        await runner.cleanup()


async def _greet(
    args: argparse.Namespace,
    store: FolderStore,
    proxies: Sequence[ProxyProcess],
    policy: str | None,
    names: Sequence[str],
) -> None:
    if not await all_ready(proxies, _READY_SECONDS):
        _say(f"Not every proxy is ready after {_READY_SECONDS:.0f} s; their logs are in {proxies[0].log.parent}")
        return
    recorded = [] if args.record_to is None else recording(args.record_to, args.record_percent, names)
    _say(greeting(args.folder, [each.url for each in proxies], unserved(await store.world()), policy, recorded))


def _log_plainly() -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(PlainFormatter("%(asctime)s %(message)s", "%H:%M:%S"))
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    # that a file is good again is worth a line, as that it is not was
    logging.getLogger("tierway_operator").setLevel(logging.INFO)


def _say(text: str) -> None:
    print(text, flush=True)
