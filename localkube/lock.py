"""One builder at a time, over all processes of a user: two would need twice the memory and do the same work.

The lock is the kernel's: it is free again the moment its holder ends, however that ends. Its file stays, deleting it
would make two of it.
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from localkube.progress import Progress

POLL_SECONDS = 0.2


@contextmanager
def one_at_a_time(path: Path, progress: Progress, sleep: Callable[[float], None] = time.sleep) -> Iterator[None]:
    """Hold the lock; while another has it, wait and say so."""
    with path.open("a+") as file:
        if not _taken(file):
            with progress.step(f"waiting for another build (process {_holder(file)})") as tick:
                while not _taken(file):
                    sleep(POLL_SECONDS)
                    tick("")
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _taken(file: TextIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(file: TextIO) -> str:
    file.seek(0)
    return file.read() or "unknown"
