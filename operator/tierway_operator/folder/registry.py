"""What an API server would keep of each object: a uid for life, a generation that counts its specs, its last good text.

It is kept in a file, so that a restart neither renames an object nor forgets what was good of one that is broken now.
"""

from collections.abc import Iterable, Mapping
from typing import Any, get_args
from uuid import uuid4

from pydantic import BaseModel, TypeAdapter, ValidationError

from tierway_operator.folder.documents import Identity
from tierway_operator.resources import API_VERSION
from tierway_operator.store import Kind

KINDS: tuple[str, ...] = get_args(Kind)


class Record(BaseModel):
    """`manifest` has no status; without a spec, no text of the object was ever valid."""

    uid: str
    generation: int
    created: str
    file: str
    manifest: dict[str, Any]

    def whole(self) -> dict[str, Any]:
        """Return the object with the metadata that a store gives."""
        given = {"uid": self.uid, "generation": self.generation, "creationTimestamp": self.created}
        meta = {**self.manifest["metadata"], **given}
        return {"apiVersion": API_VERSION, "kind": self.manifest["kind"], "metadata": meta, **self._spec()}

    def _spec(self) -> dict[str, Any]:
        return {"spec": self.manifest["spec"]} if "spec" in self.manifest else {}


_RECORDS = TypeAdapter(list[Record])


class Registry:
    def __init__(self, text: str | None) -> None:
        """Raise ValueError for a text that no registry wrote."""
        try:
            records = [] if text is None else _RECORDS.validate_json(text)
        except ValidationError as error:
            raise ValueError(f"it is not what was written: {error.errors()[0]['msg']}") from None
        self._records = {_identity(each.manifest): each for each in records}

    def text(self) -> str:
        return _RECORDS.dump_json(list(self._records.values()), indent=1).decode()

    def get(self, which: Identity) -> Record | None:
        return self._records.get(which)

    def of_file(self, file: str) -> list[Identity]:
        return [which for which, record in self._records.items() if record.file == file]

    def good(self, which: Identity, manifest: Mapping[str, Any], file: str, now: str) -> None:
        """Take a valid text: another spec is another generation."""
        known = self._records.get(which)
        if known is None:
            record = Record(uid=str(uuid4()), generation=1, created=now, file=file, manifest=dict(manifest))
        else:
            changed = "spec" in known.manifest and known.manifest["spec"] != manifest["spec"]
            generation = known.generation + changed
            record = known.model_copy(update={"manifest": dict(manifest), "file": file, "generation": generation})
        self._records[which] = record

    def broken(self, which: Identity, file: str, now: str) -> None:
        """Take note of an object whose text is not valid; what was good of it stays."""
        if which not in self._records:
            meta = {"namespace": which.namespace, "name": which.name}
            manifest = {"apiVersion": API_VERSION, "kind": which.kind, "metadata": meta}
            self._records[which] = Record(uid=str(uuid4()), generation=1, created=now, file=file, manifest=manifest)

    def keep_only(self, there: Iterable[Identity]) -> list[Identity]:
        """Forget all others, and return those."""
        gone = [which for which in self._records if which not in set(there)]
        for which in gone:
            del self._records[which]
        return gone


def _identity(manifest: Mapping[str, Any]) -> Identity:
    meta = manifest["metadata"]
    return Identity(manifest["kind"], meta["namespace"], meta["name"])
