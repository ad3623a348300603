"""The command ``tierway standalone``: the whole of Tierway on a folder of YAML, without a cluster and without root.

The operator's loop runs here, over the folder store; each proxy is a process. The first Ctrl-C ends everything in
order: proxies finish their answers, their last counts are read, the last statuses are written. The second ends it at
once.
"""

import argparse
import asyncio
import logging
import signal
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
from aiohttp import web

from tierway_cli.kinds import NamingStore
from tierway_cli.standalone_proxies import ProxyProcess, all_ready, command
from tierway_cli.standalone_words import PlainFormatter, default_policy, greeting, policies, unserved
from tierway_operator.folder import FolderStore, InUseError, locked, published_in
from tierway_operator.health import Health, application
from tierway_operator.metrics import Metrics
from tierway_operator.reconcile import Pace, Reconciler
from tierway_operator.scrape import Scraper
from tierway_operator.store import Proxy, Unreachable
from tierway_proxy.shell.settings import percent

_ADMIN_HOST = "127.0.0.1"
_READY_SECONDS = 30.0
_FAREWELL_SECONDS = 5.0
_ENDING = (signal.SIGTERM, signal.SIGINT)


class CannotStartError(Exception):
    """Its text is a sentence for people."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    parser.add_argument(
        "folder", metavar="DIR", type=Path, help="the folder with the YAML of tiers, policies and Secrets"
    )
    parser.add_argument(
        "--proxies", type=_count, default=1, metavar="N", help="how many to start (default: %(default)s)"
    )
    parser.add_argument("--host", default="127.0.0.1", help="address of the callers' ports (default: %(default)s)")
    parser.add_argument(
        "--port",
        type=int,
        default=8080,
        help="callers' port of the first proxy, the next ones follow (default: %(default)s)",
    )
    parser.add_argument(
        "--admin-port", type=int, default=9090, help="admin port of the first proxy, likewise (default: %(default)s)"
    )
    parser.add_argument("--region", help="the proxies' region: providers of it come first")
    parser.add_argument(
        "--health-port",
        type=int,
        metavar="PORT",
        help="where the operator's loop says on /metrics how it fares, as in a cluster (default: nowhere; 0: any)",
    )
    parser.add_argument(
        "--default-policy",
        metavar="NAMESPACE/NAME",
        help="what /v1/… means (default: the only policy, or the only one called default)",
    )
    parser.add_argument(
        "--report-every",
        type=_seconds,
        default=5.0,
        metavar="SECONDS",
        help="how often figures move (default: %(default)s)",
    )
    parser.add_argument(
        "--record-to",
        type=Path,
        metavar="DIR",
        help="write a sample of classified requests there, redacted, for labelling (default: never)",
    )
    parser.add_argument(
        "--record-percent", type=percent, default=1.0, metavar="N", help="how many of them (default: %(default)g)"
    )


def run(args: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM; return 1 with a sentence when the folder or a port cannot be had."""
    _log_plainly()
    if not args.folder.is_dir():
        print(f"Error: {args.folder} is no folder; give one with the YAML of tiers and policies.", file=sys.stderr)
        return 1
    # held back until somebody can take them: a Ctrl-C while the event loop is made would end in Python's own words
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    try:
        with locked(args.folder):
            asyncio.run(_serve(args))
    except (CannotStartError, InUseError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    except PermissionError as error:
        print(f"Error: {error.filename} cannot be written: {error.strerror}.", file=sys.stderr)
        return 1
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
    return 0


async def _serve(args: argparse.Namespace) -> None:
    signals = _signals()  # before all else: also whoever interrupts a start ends it in order
    proxies: list[ProxyProcess] = []

    def there() -> tuple[Proxy, ...]:
        return tuple(proxy for each in proxies if (proxy := each.proxy()) is not None)

    async with aiohttp.ClientSession() as session:
        store = NamingStore(args.folder, there, _say)
        world = await store.world()
        policy = args.default_policy or default_policy(world)
        proxies += _proxies(args, policy, store, _recording(args, policies(world)))
        # figures are asked for three times an interval, so that they move when they are due
        pace = Pace(debounce=0.05, scrape=max(0.2, args.report_every / 3), status=args.report_every)
        health = Health()
        reconciler = Reconciler(store, Scraper(session), health, pace)
        health.registry.register(Metrics(reconciler))
        async with _health(args.health_port, health), asyncio.TaskGroup() as tasks:
            kept = [tasks.create_task(each.keep(session)) for each in proxies]
            rest = [tasks.create_task(step) for step in (reconciler.run(), store.watch())]
            rest.append(tasks.create_task(_greet(args.folder, store, proxies, policy)))
            await _until_ended(proxies, kept, signals)
            for task in rest:
                task.cancel()
        await _finish(reconciler)
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
        site = web.TCPSite(runner, _ADMIN_HOST, _port(_ADMIN_HOST, port, 1))
        await site.start()
        _say(f"The loop's metrics are at http://{_ADMIN_HOST}:{site.port}/metrics.")
        yield
    finally:
        await runner.cleanup()


def _recording(args: argparse.Namespace, names: Sequence[str]) -> list[str]:
    """Return the proxies' flags. Which policies are recorded is decided here, at the start, by what there is."""
    if args.record_to is None:
        return []
    if not names:
        raise CannotStartError(
            f"there is no RoutingPolicy in {args.folder} yet, so nothing that --record-to may record."
        )
    flags = ["--record-to", str(args.record_to.absolute()), "--record-percent", str(args.record_percent)]
    return flags + [f"--record-policy={name}" for name in names]


def _proxies(
    args: argparse.Namespace, policy: str | None, store: FolderStore, recording: Sequence[str]
) -> list[ProxyProcess]:
    logs = args.folder / ".tierway" / "log"
    logs.mkdir(exist_ok=True)
    more = ["--no-access-log", *recording]
    more += ["--region", args.region] if args.region else []
    more += ["--default-policy", policy] if policy else []
    found = []
    for number in range(1, args.proxies + 1):
        port, admin_port = _port(args.host, args.port, number), _port(_ADMIN_HOST, args.admin_port, number)
        found.append(
            ProxyProcess(
                name=f"proxy-{number}",
                url=f"http://{args.host}:{port}",
                admin_url=f"http://{_ADMIN_HOST}:{admin_port}",
                command=command(published_in(args.folder), args.host, port, admin_port, more),
                log=logs / f"proxy-{number}.log",
                changed=store.touched,
                say=_say,
            )
        )
    return found


def _port(host: str, first: int, number: int) -> int:
    """Return the port of the nth process; raises CannotStartError when it is taken. A `first` of 0 takes free ones."""
    port = first + number - 1 if first else 0
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CannotStartError(
                f"port {port} of {host} cannot be had ({error.strerror}); give another one."
            ) from None
        found: int = probe.getsockname()[1]
        return found


async def _greet(folder: Path, store: FolderStore, proxies: Sequence[ProxyProcess], policy: str | None) -> None:
    if await all_ready(proxies, _READY_SECONDS):
        _say(greeting(folder, [each.url for each in proxies], unserved(await store.world()), policy))
    else:
        _say(f"Not every proxy is ready after {_READY_SECONDS:.0f} s; their logs are in {proxies[0].log.parent}")


def _signals() -> asyncio.Semaphore:
    """Return what is released by each SIGTERM and each Ctrl-C."""
    loop, signals = asyncio.get_running_loop(), asyncio.Semaphore(0)
    for name in _ENDING:
        loop.add_signal_handler(name, signals.release)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
    return signals


async def _until_ended(
    proxies: Sequence[ProxyProcess], kept: Sequence["asyncio.Task[None]"], signals: asyncio.Semaphore
) -> None:
    """Wait for a signal, then for the proxies' end; a second signal hastens it."""
    await signals.acquire()
    _say("Ending: proxies finish their answers. Once more to end at once.")
    for each in proxies:
        each.end()
    again = asyncio.create_task(_hasten(proxies, signals))
    await asyncio.wait(kept)
    again.cancel()


async def _hasten(proxies: Sequence[ProxyProcess], signals: asyncio.Semaphore) -> None:
    await signals.acquire()
    for each in proxies:
        each.end()


async def _finish(reconciler: Reconciler) -> None:
    try:
        async with asyncio.timeout(_FAREWELL_SECONDS):
            await reconciler.finish()
    except (Unreachable, TimeoutError) as error:
        _say(f"The last figures were not written: {error}")


def _log_plainly() -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(PlainFormatter("%(asctime)s %(message)s", "%H:%M:%S"))
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    # that a file is good again is worth a line, as that it is not was
    logging.getLogger("tierway_operator").setLevel(logging.INFO)


def _say(text: str) -> None:
    print(text, flush=True)


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _seconds(text: str) -> float:
    value = float(text)
    if not value > 0:
        raise argparse.ArgumentTypeError("must be above 0")
    return value
