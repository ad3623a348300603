"""A folder's documents as a LIST of both kinds: what is valid, the last good text of what is not, and what is gone."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from tierway_operator.folder.documents import Document, Identity, Parsed, identity
from tierway_operator.folder.registry import KINDS, Registry
from tierway_operator.store import Entry
from tierway_operator.validation import Refused, Validator

logger = logging.getLogger(__name__)

_SHOWN = 3
_TWICE = "The object stands in"
Status = Callable[[Identity], Mapping[str, Any]]


class Lister:
    """Faults are logged when they appear and when they are gone."""

    def __init__(self, validator: Validator, registry: Registry) -> None:
        self._validator, self._registry = validator, registry
        self._faults: dict[str, str] = {}

    def entries(self, files: Iterable[Parsed], status: Status, now: str) -> dict[Identity, Entry]:
        """Bring the registry up to date. `now`: a timestamp, for what is new."""
        found = list(files)
        faults = {which: fault for each in self._places(found) for which, fault in [self._place(each, now)]}
        for file in found:
            if file.error is not None:
                faults |= {which: file.error for which in self._registry.of_file(file.file) if which not in faults}
        self._registry.keep_only(faults)
        told = {
            f"{which.kind} {which.namespace}/{which.name}": self._told(which, fault)
            for which, fault in faults.items()
            if fault
        }
        said = {fault for fault in faults.values() if fault}
        self._log(told | {file.file: file.error for file in found if file.error is not None and file.error not in said})
        return {which: self._entry(which, fault, status(which)) for which, fault in sorted(faults.items())}

    def _places(self, files: Iterable[Parsed]) -> Iterator[tuple[Identity, list[tuple[Parsed, Document]]]]:
        places: dict[Identity, list[tuple[Parsed, Document]]] = {}
        for file in files:
            for document in file.documents:
                which = identity(document)
                if which.kind in KINDS:
                    places.setdefault(which, []).append((file, document))
        yield from places.items()

    def _place(self, place: tuple[Identity, list[tuple[Parsed, Document]]], now: str) -> tuple[Identity, str | None]:
        """Take one object in; return what is wrong with it. Of two texts the one counts that counted before."""
        which, found = place
        known = self._registry.get(which)
        file, document = next((each for each in found if known and each[0].file == known.file), found[0])
        fault = self._take(which, file.file, document, now)
        if len(found) > 1:
            files = " and in ".join(each.file for each, _ in found)
            return which, f"{_TWICE} {files}; remove one. {file.file} counts."
        return which, file.error or fault

    def _take(self, which: Identity, file: str, document: Document, now: str) -> str | None:
        verdict = self._validator.validate(document)
        if isinstance(verdict, Refused):
            self._registry.broken(which, file, now)
            more = len(verdict.refusals) - _SHOWN
            told = "; ".join(map(str, verdict.refusals[:_SHOWN]))
            told += f"; and {more} more" if more > 0 else ""
            return f"{file}: {told}" + ("" if told.endswith("?") else ".")
        self._registry.good(which, verdict.object, file, now)
        return None

    def _entry(self, which: Identity, fault: str | None, status: Mapping[str, Any]) -> Entry:
        record = self._registry.get(which)
        if record is None:
            raise KeyError(which)
        return Entry({**record.whole(), "status": dict(status)}, fault)

    def _told(self, which: Identity, fault: str) -> str:
        """Return a fault with what it does to traffic, for whoever has just saved it."""
        record = self._registry.get(which)
        stays = record is not None and "spec" in record.manifest and not fault.startswith(_TWICE)
        return f"{fault} The last valid version stays in force." if stays else fault

    def _log(self, faults: dict[str, str]) -> None:
        for name, fault in faults.items():
            if self._faults.get(name) != fault:
                logger.warning("%s", fault if fault.startswith(name) else f"{name}: {fault}")
        for name in self._faults.keys() - faults.keys():
            logger.info("%s: good again", name)
        self._faults = faults
