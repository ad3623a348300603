"""One document in, one verdict out: the order of the API server's steps, and nothing of how each is done."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from tierway_operator.validation.filling import filled, unknown_fields
from tierway_operator.validation.metadata import METADATA
from tierway_operator.validation.refusal import Refusal
from tierway_operator.validation.rules import Rules
from tierway_operator.validation.structure import Structure

Unknown = Literal["Refuse", "Prune"]


@dataclass(frozen=True)
class Accepted:
    """The document as the API server would store it: defaults filled in, without unknown fields, nulls and status."""

    object: Mapping[str, Any]


@dataclass(frozen=True)
class Refused:
    """Why not: at least one refusal, sorted by field."""

    refusals: tuple[Refusal, ...]


@dataclass(frozen=True)
class _Kind:
    schema: Mapping[str, Any]
    structure: Structure
    rules: Rules


class Validator:
    """Validates documents of the kinds that are defined by the given CustomResourceDefinitions."""

    def __init__(self, crds: Iterable[Mapping[str, Any]]) -> None:
        self._kinds = {key: kind for crd in crds for key, kind in _kinds_of(crd)}

    def validate(self, document: Mapping[str, Any], unknown: Unknown = "Refuse") -> Accepted | Refused:
        """Return the object to store, or every reason against it.

        A field that the schema does not know is refused, as by kubectl, or pruned, as by clients that do not ask for
        strictness.
        """
        kind = self._kinds.get((str(document.get("apiVersion")), str(document.get("kind"))))
        if kind is None:
            return Refused((self._no_such_kind(document),))
        if unknown == "Refuse" and (strange := tuple(unknown_fields(document, kind.schema))):
            return Refused(strange)
        stored = filled({key: part for key, part in document.items() if key != "status"}, kind.schema)
        refusals = _refusals(stored, kind)
        return Refused(tuple(sorted(refusals))) if refusals else Accepted(stored)

    def _no_such_kind(self, document: Mapping[str, Any]) -> Refusal:
        known = ", ".join(f"{kind} of {version}" for version, kind in sorted(self._kinds))
        return Refusal("kind", f"{document.get('kind')} of {document.get('apiVersion')} is not one of {known}")


def _refusals(stored: Mapping[str, Any], kind: _Kind) -> list[Refusal]:
    structural = kind.structure.refusals(stored)
    return structural if any(each.blocking for each in structural) else [*structural, *kind.rules.refusals(stored)]


def _kinds_of(crd: Mapping[str, Any]) -> Iterable[tuple[tuple[str, str], _Kind]]:
    spec = crd["spec"]
    for version in spec["versions"]:
        root = version["schema"]["openAPIV3Schema"]
        schema = {**root, "properties": {**root["properties"], "metadata": METADATA}}
        schema["required"] = [*root.get("required", []), "metadata"]
        key = f"{spec['group']}/{version['name']}", spec["names"]["kind"]
        yield key, _Kind(schema, Structure(schema), Rules(schema))
