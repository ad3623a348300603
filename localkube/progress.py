"""What a person sees while something takes minutes: one moving line on a terminal, plain lines in a log."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

ERASE = "\r\x1b[K"
REMINDER_SECONDS = 60.0


class Progress:
    """Writes to `stream`; `clock` counts seconds."""

    def __init__(self, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = sys.stderr if stream is None else stream  # looked up late: pytest puts another one there
        self._clock = clock
        self._moving = self._stream.isatty()

    def say(self, text: str) -> None:
        self._write(f"{text}\n")

    @contextmanager
    def step(self, what: str) -> Iterator[Callable[[str], None]]:
        """Show one step with its time; gives the function to call, several times a second, with a detail."""
        begin = shown = self._clock()
        line = f"  {what}"
        self._write(line if self._moving else f"{line} …\n")

        def tick(detail: str = "") -> None:
            nonlocal shown
            now = self._clock()
            if now - shown < (1.0 if self._moving else REMINDER_SECONDS):
                return
            shown = now
            text = f"{line} … {_duration(now - begin)}{', ' if detail else ''}{detail}"
            self._write(ERASE + text if self._moving else f"{text}\n")

        try:
            yield tick
        except BaseException:
            self._end(f"{line}: not finished after {_duration(self._clock() - begin)}")
            raise
        self._end(f"{line}: {_duration(self._clock() - begin)}")

    def _end(self, text: str) -> None:
        self._write(f"{ERASE if self._moving else ''}{text}\n")

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
