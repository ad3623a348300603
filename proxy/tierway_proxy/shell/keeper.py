"""The last good copy of tables and provider keys, in a directory that outlives a restart of the container.

It is read only while the operator's side cannot be reached, and it never stands in the way: a full or lost disk is
logged and costs the copy, not the service. Files are whole or absent (atomic rename) and readable by this user alone.
"""

import json
import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import NamedTuple

from pydantic import TypeAdapter, ValidationError

logger = logging.getLogger(__name__)


class Kept(NamedTuple):
    """What one source (a ConfigMap's or a folder's name) last published for a policy."""

    source: str
    table: str
    state: str


_KEPT = TypeAdapter(Kept)
_KEYS = TypeAdapter(dict[str, str])


class Keeper:
    def __init__(self, directory: Path) -> None:
        self._tables = directory / "tables"
        self._keys = directory / "keys.json"

    def keep_table(self, kept: Kept) -> None:
        write(self._table_file(kept.source), json.dumps(kept))

    def forget_table(self, source: str) -> None:
        _remove(self._table_file(source))

    def retain_tables(self, sources: Iterable[str]) -> None:
        """Forget all others."""
        there = {self._table_file(source) for source in sources}
        for file in set(self._tables.glob("*.json")) - there:
            _remove(file)

    def keep_keys(self, keys: Mapping[str, str]) -> None:
        write(self._keys, json.dumps(dict(keys)))

    def tables(self) -> Iterator[Kept]:
        for file in sorted(self._tables.glob("*.json")):
            try:
                yield _KEPT.validate_json(file.read_text())
            except (OSError, ValidationError):
                logger.warning("a kept table cannot be read", extra={"file": str(file)})

    def keys(self) -> dict[str, str]:
        try:
            return _KEYS.validate_json(self._keys.read_text())
        except FileNotFoundError:
            return {}
        except (OSError, ValidationError):
            logger.warning("the kept provider keys cannot be read", extra={"file": str(self._keys)})
            return {}

    def _table_file(self, source: str) -> Path:
        # a source's name may be as long as a file's name may be, before any suffix
        return self._tables / f"{sha256(source.encode()).hexdigest()}.json"


def write(path: Path, text: str) -> None:
    """Write a file whole, readable by this user alone; what hinders it is logged."""
    new = None
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with NamedTemporaryFile("w", dir=path.parent, suffix=".tmp", delete=False) as file:  # mode 0600
            new = Path(file.name)
            file.write(text)
        os.replace(new, path)  # noqa: PTH105  # the same call, by the name that says atomic
    except OSError as error:
        if new is not None:
            _remove(new)  # else a full disk is filled with halves
        logger.warning("no copy kept on disk", extra={"file": str(path), "error": str(error)})


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        logger.warning("what is wanted no more stays on disk", extra={"file": str(path), "error": str(error)})
