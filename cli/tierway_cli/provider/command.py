"""The command ``tierway provider``: serves until it is interrupted."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys

import uvloop

from tierway_cli.ports import PortError, free_port, port
from tierway_cli.provider.figures import SCENARIOS
from tierway_cli.provider.server import Provider


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=port, default=8000, help="port of the OpenAI API; 0 takes a free one, printed")
    parser.add_argument("--admin-port", type=port, default=8001, help="port of the admin calls; 0 takes a free one")
    parser.add_argument("--region", default="us-east", help="where the provider is; ap-… and asia… are nearer")
    parser.add_argument("--scenario", choices=sorted(SCENARIOS), default="normal", help="which figures the models play")
    parser.add_argument("--speed", type=_positive, default=1.0, help="above 1 is faster than real time")
    parser.add_argument("--tokens-scale", type=_positive, default=1.0, help="multiplies the lengths of answers")
    parser.add_argument("--seed", type=int, help="makes the jitter repeatable")
    parser.add_argument("--api-key", help="demand this key")


def _positive(text: str) -> float:
    value = float(text)
    if not value > 0:
        raise argparse.ArgumentTypeError("must be above 0")
    return value


def run(args: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM; return 1 when a port cannot be had."""
    try:
        for number, flag in ((args.port, "--port"), (args.admin_port, "--admin-port")):
            free_port(args.host, number, flag)
        uvloop.run(_serve(args))
    except (PortError, OSError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    return 0


async def _serve(args: argparse.Namespace) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    provider = Provider(
        SCENARIOS[args.scenario],
        seed=args.seed,
        speed=args.speed,
        region=args.region,
        tokens_scale=args.tokens_scale,
        api_key=args.api_key,
    )
    async with provider.serving(args.host, args.port, args.admin_port):
        print(f"provider {provider.url}", f"admin {provider.admin_url}", sep="\n", flush=True)
        await stop.wait()
