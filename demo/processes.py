"""Programs that the demo starts and ends, each in a session of its own, so that Ctrl-C reaches the demo alone."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

_END_SECONDS = 30.0


class ProgramError(Exception):
    """A program did not do what the demo needs; the message says what, with the end of its log."""


@contextmanager
def started(
    *arguments: str, log: Path, environment: Mapping[str, str] | None = None
) -> Iterator["subprocess.Popen[bytes]"]:
    """`python -m ARGUMENTS…` for as long as the block runs; asked to end after it, and waited for."""
    with log.open("ab") as out:
        process = subprocess.Popen(  # noqa: S603 (our own programs)
            [sys.executable, "-m", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
            env={**os.environ, **(environment or {})},
        )
    try:
        yield process
    finally:
        _end(process)


def wait_for(url: str, process: "subprocess.Popen[bytes]", log: Path, seconds: float = 60.0) -> None:
    """Returns when the URL answers 200. Raises ProgramError when the program that should answer ended, or in vain."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError), urllib.request.urlopen(url, timeout=2):  # noqa: S310 (loopback)
            return
        time.sleep(0.05)
    ended = f"ended with {process.returncode}" if process.poll() is not None else f"does not answer at {url}"
    tail = "\n".join(log.read_text(errors="replace").splitlines()[-12:])
    raise ProgramError(f"a program {ended}; the end of {log}:\n{tail}")


def free_port(preferred: int) -> int:
    """That port of 127.0.0.1 if nobody has it, else any."""
    for port in (preferred, 0):
        with socket.socket() as attempt, suppress(OSError):
            attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            attempt.bind(("127.0.0.1", port))
            return int(attempt.getsockname()[1])
    raise ProgramError("127.0.0.1 has no free port")


def _end(process: "subprocess.Popen[bytes]") -> None:
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
