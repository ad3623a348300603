"""Programs that need one another, started one after the other, each when the one before is ready.

Whatever happens, what was started is ended again, newest first, and waited for: an API server without its etcd never
ends.
"""

import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from localkube.children import Child, Launcher
from localkube.errors import StartError

POLL_SECONDS = 0.05
GRACE_SECONDS = 5.0


@dataclass(frozen=True)
class Program:
    """`command` and what tells that it is ready: a look that answers at once.

    `tidies_seconds` is for one that has something to clean up: it gets that long at its end, and a SIGTERM when we are
    killed.
    """

    name: str
    command: tuple[str, ...]
    ready: Callable[[], bool]
    tidies_seconds: float = 0.0


class Programs:
    """Starts and ends them in `folder`, with one log for each name in `logs`; both exist.

    `grace` is how many seconds each has to end when asked, before it is killed.
    """

    def __init__(self, folder: Path, logs: Path, environment: Mapping[str, str], grace: float = GRACE_SECONDS) -> None:
        self._folder = folder
        self._grace = grace
        self._logs = logs
        self._environment = environment
        self._launcher = Launcher()
        self._programs: dict[str, Program] = {}
        self._children: dict[str, Child] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, program: Program, seconds: float) -> None:
        """Start it and wait until it is ready. Raises StartError when it ends, or is not ready within that time."""
        self._programs[program.name] = program
        child = self._launcher.start(
            program.command,
            log=self._logs / f"{program.name}.log",
            environment=self._environment,
            folder=self._folder,
            orphaned=signal.SIGTERM if program.tidies_seconds else signal.SIGKILL,
        )
        self._children[program.name] = child
        self.wait(program.name, seconds)

    def wait(self, name: str, seconds: float) -> None:
        """Wait until it is ready. Raises as `start` does."""
        child, program = self._children[name], self._programs[name]
        end = time.monotonic() + seconds
        while not program.ready():
            if (code := child.ended()) is not None:
                raise StartError(f"{name} ended with {code}; the end of {child.log}:\n{child.tail()}")
            if time.monotonic() > end:
                raise StartError(f"{name} was not ready after {seconds:.0f} s; the end of {child.log}:\n{child.tail()}")
            child.wait(POLL_SECONDS)

    def kill(self, name: str) -> None:
        """Kill -9, at once; the others run on."""
        self._children[name].kill()

    def start_again(self, name: str, seconds: float) -> None:
        """Start what was killed as it was started, and wait until all that run are ready. Raises as `start`."""
        self.start(self._programs[name], seconds)
        for running in self.pids():
            self.wait(running, seconds)

    def pids(self) -> dict[str, int]:
        """The processes that run, by name, in the order of their start."""
        return {name: child.pid for name, child in self._children.items() if child.ended() is None}

    def stop(self) -> None:
        """End all of them, newest first. A second Ctrl-C meanwhile kills what is left."""
        newest_first = [name for name in reversed(self._programs) if name in self._children]
        try:
            for name in newest_first:
                self._children[name].stop(max(self._grace, self._programs[name].tidies_seconds))
        finally:
            for name in newest_first:
                self._kill_what_is_left(name)
            self._launcher.__exit__()

    def _kill_what_is_left(self, name: str) -> None:
        child, tidies_seconds = self._children[name], self._programs[name].tidies_seconds
        if tidies_seconds:
            child.stop(tidies_seconds)
        else:
            child.kill()
