"""One builder at a time; the others wait and say so."""

import io
import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

from localkube.lock import one_at_a_time
from localkube.progress import Progress


def test_the_second_builder_waits_for_the_first_and_names_it(tmp_path: Path) -> None:
    """It goes on in the moment that the first has ended, not before."""
    said = io.StringIO()
    progress = Progress(said)
    first = ExitStack()
    first.enter_context(one_at_a_time(tmp_path / "lock", progress))
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            first.close()

    with one_at_a_time(tmp_path / "lock", progress, sleep=sleep):
        assert len(waits) == 3
    assert f"waiting for another build (process {os.getpid()})" in said.getvalue()


def test_a_lone_builder_says_nothing(tmp_path: Path) -> None:
    """Also when the file of an earlier one is still there."""
    said = io.StringIO()
    for _ in range(2):
        with one_at_a_time(tmp_path / "lock", Progress(said)):
            pass
    assert said.getvalue() == ""


def test_a_killed_builder_holds_nobody_up(tmp_path: Path) -> None:
    """The lock is the kernel's, and free when its holder is dead."""
    text = f"""
import pathlib, time
from localkube.lock import one_at_a_time
from localkube.progress import Progress
with one_at_a_time(pathlib.Path({str(tmp_path / "lock")!r}), Progress()):
    print("held", flush=True)
    time.sleep(600)
"""
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", text]
    with (
        subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as holder,
        ExitStack() as whatever_happens,
    ):
        whatever_happens.callback(holder.kill)
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        holder.kill()
    said = io.StringIO()
    with one_at_a_time(tmp_path / "lock", Progress(said)):
        assert said.getvalue() == ""
