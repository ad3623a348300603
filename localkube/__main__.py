"""The command line: build what is missing, run a cluster until Ctrl-C, tell where kubectl and helm are."""

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from localkube import images
from localkube.binaries import binaries
from localkube.cluster import Cluster
from localkube.errors import CommandError, StartError, UnavailableError
from localkube.node import node_binaries
from localkube.plane import ControlPlane
from localkube.tools import helm, kubectl

LOOK_SECONDS = 0.5


def main() -> None:
    """Run one command; a reason on stderr and code 1 when it cannot be done."""
    arguments = _parser().parse_args()
    signal.signal(signal.SIGTERM, _end)
    try:
        _run(arguments.command, arguments)
    except KeyboardInterrupt:
        print("ended", file=sys.stderr)
    except (UnavailableError, StartError, CommandError, FileExistsError) as error:
        sys.exit("\n".join([f"localkube: {error}", *getattr(error, "__notes__", [])]))


def _end(*_: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second one must not cut the tidying up
    sys.exit(0)  # ends the programs as Ctrl-C does


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m localkube", description="A real Kubernetes on this machine.")
    commands = parser.add_subparsers(dest="command", required=True)
    build = commands.add_parser("build", help="build what is missing")
    build.add_argument("--node", action="store_true", help="what a node needs, too")
    up = commands.add_parser("up", help="run a control plane until Ctrl-C")
    up.add_argument(
        "directory", nargs="?", type=Path, help="empty or absent, and gone afterwards; default: a temporary one"
    )
    up.add_argument("--node", action="store_true", help="with a node, on which pods run; Linux and root")
    up.add_argument("--image", action="append", default=[], type=Path, help="an OCI archive to load onto the node")
    commands.add_parser("kubectl", help="print the path of kubectl")
    commands.add_parser("helm", help="print the path of helm, built when missing")
    return parser


def _run(command: str, arguments: argparse.Namespace) -> None:
    nowhere = Path()
    match command:
        case "build":
            print(binaries().etcd.parent)
            if arguments.node:
                print(node_binaries().containerd.parent)
        case "kubectl":
            print(kubectl(nowhere).program)
        case "helm":
            print(helm(nowhere).program)
        case _:
            _up(arguments)


def _up(arguments: argparse.Namespace) -> None:
    with _cluster(arguments) if arguments.node else ControlPlane.started(arguments.directory) as plane:
        print(f"export KUBECONFIG={plane.kubeconfig}", flush=True)
        print(f"ready at {plane.server}; Ctrl-C ends it", file=sys.stderr)
        everything = plane.pids()
        while plane.pids() == everything:
            time.sleep(LOOK_SECONDS)
        lost = set(everything) - set(plane.pids())
        raise StartError(f"{', '.join(lost)} ended by itself")


@contextmanager
def _cluster(arguments: argparse.Namespace) -> Iterator[Cluster]:
    with tempfile.TemporaryDirectory() as folder:
        images.base()
        pause = images.archive(images.PAUSE, Path(folder, "pause.tar"))
        with Cluster.started(arguments.directory, images=[pause, *arguments.image]) as cluster:
            yield cluster


if __name__ == "__main__":
    main()
