"""Tables from a folder: the embedded store's, or mounted ConfigMaps.

    tables/<name>/table.json, state.json        one policy each
    keys/<id>                                   a provider key each; keys/token is the release's token

The directory is watched, never a file: a kubelet swaps the symlink `..data`, which kills a watch on a file. Every sync
reads the whole folder, so a missed event costs at most `RESYNC_MILLISECONDS`. While `tables/` is away (not mounted, or
just being replaced) nothing changes: only an entry that is missing from it was taken back.
"""

import asyncio
import logging
from pathlib import Path

from watchfiles import awatch

from tierway_proxy.shell.tables import Tables

logger = logging.getLogger(__name__)

RESYNC_MILLISECONDS = 2000
_QUIET_MILLISECONDS = 20
_ABSENT_SECONDS = 0.25


class FolderSource:
    def __init__(self, path: Path, tables: Tables) -> None:
        self._path = path
        self._tables = tables

    async def run(self) -> None:
        """Keep the tables in step with the folder until cancelled; a folder that is not there yet is waited for."""
        while True:
            if not self._path.is_dir():
                self._lost()
                await asyncio.sleep(_ABSENT_SECONDS)
                continue
            await self._follow()

    async def _follow(self) -> None:
        """Sync at once and after each change; return when the directory is no longer the one that is watched."""
        watched = self._path.stat().st_ino
        self.sync()
        async for _ in awatch(
            self._path,
            watch_filter=None,
            step=_QUIET_MILLISECONDS,
            rust_timeout=RESYNC_MILLISECONDS,
            yield_on_timeout=True,
        ):
            if not self._path.is_dir() or self._path.stat().st_ino != watched:
                return
            self.sync()

    def sync(self) -> None:
        """Read the folder once. What cannot be read keeps what it last gave."""
        try:
            # keys first: a table must not meet requests before the keys that it names
            if keys := self._keys():
                self._tables.offer_keys(keys)
            sources = self._sources()
            for source in sources:
                self._offer(source)
            self._tables.retain(sources)
        except OSError as error:
            logger.warning("the folder of tables cannot be read", extra={"error": str(error)})
            self._lost()

    def _lost(self) -> None:
        self._tables.contact.lost()
        self._tables.restore()

    def _keys(self) -> dict[str, str]:
        folder = self._path / "keys"
        return {file.name: _text(file) for file in _visible(folder) if file.is_file()} if folder.is_dir() else {}

    def _sources(self) -> list[str]:
        """Raises FileNotFoundError without `tables/`: that is no list, where an empty directory is an empty one."""
        return [folder.name for folder in _visible(self._path / "tables") if (folder / "table.json").is_file()]

    def _offer(self, source: str) -> None:
        folder = self._path / "tables" / source
        try:
            self._tables.offer(source, _text(folder / "table.json"), _text(folder / "state.json"))
        except FileNotFoundError as error:
            # between two writes of the publisher; it is read again at the next event
            logger.debug("a table is not complete", extra={"source": source, "error": str(error)})


def _visible(folder: Path) -> list[Path]:
    """Entries but those of the kubelet's own (`..data`) and of writers (`.tmp-…`)."""
    return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))


def _text(file: Path) -> str:
    # bytes that are no UTF-8 reach validation, which refuses them by name, instead of ending the sync of all tables
    return file.read_text(encoding="utf-8", errors="surrogateescape")
