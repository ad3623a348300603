"""One process a folder: two would publish against each other."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class InUseError(Exception):
    """Another process serves the folder. Its text is a sentence for people."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder; raises InUseError when somebody else does. The kernel lets go of it however the process ends."""
    path = folder / ".tierway" / "lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            message = f"{folder} is served already, by process {holder}: stop that one, or use another folder."
            raise InUseError(message) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield
