"""Builds pinned programs from source, once a machine and user.

Whatever is cut, by Ctrl-C or a kill -9, nothing half done can be taken for a program: each is built in a scratch
folder and renamed to its place when it is whole, and the next builder removes the scratch of those that were killed.
It refuses to build beside another builder.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from localkube.children import Launcher
from localkube.errors import UnavailableError
from localkube.golang import Go, go
from localkube.lock import one_at_a_time
from localkube.pins import Module
from localkube.progress import Progress
from localkube.steps import Steps

SCRATCH = "building-"


def build(module: Module, names: Sequence[str], cache: Path, progress: Progress | None = None) -> dict[str, Path]:
    """Return these programs from `cache`, after building what is missing there. Raises UnavailableError."""
    places = {name: cache / f"{module.name}-{module.digest}" / name for name in names}
    if not _missing(places):
        return places
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with one_at_a_time(cache / "build.lock", progress := progress or Progress()):
            if missing := _missing(places):  # another may have built it while we waited
                _build(module, missing, cache, progress)
    except OSError as error:
        raise UnavailableError(f"cannot build in {cache}: {error}") from error
    return places


def _build(module: Module, places: dict[str, Path], cache: Path, progress: Progress) -> None:
    version = ".".join(map(str, module.version))
    progress.say(f"Building {', '.join(places)} ({module.name} {version}) once for this machine, into {cache}:")
    with _scratch(cache, progress) as scratch, Launcher() as launcher:
        steps = Steps(scratch, launcher, progress)
        toolchain = go(module.go, steps)
        source = scratch / "source"
        shutil.copytree(module.folder, source)
        _fetch(module, list(places), toolchain, steps, source)
        for name, place in places.items():
            _compile(module, name, place, toolchain, steps, source)


def _fetch(module: Module, names: Sequence[str], toolchain: Go, steps: Steps, source: Path) -> None:
    command = [
        str(toolchain.program),
        "list",
        "-deps",
        "-f={{/* nothing: what is left are the modules that it fetches */}}",
        *(module.packages[name] for name in names),
    ]
    steps.run("fetching sources", command, toolchain.environment(steps.scratch), source, unit="modules")


def _compile(module: Module, name: str, place: Path, toolchain: Go, steps: Steps, source: Path) -> None:
    made = steps.scratch / name
    command = [
        str(toolchain.program),
        "build",
        "-v",
        f"-ldflags={module.linker_flags}",
        f"-o={made}",
        module.packages[name],
    ]
    steps.run(f"building {name}", command, toolchain.environment(steps.scratch), source, unit="packages")
    place.parent.mkdir(exist_ok=True)
    made.replace(place)


def _missing(places: dict[str, Path]) -> dict[str, Path]:
    return {name: path for name, path in places.items() if not os.access(path, os.X_OK)}


@contextmanager
def _scratch(cache: Path, progress: Progress) -> Iterator[Path]:
    for left_by_a_killed_builder in cache.glob(f"{SCRATCH}*"):
        shutil.rmtree(left_by_a_killed_builder, ignore_errors=True)
    scratch = Path(tempfile.mkdtemp(prefix=SCRATCH, dir=cache))
    try:
        yield scratch
    finally:
        with progress.step("removing what only the build needed"):  # gigabytes: some seconds
            shutil.rmtree(scratch, ignore_errors=True)
