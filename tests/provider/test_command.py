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


@pytest.mark.parametrize("flag", ["--port", "--admin-port"])
def test_a_taken_port_is_said(flag, capsys):
    """A sentence with the flag that gave it, and exit code 1; no traceback."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert run(arguments("--port", "0", "--admin-port", "0", flag, str(port))) == 1
    told = f"Error: port {port} of 127.0.0.1 cannot be had (Address already in use); give another {flag}.\n"
    assert capsys.readouterr().err == told


def test_an_address_that_is_not_of_this_machine_is_said(capsys):
    """No other port would help."""
    assert run(arguments("--host", "192.0.2.1", "--port", "0", "--admin-port", "0")) == 1
    assert capsys.readouterr().err.endswith("; give another --host.\n")


@pytest.mark.parametrize(
    "flags",
    [("--speed", "0"), ("--tokens-scale", "-1"), ("--scenario", "wild"), ("--port", "70000"), ("--admin-port", "-1")],
)
def test_wrong_flags_are_refused(flags, capsys):
    """The parser says what is wrong."""
    with pytest.raises(SystemExit):
        arguments(f"{flags[0]}={flags[1]}")
    assert flags[0] in capsys.readouterr().err
