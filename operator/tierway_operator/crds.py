"""The CustomResourceDefinitions of both kinds: made from the models, committed in `deploy/crds`, loaded from there.

`python -m tierway_operator.crds DIR` writes them. What pydantic emits is not a structural schema: references are
inlined, `null` alternatives removed, and keywords that the API server refuses are stripped. A keyword that this module
does not know stops the generator, so that no constraint is lost in silence.
"""

import sys
from collections.abc import Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import yaml

from tierway_operator.columns import POLICY_COLUMNS, TIER_COLUMNS, Column
from tierway_operator.resources import GROUP, VERSION, ModelTier, RoutingPolicy
from tierway_operator.resources.schema import VALIDATIONS, Shape

Schema = dict[str, Any]

# In the order in which they are written.
_KEPT = (
    "description", "type", "format", "enum", "default", "pattern", "minLength", "maxLength", "minimum", "maximum",
    "minItems", "maxItems", "x-kubernetes-list-type", "x-kubernetes-list-map-keys", VALIDATIONS, "required",
)  # fmt: skip
_REPLACED = {"$ref", "$defs", "anyOf", "properties", "items", "title"}
_HEADER = "# Made by `make crds` from operator/tierway_operator/resources; edit there.\n"


def structural(schema: Schema, definitions: Mapping[str, Schema]) -> Schema:
    """Turn a schema as pydantic emits it into one that the API server takes: no references, no nulls, no titles."""
    whole = _inlined(schema, definitions)
    if strange := whole.keys() - _REPLACED - set(_KEPT):
        raise ValueError(f"keywords that a structural schema has no place for: {sorted(strange)}")
    kept = {key: whole[key] for key in _KEPT if whole.get(key) not in (None, [])}
    if "description" in kept:
        kept["description"] = " ".join(kept["description"].split())
    if "properties" in whole:
        kept["properties"] = {name: structural(part, definitions) for name, part in whole["properties"].items()}
    if "items" in whole:
        kept["items"] = structural(whole["items"], definitions)
    return kept


def _inlined(schema: Schema, definitions: Mapping[str, Schema]) -> Schema:
    """Replace `$ref` and `X or null` by what they stand for; what stands beside them wins, rules are added."""
    inner: Schema = {}
    if "$ref" in schema:
        inner = definitions[schema["$ref"].rpartition("/")[2]]
    elif "anyOf" in schema:
        (inner,) = (each for each in schema["anyOf"] if each != {"type": "null"})
    if not inner:
        return _with_enum(schema)
    beside = {key: value for key, value in schema.items() if key not in {"$ref", "anyOf", "title"}}
    whole = _inlined(inner, definitions)
    return {**whole, **beside, VALIDATIONS: [*whole.get(VALIDATIONS, []), *beside.get(VALIDATIONS, [])]}


def _with_enum(schema: Schema) -> Schema:
    """Write a `const`, which structural schemas do not know, as an enumeration of one."""
    rest = {key: value for key, value in schema.items() if key != "const"}
    return {**rest, "enum": [schema["const"]]} if "const" in schema else rest


def crd(kind: type[Shape], *, plural: str, short: str, columns: tuple[Column, ...]) -> Schema:
    """Return the CustomResourceDefinition of a kind, as an object ready for YAML."""
    names = {
        "kind": kind.__name__,
        "listKind": f"{kind.__name__}List",
        "plural": plural,
        "singular": kind.__name__.lower(),
        "shortNames": [short],
        "categories": ["tierway"],
    }
    version = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "additionalPrinterColumns": [column.as_printer_column() for column in columns],
        "schema": {"openAPIV3Schema": _root(kind)},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {"group": GROUP, "names": names, "scope": "Namespaced", "versions": [version]},
    }


def _root(kind: type[Shape]) -> Schema:
    """Leave `apiVersion`, `kind` and `metadata` to the API server, which validates them itself."""
    emitted = kind.model_json_schema()
    emitted["properties"] |= {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"type": "object"},
    }
    emitted["required"] = ["spec"]
    return structural(emitted, emitted["$defs"])


def generated_crds() -> dict[str, str]:
    """Return the YAML texts by file name."""
    crds = (
        crd(ModelTier, plural="modeltiers", short="mtier", columns=TIER_COLUMNS),
        crd(RoutingPolicy, plural="routingpolicies", short="rpolicy", columns=POLICY_COLUMNS),
    )
    return {f"{each['spec']['names']['plural']}.yaml": _HEADER + _as_yaml(each) for each in crds}


def _as_yaml(crd: Schema) -> str:
    return yaml.dump(crd, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=118)


class _Plain(yaml.SafeDumper):
    """Writes out what stands twice, instead of an anchor and a reference to it."""

    def ignore_aliases(self, data: object) -> bool:
        del data
        return True


def committed_crds() -> tuple[Schema, ...]:
    """Return the committed CustomResourceDefinitions, from the checkout or from the installed wheel, by plural name."""
    files = sorted((file for file in _folder().iterdir() if file.name.endswith(".yaml")), key=lambda file: file.name)
    return tuple(yaml.safe_load(file.read_text(encoding="utf-8")) for file in files)


def _folder() -> Traversable:
    in_wheel = resources.files("tierway_operator") / "crd_files"
    return in_wheel if in_wheel.is_dir() else Path(__file__).parents[2] / "deploy" / "crds"


def main() -> None:
    directory = Path(sys.argv[1])
    for name, text in generated_crds().items():
        (directory / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
