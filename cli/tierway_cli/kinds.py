"""Objects of a folder that are probably meant for Tierway, and of a kind that it does not know: mostly misspelt.

A folder may hold anything beside our kinds, so what it ignores it must name where it looks like ours.
"""

from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

from tierway_operator.folder.documents import Document, identity
from tierway_operator.folder.files import Files
from tierway_operator.folder.registry import KINDS
from tierway_operator.resources import API_VERSION, GROUP

_ALIKE = 0.8
"""Of `difflib`: one wrong letter, two that are swapped, a plural, another case."""


def unknown_kinds(folder: Path) -> Iterator[str]:
    for file in Files(folder).look(0.0):
        for document in file.documents:
            if (sentence := unknown_kind(document)) is not None:
                yield f"{file.file}: {sentence}"


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
