"""Keys of whoever labels: single ones from a terminal, the first letters of lines from anything else."""

import os
import sys
from collections.abc import Iterator
from contextlib import suppress

_ESCAPE = b"\x1b"


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

    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    tty.setcbreak(terminal)
    try:
        while pressed := os.read(terminal, 64):
            if not pressed.startswith(_ESCAPE):  # an arrow key is no letter, although it is sent with one
                yield from pressed.decode(errors="replace").lower()
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)
