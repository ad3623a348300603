"""The proxies that ``tierway standalone`` starts: how many, on which ports, with which flags."""

import argparse
from collections.abc import Callable, Sequence

from tierway_cli.ports import free_port
from tierway_cli.standalone.proxies import ProxyProcess, command
from tierway_operator.folder import FolderStore, published_in

ADMIN_HOST = "127.0.0.1"


class CannotStartError(Exception):
    """Its text is a sentence for people."""


def flags_of(args: argparse.Namespace, policy: str | None, names: Sequence[str]) -> list[str]:
    """Return what every proxy is told. `policy`: the default one; `names`: all there are."""
    flags = ["--no-access-log", *_recording(args, names)]
    flags += ["--region", args.region] if args.region else []
    flags += ["--default-policy", policy] if policy else []
    return flags


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


def proxies_of(
    args: argparse.Namespace, flags: Sequence[str], store: FolderStore, say: Callable[[str], None]
) -> list[ProxyProcess]:
    """Return them, not yet started. `flags` go to each, after its addresses."""
    logs = args.folder / ".tierway" / "log"
    logs.mkdir(exist_ok=True)
    found = []
    for number in range(1, args.proxies + 1):
        port, admin_port = _ports(args, number)
        found.append(
            ProxyProcess(
                name=f"proxy-{number}",
                url=f"http://{args.host}:{port}",
                admin_url=f"http://{ADMIN_HOST}:{admin_port}",
                command=command(published_in(args.folder), args.host, port, admin_port, flags),
                log=logs / f"proxy-{number}.log",
                changed=store.touched,
                say=say,
            )
        )
    return found


def _ports(args: argparse.Namespace, number: int) -> tuple[int, int]:
    """Return both ports of the nth proxy; raises PortError when one is taken. Where 0 is given, any that are free."""
    after = number - 1
    return (
        free_port(args.host, args.port and args.port + after, "--port"),
        free_port(ADMIN_HOST, args.admin_port and args.admin_port + after, "--admin-port"),
    )
