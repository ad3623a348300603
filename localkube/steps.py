"""A long command as one step that a person can watch; what it says is kept to explain a failure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from localkube.children import Child, Launcher
from localkube.errors import UnavailableError
from localkube.progress import Progress

POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Steps:
    """Runs commands in `scratch`, where their logs go too."""

    scratch: Path
    launcher: Launcher
    progress: Progress

    def run(
        self, what: str, command: Sequence[str], environment: Mapping[str, str], folder: Path, unit: str = ""
    ) -> None:
        """Run it to its end; `unit` is what a line of its output stands for. Raises UnavailableError when it fails."""
        log = self.scratch / "step.log"
        log.unlink(missing_ok=True)
        with self.progress.step(what) as tick:
            child = self.launcher.start(command, log=log, environment=environment, folder=folder)
            try:
                while not child.wait(POLL_SECONDS):
                    tick(f"{_lines(log)} {unit}" if unit else "")
            finally:
                child.kill()
            _refuse_failure(what, child)


def _lines(log: Path) -> int:
    return log.read_bytes().count(b"\n")


def _refuse_failure(what: str, child: Child) -> None:
    if code := child.ended():
        raise UnavailableError(f"{what} failed with {code}:\n{child.tail()}")
