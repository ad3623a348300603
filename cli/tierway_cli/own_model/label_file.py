"""The file of labels as it grows: each label is on disk before the next prompt is shown, and no prompt text is.

What a crash left of a line is cut away before the next one is written.
"""

import json
import os
from pathlib import Path

from tierway_cli.own_model.errors import BadInputError
from tierway_cli.own_model.labels import Label, read_labels
from tierway_cli.own_model.looks import Look, as_json
from tierway_proxy.contract.base import RequestClass


class LabelFile:
    """One writer at a time; `take_back` knows only what this object wrote."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._starts: list[int] = []

    def labels(self) -> list[Label]:
        """Read what is there; nothing when there is no file yet."""
        if not self._path.exists() or not self._path.stat().st_size:
            return []
        return read_labels([self._path])

    def write(self, id_: str, klass: RequestClass, seen: Look) -> None:
        line = json.dumps({"id": id_, "class": klass, "figures": as_json(seen)}, separators=(",", ":")) + "\n"
        try:
            with self._path.open("ab+") as file:
                start = _end_of_lines(file.tell(), self._path)
                file.truncate(start)
                file.write(line.encode())
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise BadInputError(f"{self._path}: {error.strerror or error}") from error
        self._starts.append(start)

    def take_back(self) -> bool:
        """Remove the last label that was written; False when there is none left."""
        if not self._starts:
            return False
        os.truncate(self._path, self._starts.pop())
        return True


def _end_of_lines(size: int, path: Path) -> int:
    """Return where a new line may begin: behind the last line that is whole."""
    if size == 0:
        return 0
    data = path.read_bytes()
    tail = data.rfind(b"\n") + 1
    try:
        json.loads(data[tail:] or b"0")
    except ValueError:
        return tail
    if tail < size:  # written by somebody who ends no line
        with path.open("ab") as file:
            file.write(b"\n")
        return size + 1
    return tail
