"""Objects of a folder that are probably meant for Tierway, and of a kind that it does not know: mostly misspelt.

A folder may hold anything beside our kinds, so what it ignores it must name where it looks like ours.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path

from tierway_operator.folder import FolderStore
from tierway_operator.folder.documents import Document, identity
from tierway_operator.folder.files import Files
from tierway_operator.folder.registry import KINDS
from tierway_operator.resources import API_VERSION, GROUP
from tierway_operator.store import Proxy, World

_ALIKE = 0.8
"""Of `difflib`: one wrong letter, two that are swapped, a plural, another case."""


class NamingStore(FolderStore):
    """A folder that says once of each such object that it is ignored, also of one that an edit brings."""

    def __init__(self, folder: Path, proxies: Callable[[], Iterable[Proxy]], say: Callable[[str], None]) -> None:
        super().__init__(folder, proxies)
        self._looked_at, self._say, self._said = folder, say, frozenset[str]()

    async def world(self) -> World:
        with suppress(OSError):  # a folder that is away is the world's to tell
            found = unknown_kinds(self._looked_at)
            for sentence in sorted(found - self._said):
                self._say(sentence)
            self._said = found
        return await super().world()


def unknown_kinds(folder: Path) -> frozenset[str]:
    """Return a sentence for each; raise OSError where there is no folder."""
    files = Files(folder).look(0.0)
    found = ((file.file, unknown_kind(document)) for file in files for document in file.documents)
    return frozenset(f"{name}: {sentence}" for name, sentence in found if sentence is not None)


def unknown_kind(document: Document) -> str | None:
    """Return a sentence about a document that is ignored although it looks like one of ours."""
    kind, namespace, name = identity(document)
    version = str(document.get("apiVersion", ""))
    if kind in KINDS or not (version.startswith(f"{GROUP}/") or _meant(kind)):
        return None
    which = f"{_meant(kind)} of {API_VERSION}" if _meant(kind) else " or ".join(KINDS)
    return f"{kind} {namespace}/{name} is ignored: there is no kind {kind} of {version}; did you mean {which}?"


def _meant(kind: str) -> str | None:
    by_lower = {each.lower(): each for each in KINDS}
    found = get_close_matches(kind.lower(), by_lower, 1, _ALIKE)
    return by_lower[found[0]] if found else None
