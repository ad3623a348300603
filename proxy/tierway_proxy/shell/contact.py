"""Whether whoever gives the tables, the Kubernetes API or a folder, answers: so, how old what is served may be."""

import time
from collections.abc import Callable


class Contact:
    """`clock`: seconds since the epoch."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._last = 0.0
        self._there = False

    def heard(self) -> None:
        """Everything that there is was read; what changes from now on is told, until `lost`."""
        self._there = True

    def lost(self) -> None:
        """Nothing is told any more. Called at every failed attempt."""
        self._last = self.last_heard()
        self._there = False

    def last_heard(self) -> float:
        """Until when no change was missed; 0 when nothing was ever read."""
        return self._clock() if self._there else self._last
