"""How our models speak the schema language of Kubernetes.

A pydantic model says most of a CustomResourceDefinition: types, bounds, patterns, descriptions. What it has no word for
(CEL rules, list types, integer formats) stands beside the field as a marker of this module, and travels with the
model's JSON schema. Nothing here knows our two kinds, and nothing here evaluates a rule.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

VALIDATIONS = "x-kubernetes-validations"

_WORDS = {"url": "URL", "ttft": "TTFT", "1k": "1K"}


def camel_case(attribute: str) -> str:
    """Return the name in YAML: ``max_ttft_milliseconds`` -> ``maxTTFTMilliseconds``, ``class_`` -> ``class``."""
    first, *rest = attribute.rstrip("_").split("_")
    return first + "".join(_WORDS.get(word, word.capitalize()) for word in rest)


@dataclass(frozen=True)
class Rule:
    """A CEL rule of the API server, with the sentence that a user reads when it is broken.

    ``field`` narrows the blame to a field below the one that carries the rule, e.g. ``.models``.
    """

    rule: str
    message: str
    field: str | None = None

    def as_validation(self) -> dict[str, str]:
        blame = {} if self.field is None else {"fieldPath": self.field}
        return {"rule": self.rule, "message": self.message, **blame}

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return _with_rules(handler(schema), (self,))


@dataclass(frozen=True)
class Format:
    """The width of an integer, or the form of a string, as OpenAPI names it."""

    name: str

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {**handler(schema), "format": self.name}


@dataclass(frozen=True)
class ListType:
    """How appliers of one list are merged: ``map`` by its keys, ``set`` of scalars, ``atomic`` where order counts."""

    name: str
    keys: tuple[str, ...] = ()

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        keys = {"x-kubernetes-list-map-keys": list(self.keys)} if self.keys else {}
        return {**handler(schema), "x-kubernetes-list-type": self.name, **keys}


SET = ListType("set")
ATOMIC = ListType("atomic")


def keyed(*keys: str) -> ListType:
    return ListType("map", keys)


class Shape(BaseModel):
    """Base of every object in our two kinds: immutable, camelCase in YAML, snake_case in Python.

    Fields that it does not know are ignored, because refusing or pruning them is the store's work, and an operator may
    meet objects of a newer CustomResourceDefinition.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        alias_generator=camel_case,
        populate_by_name=True,
        use_attribute_docstrings=True,
    )

    cel: ClassVar[tuple[Rule, ...]] = ()

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler, /) -> JsonSchemaValue:
        resolved: dict[str, Any] = handler.resolve_ref_schema(handler(core_schema))
        return _with_rules(resolved, cls.cel)


def _with_rules(schema: JsonSchemaValue, rules: tuple[Rule, ...]) -> JsonSchemaValue:
    if not rules:
        return schema
    return {**schema, VALIDATIONS: [*schema.get(VALIDATIONS, []), *(rule.as_validation() for rule in rules)]}
