"""Programs of a few lines in place of the real ones, and a look at what runs."""

import os
import stat
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

DEADLINE_SECONDS = 20.0


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str, str], Path]:
    """Write an executable Python script of that name."""

    def write(name: str, text: str) -> Path:
        path = tmp_path / "scripts" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!{sys.executable}\n{text}")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path

    return write


@pytest.fixture
def runs() -> Callable[[int], bool]:
    """Whether a process is there and no mere zombie, whoever its parent is."""

    def look(pid: int) -> bool:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        state = Path(f"/proc/{pid}/stat")
        return not (state.exists() and state.read_text().rsplit(")", 1)[1].split()[0] == "Z")

    return look


@pytest.fixture
def eventually() -> Callable[[Callable[[], bool]], bool]:
    """Whether something real (a process, a file) comes to pass before the deadline."""

    def wait(condition: Callable[[], bool]) -> bool:
        end = time.monotonic() + DEADLINE_SECONDS
        while not condition():
            if time.monotonic() > end:
                return False
            time.sleep(0.02)
        return True

    return wait
