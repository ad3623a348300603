"""Programs start in order, end in reverse, and never outlive whoever started them."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from localkube import StartError, children
from localkube.children import Launcher
from localkube.programs import Program, Programs

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux kills the children of a killed process")
SAYS_WHEN_IT_ENDS = """
import pathlib, signal, sys
def end(*_):
    with pathlib.Path("ended").open("a") as file:
        file.write(sys.argv[1] + "\\n")
    sys.exit()
signal.signal(signal.SIGTERM, end)
pathlib.Path(sys.argv[1]).touch()
while True:
    signal.pause()
"""
IGNORES_REQUESTS = """
import pathlib, signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
pathlib.Path("deaf").touch()
while True:
    signal.pause()
"""
TIDIES_SLOWLY = """
import pathlib, signal, sys, time
def end(*_):
    time.sleep(0.5)
    pathlib.Path("tidied").touch()
    sys.exit()
signal.signal(signal.SIGTERM, end)
pathlib.Path(sys.argv[1]).touch()
while True:
    signal.pause()
"""
BREAKS = "print('the port is taken', flush=True); raise SystemExit(3)"
SECONDS = 20.0


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where they run; a program is ready when it has left a file of its name there."""
    place = tmp_path / "place"
    place.mkdir()
    return place


def test_all_end_in_reverse_order_of_their_start(
    place: Path, script: Callable[[str, str], Path], runs: Callable[[int], bool]
) -> None:
    """An API server needs its etcd until it is gone itself."""
    program = script("program", SAYS_WHEN_IT_ENDS)
    with Programs(place, place, {}) as programs:
        for name in ("first", "second", "third"):
            programs.start(_program(name, program, place), SECONDS)
        pids = programs.pids()
        assert list(pids) == ["first", "second", "third"]
    assert (place / "ended").read_text().split() == ["third", "second", "first"]
    assert not any(map(runs, pids.values()))


def test_a_start_that_fails_half_way_ends_what_was_started_and_shows_the_log(
    place: Path, script: Callable[[str, str], Path]
) -> None:
    """The error carries the exit code and the last words of the program that broke."""
    first = _program("first", script("program", SAYS_WHEN_IT_ENDS), place)
    second = _program("second", script("breaks", BREAKS), place)
    with pytest.raises(StartError, match=r"(?s)second ended with 3;.*the port is taken"):
        _start_all(place, first, second)
    assert (place / "ended").read_text().split() == ["first"]


def test_a_program_that_is_not_there_ends_what_was_started(place: Path, script: Callable[[str, str], Path]) -> None:
    """The launcher's guard cannot become it, and says so."""
    first = _program("first", script("program", SAYS_WHEN_IT_ENDS), place)
    second = _program("second", place / "missing", place)
    with pytest.raises(StartError, match=r"(?s)second ended with 1;.*No such file"):
        _start_all(place, first, second)
    assert (place / "ended").read_text().split() == ["first"]


def test_a_program_that_never_gets_ready_fails_in_time(place: Path, script: Callable[[str, str], Path]) -> None:
    """A hang is a failure too, told apart from an end."""
    never = Program("never", (str(script("program", SAYS_WHEN_IT_ENDS)), "never"), lambda: False)
    with pytest.raises(StartError, match="never was not ready after 0 s"):
        _start_all(place, never, seconds=0.05)


def test_one_that_ignores_the_request_to_end_is_killed(
    place: Path, script: Callable[[str, str], Path], runs: Callable[[int], bool]
) -> None:
    """Nothing is left behind, whatever a program thinks of it."""
    with Programs(place, place, {}, grace=0.1) as programs:
        programs.start(_program("deaf", script("deaf", IGNORES_REQUESTS), place), SECONDS)
        (pid,) = programs.pids().values()
    assert not runs(pid)


def test_a_second_interrupt_while_ending_kills_what_is_left(
    place: Path, script: Callable[[str, str], Path], runs: Callable[[int], bool]
) -> None:
    """Who presses Ctrl-C twice wants out, and still leaves no process."""
    deaf = script("deaf", IGNORES_REQUESTS)
    programs = Programs(place, place, {}, grace=60)
    programs.start(_program("deaf", deaf, place), SECONDS)
    (pid,) = programs.pids().values()
    with _interrupt_after(0.2), pytest.raises(KeyboardInterrupt):
        programs.stop()
    assert not runs(pid)


def test_an_interrupt_amid_a_look_does_not_make_the_end_wait_for_ever(tmp_path: Path, monkeypatch) -> None:
    """Popen's own lock, left shut by a Ctrl-C in the wrong place, costs a moment: the program is dead all the same."""
    monkeypatch.setattr(children, "KILLED_SECONDS", 0.2)
    with Launcher() as launcher:
        child = launcher.start(
            [sys.executable, "-c", IGNORES_REQUESTS],
            log=tmp_path / "log",
            environment=dict(os.environ),
            folder=tmp_path,
        )
        lock = child._process._waitpid_lock  # type: ignore[attr-defined]
        lock.acquire()
        child.kill()
        lock.release()
        assert child.wait(SECONDS)


def test_what_was_killed_starts_again_with_the_same_command(
    place: Path, script: Callable[[str, str], Path], runs: Callable[[int], bool]
) -> None:
    """Another process of the same name; the others are the same."""
    program = script("program", SAYS_WHEN_IT_ENDS)
    with Programs(place, place, {}) as programs:
        for name in ("first", "second"):
            programs.start(_program(name, program, place), SECONDS)
        before = programs.pids()
        programs.kill("first")
        assert programs.pids() == {"second": before["second"]}
        (place / "first").unlink()
        programs.start_again("first", SECONDS)
        after = programs.pids()
    assert list(after) == ["first", "second"]
    assert after["second"] == before["second"]
    assert after["first"] != before["first"]
    assert not runs(after["first"])


def test_a_program_outlives_the_thread_that_started_it(place: Path, script: Callable[[str, str], Path]) -> None:
    """Linux takes the thread for the parent: an asynchronous caller's worker thread must not take programs along."""
    with Programs(place, place, {}) as programs:
        program = _program("first", script("program", SAYS_WHEN_IT_ENDS), place)
        thread = threading.Thread(target=programs.start, args=(program, SECONDS))
        thread.start()
        thread.join()
        programs.start(_program("second", script("program", SAYS_WHEN_IT_ENDS), place), SECONDS)
        assert list(programs.pids()) == ["first", "second"]


def test_a_program_has_a_session_of_its_own(place: Path, script: Callable[[str, str], Path]) -> None:
    """So the terminal's Ctrl-C is ours alone, and the order of the end with it."""
    with Programs(place, place, {}) as programs:
        programs.start(_program("first", script("program", SAYS_WHEN_IT_ENDS), place), SECONDS)
        (pid,) = programs.pids().values()
        assert os.getsid(pid) == pid


@LINUX
def test_no_program_outlives_a_killed_parent(
    place: Path,
    script: Callable[[str, str], Path],
    runs: Callable[[int], bool],
    eventually: Callable[[Callable[[], bool]], bool],
) -> None:
    """A kill -9 gives nobody a chance to clean up; the kernel does it."""
    text = f"""
        import pathlib, time
        from localkube.programs import Program, Programs
        place = pathlib.Path({str(place)!r})
        programs = Programs(place, place, {{}})
        program = Program("first", ({str(script("program", SAYS_WHEN_IT_ENDS))!r}, "first"), (place / "first").exists)
        programs.start(program, {SECONDS})
        print(programs.pids()["first"], flush=True)
        time.sleep(600)
    """
    with _python(text) as parent, ExitStack() as whatever_happens:
        whatever_happens.callback(parent.kill)
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert runs(pid)
        parent.kill()
    assert eventually(lambda: not runs(pid))


@LINUX
def test_one_that_tidies_is_asked_to_end_when_its_parent_is_killed(
    place: Path, script: Callable[[str, str], Path], eventually: Callable[[Callable[[], bool]], bool]
) -> None:
    """What the kernel does not take along, it still can."""
    text = f"""
        import pathlib, time
        from localkube.programs import Program, Programs
        place = pathlib.Path({str(place)!r})
        programs = Programs(place, place, {{}})
        command = ({str(script("program", SAYS_WHEN_IT_ENDS))!r}, "first")
        programs.start(Program("first", command, (place / "first").exists, tidies_seconds=5), {SECONDS})
        print("started", flush=True)
        time.sleep(600)
    """
    with _python(text) as parent, ExitStack() as whatever_happens:
        whatever_happens.callback(parent.kill)
        assert parent.stdout is not None
        assert parent.stdout.readline() == "started\n"
        parent.kill()
    assert eventually((place / "ended").exists)


def test_one_that_tidies_gets_its_own_time_to_end(place: Path, script: Callable[[str, str], Path]) -> None:
    """The others' moment is too short for it."""
    slow = script("slow", TIDIES_SLOWLY)
    with Programs(place, place, {}, grace=0.1) as programs:
        command = (str(slow), "first")
        programs.start(Program("first", command, (place / "first").exists, tidies_seconds=SECONDS), SECONDS)
    assert (place / "tidied").exists()


def test_one_that_tidies_does_so_after_a_second_interrupt_too(place: Path, script: Callable[[str, str], Path]) -> None:
    """Who presses Ctrl-C twice wants no cgroups left behind either."""
    programs = Programs(place, place, {}, grace=60)
    command = (str(script("slow", TIDIES_SLOWLY)), "first")
    programs.start(Program("first", command, (place / "first").exists, tidies_seconds=SECONDS), SECONDS)
    programs.start(_program("deaf", script("deaf", IGNORES_REQUESTS), place), SECONDS)
    with _interrupt_after(0.2), pytest.raises(KeyboardInterrupt):
        programs.stop()
    assert (place / "tidied").exists()


def _program(name: str, path: Path, place: Path) -> Program:
    return Program(name, (str(path), name), (place / name).exists)


def _start_all(place: Path, *programs: Program, seconds: float = SECONDS) -> None:
    with Programs(place, place, {}) as started:
        for program in programs:
            started.start(program, seconds)


def _python(text: str) -> "subprocess.Popen[str]":
    lines = "\n".join(line.removeprefix("        ") for line in text.splitlines())
    root = Path(__file__).parents[2]
    return subprocess.Popen([sys.executable, "-c", lines], cwd=root, stdout=subprocess.PIPE, text=True)


class _interrupt_after:  # noqa: N801 reads as a verb
    def __init__(self, seconds: float) -> None:
        self._timer = threading.Timer(seconds, signal.raise_signal, [signal.SIGINT])

    def __enter__(self) -> None:
        # a run in the background was started deaf to it
        self._before = signal.signal(signal.SIGINT, signal.default_int_handler)
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.join()
        signal.signal(signal.SIGINT, self._before)
