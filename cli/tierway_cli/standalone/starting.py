"""The proxies that ``tierway standalone`` starts: how many, on which ports, with which flags."""

import argparse
import socket
from collections.abc import Callable, Sequence

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
        port, admin_port = free_port(args.host, args.port, number), free_port(ADMIN_HOST, args.admin_port, number)
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


def free_port(host: str, first: int, number: int) -> int:
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
