"""The command, as a process of its own."""

import argparse
import asyncio
import re
import signal
import socket
import sys

import pytest

from tests.provider.wire import ASK, ask
from tierway_cli.provider.command import add_arguments, run

MAIN = """
import argparse, sys
from tierway_cli.provider.command import add_arguments, run
parser = argparse.ArgumentParser()
add_arguments(parser)
sys.exit(run(parser.parse_args()))
"""


def arguments(*flags):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(flags)


async def test_the_command_prints_its_addresses_and_serves_until_it_is_told_to_stop():
    """Port 0 takes a free port that is printed; SIGTERM ends it with 0."""
    flags = ["--port", "0", "--admin-port", "0", "--speed", "1000", "--tokens-scale", "0.1", "--seed", "1"]
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", MAIN, *flags, stdout=asyncio.subprocess.PIPE)
    try:
        lines = [(await asyncio.wait_for(process.stdout.readline(), 20)).decode() for _ in range(2)]
        assert re.fullmatch(r"provider http://127\.0\.0\.1:\d+/v1\n", lines[0])
        assert re.fullmatch(r"admin http://127\.0\.0\.1:\d+/admin\n", lines[1])
        reply = await ask(argparse.Namespace(url=lines[0].split()[1]), ASK)
        assert 1 <= reply.json["usage"]["completion_tokens"] <= 25
    finally:
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 10) == 0


def test_a_taken_port_is_said(capsys):
    """A sentence and exit code 1, no traceback."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert run(arguments("--port", str(taken.getsockname()[1]), "--admin-port", "0")) == 1
    assert "address already in use" in capsys.readouterr().err


@pytest.mark.parametrize("flags", [("--speed", "0"), ("--tokens-scale", "-1"), ("--scenario", "wild")])
def test_wrong_flags_are_refused(flags, capsys):
    """The parser says what is wrong."""
    with pytest.raises(SystemExit):
        arguments(*flags)
    assert flags[0] in capsys.readouterr().err
