"""The YAML files of a folder, read so that an editor's saving never looks like a deletion.

Editors truncate before they write, or move a file away before they put the new one there. So what is suddenly missing
counts as gone only when the file has stayed as it is for a moment; what is new or changed counts at once. A file that
is broken keeps its last good documents.
"""

from dataclasses import dataclass, field
from pathlib import Path

from tierway_operator.folder.documents import Parsed, parsed

SETTLE_SECONDS = 0.5
_SUFFIXES = frozenset({".yaml", ".yml", ".json"})


@dataclass
class _Known:
    good: Parsed
    shrunk_to: str | None = None
    since: float = 0.0


@dataclass
class Files:
    """`restless`: something is missing that may come back; look again after `SETTLE_SECONDS`."""

    folder: Path
    restless: bool = False
    _known: dict[str, _Known] = field(default_factory=dict)

    def look(self, now: float) -> tuple[Parsed, ...]:
        """Return what counts now, by file name. `now`: seconds of any clock. Raises OSError when there is no folder."""
        self.restless = False
        texts = {file.name: _text(file) for file in self.folder.iterdir() if is_source(file)}
        return tuple(self._file(name, texts.get(name), now) for name in sorted(texts.keys() | self._known.keys()))

    def _file(self, name: str, text: str | OSError | None, now: float) -> Parsed:
        known = self._known.get(name)
        if isinstance(text, OSError):
            return (known.good if known else Parsed(name)).instead_of(f"{name} cannot be read: {text.strerror}.")
        found = parsed(name, text or "")
        if known is None:
            self._known[name] = _Known(Parsed(name) if found.error else found)
            return found
        if found.error is not None:
            return known.good.instead_of(found.error)
        if known.good.identities - found.identities and not self._settled(known, text or "", now):
            self.restless = True
            return known.good
        if text is None:
            del self._known[name]
        else:
            self._known[name] = _Known(found)
        return found

    @staticmethod
    def _settled(known: _Known, text: str, now: float) -> bool:
        if known.shrunk_to != text:
            known.shrunk_to, known.since = text, now
        return now - known.since >= SETTLE_SECONDS


def is_source(file: Path) -> bool:
    return file.suffix in _SUFFIXES and not file.name.startswith(".")


def _text(file: Path) -> str | OSError | None:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, IsADirectoryError):
        return None
    except OSError as error:
        return error
