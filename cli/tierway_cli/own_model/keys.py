"""Keys of whoever labels: single ones from a terminal, the first letters of lines from anything else."""

import sys
from collections.abc import Iterator
from contextlib import suppress


def keys() -> Iterator[str]:
    """Yield lower-case keys until the input ends or somebody interrupts."""
    with suppress(KeyboardInterrupt, EOFError):
        yield from _pressed() if sys.stdin.isatty() and sys.platform != "win32" else _typed()


def _typed() -> Iterator[str]:
    for line in sys.stdin:
        yield line.strip().lower()[:1]


def _pressed() -> Iterator[str]:
    import termios  # noqa: PLC0415 - there is none on Windows, where lines are read
    import tty  # noqa: PLC0415

    before = termios.tcgetattr(sys.stdin)
    tty.setcbreak(sys.stdin)
    try:
        while key := sys.stdin.read(1):
            yield key.lower()
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
