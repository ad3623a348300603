"""The CEL rules of a CustomResourceDefinition, compiled once and asked at every place of an object that has them.

Rules over `oldSelf` are not known here: our definitions have none.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import cel
from cel.stdlib import STDLIB_FUNCTIONS

from tierway_operator.resources.schema import VALIDATIONS
from tierway_operator.validation.refusal import Path, Refusal, written

Schema = Mapping[str, Any]


class Rule:
    def __init__(self, validation: Mapping[str, str]) -> None:
        self._program = cel.compile(validation["rule"])
        self._functions = {
            name: STDLIB_FUNCTIONS[name] for name in self._program.functions() if name in STDLIB_FUNCTIONS
        }
        self._message = validation["message"]
        self._below = tuple(validation.get("fieldPath", "").split(".")[1:])

    def refusals(self, value: Any, path: Path) -> Iterator[Refusal]:
        try:
            holds = self._program.execute({"self": value, **self._functions})
        except RuntimeError:
            # A rule that cannot be worked out refuses: a regular expression that is none, say. The API server then
            # blames the place that has the rule.
            yield Refusal(written(path), self._message)
        else:
            if holds is not True:
                yield Refusal(written((*path, *self._below)), self._message)


class Rules:
    """The rules of a schema and of everything below it."""

    def __init__(self, schema: Schema) -> None:
        self._here = tuple(Rule(each) for each in schema.get(VALIDATIONS, ()))
        self._properties = {name: Rules(part) for name, part in schema.get("properties", {}).items()}
        self._items = Rules(schema["items"]) if "items" in schema else None
        self._is_set = schema.get("x-kubernetes-list-type") == "set"

    def refusals(self, value: Any, path: Path = ()) -> Iterator[Refusal]:
        """Yield what the rules refuse. The value is structurally valid."""
        seen = self.as_seen(value)
        for rule in self._here:
            yield from rule.refusals(seen, path)
        if isinstance(value, dict):
            for name in value.keys() & self._properties.keys():
                yield from self._properties[name].refusals(value[name], (*path, name))
        elif isinstance(value, list) and self._items:
            for index, entry in enumerate(value):
                yield from self._items.refusals(entry, (*path, index))

    def as_seen(self, value: Any) -> Any:
        """Order the sets in a value: on the API server two sets are equal whatever the order of their entries."""
        if isinstance(value, dict):
            known = self._properties
            return {name: known[name].as_seen(part) if name in known else part for name, part in value.items()}
        if isinstance(value, list) and self._items:
            entries = [self._items.as_seen(entry) for entry in value]
            return sorted(entries) if self._is_set else entries
        return value
