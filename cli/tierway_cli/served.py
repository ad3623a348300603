"""Whether somebody serves a folder now: a loop holds its lock for as long as it lives, however it ends."""

import fcntl
from pathlib import Path


def is_served(folder: Path) -> bool:
    try:
        file = (folder / ".tierway" / "lock").open("rb")
    except OSError:
        return False
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
