"""A person at a terminal sees that it is alive; a log stays readable."""

import io

import pytest

from localkube.progress import Progress


class Terminal(io.StringIO):
    """A stream that says it is one."""

    def isatty(self) -> bool:
        return True


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_on_a_terminal_one_line_keeps_moving() -> None:
    """Each second the same line is written over, with time and detail; at the end it stays with the whole time."""
    screen, clock = Terminal(), Clock()
    with Progress(screen, clock).step("building etcd") as tick:
        for _ in range(10):  # many a second
            clock.now += 0.25
            tick("7 packages")
        clock.now += 60
    assert screen.getvalue().count("\n") == 1
    assert screen.getvalue().split("\r\x1b[K") == [
        "  building etcd",
        "  building etcd … 1 s, 7 packages",
        "  building etcd … 2 s, 7 packages",
        "  building etcd: 1 min 02 s\n",
    ]


def test_in_a_log_there_are_plain_lines_one_a_minute() -> None:
    """No control characters, and not one line a second."""
    log, clock = io.StringIO(), Clock()
    with Progress(log, clock).step("building etcd") as tick:
        for _ in range(90):
            clock.now += 1
            tick("7 packages")
    assert log.getvalue().splitlines() == [
        "  building etcd …",
        "  building etcd … 1 min 00 s, 7 packages",
        "  building etcd: 1 min 30 s",
    ]


def test_a_step_that_is_cut_says_that_it_is_not_finished() -> None:
    """The last line must not look like success."""
    log, clock = io.StringIO(), Clock()
    with pytest.raises(KeyboardInterrupt), Progress(log, clock).step("building etcd"):
        raise KeyboardInterrupt
    assert log.getvalue().splitlines()[-1] == "  building etcd: not finished after 0 s"
