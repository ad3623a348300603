"""`python -m tierway_proxy`, and `tierway proxy`: start one proxy."""

import asyncio
import gc
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable

from tierway_proxy.shell.process import serve
from tierway_proxy.shell.settings import SettingsError, add_arguments, from_arguments
from tierway_proxy.shell.telemetry import log_json

__all__ = ["add_arguments", "main", "run"]


def run(given: Namespace) -> int:
    try:
        settings = from_arguments(given)
    except SettingsError as error:
        print(f"Error: {error}", file=sys.stderr)  # noqa: T201 (for whoever started it)
        return 2
    log_json()
    # what is there at the start stays: the collector need not look at it again for each generation
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(serve(settings))
    return 0


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Make uvloop's loop where it is installed (it is everywhere but on Windows)."""
    try:
        import uvloop  # noqa: PLC0415
    except ImportError:
        return None
    return uvloop.new_event_loop


def main() -> int:
    parser = ArgumentParser(prog="tierway-proxy", description="Serve /v1 by route tables.")
    add_arguments(parser)
    return run(parser.parse_args())
