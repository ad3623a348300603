"""buildah with a storage of our own: nothing of the machine's is seen, changed or left mounted.

Each call is in a mount namespace of its own. However it ends, its mounts end with it, and since the notes on what is
mounted are gone too (`--runroot`), the next call begins anew.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from localkube.children import Launcher
from localkube.errors import UnavailableError
from localkube.machine import SYSTEM_PATH, found
from localkube.progress import Progress
from localkube.steps import Steps

# Each with Debian's package of it.
NEEDED = {"buildah": "buildah", "debootstrap": "debootstrap", "tar": "tar", "unshare": "util-linux"}
ISOLATED = ("--mount", "--propagation=private")
KEPT = "buildah-cache"
"""Where buildah keeps what `RUN --mount=type=cache` is for, beside what is temporary."""


def refuse_without_means() -> None:
    """Raise UnavailableError, with what to do about it, when no image can be built here."""
    if sys.platform != "linux":
        raise UnavailableError("building images needs Linux")
    if os.geteuid():
        raise UnavailableError("building images needs root: it mounts their layers")
    missing = {package for program, package in NEEDED.items() if shutil.which(program, path=SYSTEM_PATH) is None}
    if missing:
        raise UnavailableError(f"building images needs: apt-get install {' '.join(sorted(missing))}")


@dataclass(frozen=True)
class ImageStore:
    """`folder` has the images; `progress` is told of what takes long."""

    folder: Path
    progress: Progress

    def remove_leftovers(self) -> None:
        """Remove what killed runs left: a whole Debian, half an archive."""
        for left in [*self.folder.glob("run-*"), *(self.folder / "tmp").glob("*")]:
            if left.name == KEPT:
                continue
            if left.is_dir():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink()

    def run(self, what: str, *arguments: str) -> None:
        """Run a command of buildah to its end, shown as `what`. Raises UnavailableError with the end of its log."""
        with self._scratch() as scratch:
            self.step(what, self.command(scratch, *arguments), scratch)

    def step(self, what: str, command: Sequence[str], scratch: Path) -> None:
        """Run any other command likewise, in mounts of its own too."""
        with Launcher() as launcher:
            isolated = (found("unshare"), *ISOLATED, "--", *command)
            Steps(scratch, launcher, self.progress).run(what, isolated, self._environment(), scratch)

    def ask(self, *arguments: str) -> str | None:
        """Return what a quick command of buildah says; None when it refuses."""
        with self._scratch() as scratch:
            command = (found("unshare"), *ISOLATED, "--", *self.command(scratch, *arguments))
            done = subprocess.run(command, env=self._environment(), capture_output=True, text=True, check=False)
        return None if done.returncode else done.stdout.strip()

    def command(self, scratch: Path, *arguments: str) -> tuple[str, ...]:
        """Return buildah's command line; it notes in `scratch` what it mounts."""
        storage = (f"--root={self.folder / 'storage'}", f"--runroot={scratch / 'run'}", "--storage-driver=overlay")
        return (found("buildah"), *storage, *arguments)

    @contextmanager
    def _scratch(self) -> Iterator[Path]:
        self.folder.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix="run-", dir=self.folder))
        try:
            yield scratch
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def _environment(self) -> dict[str, str]:
        temporary = self.folder / "tmp"
        temporary.mkdir(parents=True, exist_ok=True)
        return {**os.environ, "PATH": SYSTEM_PATH, "TMPDIR": str(temporary)}
