"""Waiting for something real to come to pass: never longer than said, and with what was seen when it did not."""

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")
LOOK_SECONDS = 0.25


def eventually(look: Callable[[], Found], seconds: float, wanted: str) -> Found:
    """Return the first true value of `look`; fails with its last value when there is none in time."""
    end = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < end, f"not within {seconds:.0f} s: {wanted}; last seen: {found!r}"
        time.sleep(LOOK_SECONDS)
    return found


def comes_to(look: Callable[[], Found], wanted: Found, seconds: float) -> None:
    """Wait until `look` returns `wanted`; fails with what it returned last."""
    end = time.monotonic() + seconds
    while (found := look()) != wanted:
        assert time.monotonic() < end, f"not within {seconds:.0f} s: {wanted!r}; last seen: {found!r}"
        time.sleep(LOOK_SECONDS)
