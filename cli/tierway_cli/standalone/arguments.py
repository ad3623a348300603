"""What ``tierway standalone`` takes."""

import argparse
from pathlib import Path

from tierway_cli.ports import port
from tierway_proxy.shell.settings import percent


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    parser.add_argument(
        "folder", metavar="DIR", type=Path, help="the folder with the YAML of tiers, policies and Secrets"
    )
    _add_processes(parser)
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
    _add_recording(parser)


def _add_processes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--proxies", type=_count, default=1, metavar="N", help="how many to start (default: %(default)s)"
    )
    parser.add_argument("--host", default="127.0.0.1", help="address of the callers' ports (default: %(default)s)")
    parser.add_argument(
        "--port",
        type=port,
        default=8080,
        help="callers' port of the first proxy, the next ones follow (default: %(default)s)",
    )
    parser.add_argument(
        "--admin-port", type=port, default=9090, help="admin port of the first proxy, likewise (default: %(default)s)"
    )
    parser.add_argument("--region", help="the proxies' region: providers of it come first")
    parser.add_argument(
        "--health-port",
        type=port,
        metavar="PORT",
        help="where the operator's loop says on /metrics how it fares, as in a cluster (default: nowhere; 0: any)",
    )


def _add_recording(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--record-to",
        type=Path,
        metavar="DIR",
        help="write a sample of classified requests there, redacted, for labelling (default: never)",
    )
    parser.add_argument(
        "--record-percent", type=percent, default=1.0, metavar="N", help="how many of them (default: %(default)g)"
    )


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
