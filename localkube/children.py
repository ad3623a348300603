"""Programs as children of this process: none of them outlives it, none of them gets the terminal's Ctrl-C.

Each runs in a session of its own, so that this process alone decides in which order they end. Linux kills them when
this process is killed (see `until_parent_ends`); that is tied to the thread that forks, so one thread of the
launcher's own does all forking.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Self

from localkube import until_parent_ends

LINES = 20
LINE_LENGTH = 400
KILLED_SECONDS = 5.0


class Child:
    """One program that was started; its output goes to `log`."""

    def __init__(self, log: Path, starting: "Future[subprocess.Popen[bytes]]") -> None:
        self.log = log
        self._starting = starting

    @property
    def pid(self) -> int:
        return self._process.pid

    def ended(self) -> int | None:
        """Its exit code, the negative signal that ended it, or None while it runs."""
        return self._process.poll()

    def wait(self, seconds: float) -> bool:
        """Whether it ended within that time."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def stop(self, seconds: float) -> None:
        """Ask it to end, wait, and kill what is still there then."""
        self._signal(signal.SIGTERM)
        self.wait(seconds)
        self.kill()

    def kill(self) -> None:
        """Kill it, and wait: a Ctrl-C amid a look at it may have left Popen's own lock shut, so not for ever."""
        self._signal(signal.SIGKILL)
        self.wait(KILLED_SECONDS)

    def tail(self) -> str:
        """The end of its log, as much as a person reads."""
        lines = self.log.read_text(errors="replace").splitlines()[-LINES:]
        return "\n".join(line[:LINE_LENGTH] for line in lines)

    @property
    def _process(self) -> "subprocess.Popen[bytes]":
        # a Ctrl-C may come between the fork and its answer: the future still has the process then
        return self._starting.result()

    def _signal(self, number: signal.Signals) -> None:
        if self.ended() is None:
            with suppress(ProcessLookupError, PermissionError):  # it ends in this moment; macOS says permission
                os.killpg(self.pid, number)  # the whole session: a compiler has children too


class Launcher:
    """Starts children, and outlives them."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="localkube")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown()

    def start(
        self,
        command: Sequence[str],
        *,
        log: Path,
        environment: Mapping[str, str],
        folder: Path,
        orphaned: signal.Signals = signal.SIGKILL,
    ) -> Child:
        """Start it in `folder`; its output is added to `log`; `orphaned` is the signal it gets when we are killed.

        Raises OSError when there is no such program.
        """
        child = Child(log, self._thread.submit(_fork, command, log, environment, folder, orphaned))
        _ = child.pid  # waits, and raises what went wrong
        return child


def _fork(
    command: Sequence[str], log: Path, environment: Mapping[str, str], folder: Path, orphaned: signal.Signals
) -> "subprocess.Popen[bytes]":
    guard = [sys.executable, "-I", "-S", until_parent_ends.__file__, str(os.getpid()), str(orphaned.value)]
    with log.open("ab") as output:
        return subprocess.Popen(
            [*guard, *command],
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
