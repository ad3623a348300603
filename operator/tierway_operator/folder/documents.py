"""The text of a file -> its documents, read as kubectl reads them, or one sentence that says where it is broken."""

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple

import yaml

Document = Mapping[str, Any]
DEFAULT_NAMESPACE = "default"


class Identity(NamedTuple):
    kind: str
    namespace: str
    name: str


@dataclass(frozen=True)
class Parsed:
    """A file's documents. With an `error`, they are those of its last good text."""

    file: str
    documents: tuple[Document, ...] = ()
    error: str | None = None

    @property
    def identities(self) -> frozenset[Identity]:
        return frozenset(map(identity, self.documents))

    def instead_of(self, text_error: str | None) -> "Parsed":
        return replace(self, error=text_error)


class _Loader(yaml.SafeLoader):
    """YAML as kubectl takes it: a key that stands twice is an error, and a date is a text."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002 - PyYAML's signature
        seen = set()
        for key, _ in node.value:
            name = self.construct_object(key, deep=True)
            if name in seen:
                raise yaml.constructor.ConstructorError(None, None, f"the key {name!r} stands twice", key.start_mark)
            seen.add(name)
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@lru_cache(maxsize=1024)
def parsed(file: str, text: str) -> Parsed:
    """Return every document that is not empty; of a broken text none, for a half of it may mean another thing."""
    try:
        found = [each for document in yaml.load_all(text, _Loader) for each in _objects(document)]
    except (yaml.YAMLError, ValueError, TypeError) as error:
        return Parsed(file, error=f"{file}{_place(error)}")
    return Parsed(file, tuple(_with_namespace(each) for each in found))


def identity(document: Document) -> Identity:
    """Return which object a document is."""
    meta = document["metadata"]
    return Identity(document["kind"], str(meta.get("namespace") or DEFAULT_NAMESPACE), meta["name"])


def labels_and_annotations(document: Document) -> Iterator[dict[str, str]]:
    meta = document["metadata"]
    for part in ("labels", "annotations"):
        found = meta.get(part)
        yield {str(key): str(value) for key, value in found.items()} if isinstance(found, Mapping) else {}


def _objects(document: Any) -> Iterator[Document]:
    """Yield a document, or the items of a List. One that does not say what it is was perhaps cut: an error."""
    if document is None:
        return
    if not isinstance(document, dict):
        raise TypeError(f"a document is {type(document).__name__}, not an object with kind and metadata")
    if isinstance(document.get("items"), list) and str(document.get("kind")).endswith("List"):
        yield from (each for item in document["items"] for each in _objects(item))
        return
    meta = document.get("metadata")
    if not isinstance(document.get("kind"), str) or not isinstance(meta, dict) or not isinstance(meta.get("name"), str):
        raise TypeError("a document has no kind or no metadata.name")
    yield document


def _with_namespace(document: Document) -> Document:
    return {**document, "metadata": {**document["metadata"], "namespace": identity(document).namespace}}


def _place(error: Exception) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f", line {error.problem_mark.line + 1}: {error.problem}."
    return f": {' '.join(str(error).split())}."
