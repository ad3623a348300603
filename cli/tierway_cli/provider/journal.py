"""The recent requests as they came in, headers and bytes, so that a test sees exactly what was sent upstream."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Received:
    """One request: header names as sent, in their order, and the body's bytes."""

    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def json(self) -> Any:
        """Decode the body; raise :exc:`ValueError` when it is no JSON."""
        return json.loads(self.body)

    def header(self, name: str) -> str | None:
        """Return the first value of a header, whatever the case of its name."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def shown(self) -> dict[str, Any]:
        return {
            "path": self.path,
            "headers": [list(pair) for pair in self.headers],
            "body": self.body.decode(errors="backslashreplace"),
        }


class Journal:
    """Bounded in requests and in bytes of bodies; the oldest go first."""

    def __init__(self, requests: int = 1000, size: int = 64 * 2**20) -> None:
        self._limit, self._size = requests, size
        self._bytes = 0
        self._entries: deque[Received] = deque()

    def add(self, entry: Received) -> None:
        self._entries.append(entry)
        self._bytes += len(entry.body)
        while len(self._entries) > self._limit or (self._bytes > self._size and len(self._entries) > 1):
            self._bytes -= len(self._entries.popleft().body)

    def last(self, count: int | None = None) -> list[Received]:
        """Return the newest ``count`` in the order in which they came, all by default."""
        entries = list(self._entries)
        return entries if count is None else entries[max(0, len(entries) - count) :]
