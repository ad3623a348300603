"""Structural validation: types, required fields, bounds, enumerations, patterns and unique list entries.

`jsonschema` walks; the keywords that Kubernetes reads differently are replaced here, and every refusal is worded for a
person, because the library's own sentences repeat the whole value.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.protocols import Validator as SchemaValidator
from jsonschema.validators import extend

from tierway_operator.resources.common import PATTERNS_IN_WORDS
from tierway_operator.validation.refusal import Refusal, written

Schema = Mapping[str, Any]
Errors = Iterator[ValidationError]

# With these the API server still asks the CEL rules.
_NOT_BLOCKING = {"pattern", "minLength", "minItems", "minimum", "maximum", "x-kubernetes-list-type"}
_LONGEST_QUOTE = 60


def _required(_: SchemaValidator, names: list[str], value: Any, schema: Schema) -> Errors:
    del schema
    for name in names:
        if isinstance(value, dict) and name not in value:
            yield ValidationError("", validator="required", path=[name])


def _enum(_: SchemaValidator, words: list[str], value: Any, schema: Schema) -> Errors:
    """A value of the wrong type is told so, and not in addition what it might have said."""
    del schema
    if isinstance(value, str) and value not in words:
        yield ValidationError("", validator="enum", validator_value=words, instance=value)


def _pattern(_: SchemaValidator, pattern: str, value: Any, schema: Schema) -> Errors:
    """RE2's `$` is the end of the text; Python's would also stand before a last newline."""
    del schema
    if isinstance(value, str) and not re.search(re.sub(r"\$$", r"\\Z", pattern), value, re.ASCII):
        yield ValidationError("", validator="pattern", validator_value=pattern, instance=value)


def _list_type(_: SchemaValidator, list_type: str, value: Any, schema: Schema) -> Errors:
    """Entries of a set, and keys of a map, stand once; the later of two is to blame."""
    if list_type == "atomic" or not isinstance(value, list):
        return
    keys = schema.get("x-kubernetes-list-map-keys", [])
    seen: list[Any] = []
    for index, entry in enumerate(value):
        key = {name: entry.get(name) for name in keys} if keys and isinstance(entry, dict) else entry
        if key in seen:
            yield ValidationError("", validator="x-kubernetes-list-type", instance=key, path=[index])
        seen.append(key)


_Walker = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    {"required": _required, "enum": _enum, "pattern": _pattern, "x-kubernetes-list-type": _list_type, "format": None},
)


class Structure:
    """The structural schema of one kind, ready to be asked often."""

    def __init__(self, schema: Schema) -> None:
        self._walker = _Walker(schema)

    def refusals(self, value: Any) -> list[Refusal]:
        return [
            Refusal(written(error.absolute_path), _in_words(error), error.validator not in _NOT_BLOCKING)
            for error in self._walker.iter_errors(value)
        ]


def _in_words(error: ValidationError) -> str:
    return _WORDS[str(error.validator)](error.validator_value, error.instance)


def _quoted(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]}…"


def _wrong_type(wanted: str, value: Any) -> str:
    if wanted == "string" and isinstance(value, int | float):
        return f'must be a string, not {value}: put it in quotes, "{value}"'
    return f"must be {_TYPES[wanted]}, not {_quoted(value)}"


def _not_matching(pattern: str, value: str) -> str:
    return f"{PATTERNS_IN_WORDS[pattern]}; not {_quoted(value)}"


_TYPES = {
    "array": "a list",
    "boolean": "true or false",
    "integer": "a whole number",
    "object": "a mapping",
    "string": "a string",
}
_WORDS: Mapping[str, Callable[[Any, Any], str]] = {
    "required": lambda _, __: "is required",
    "type": _wrong_type,
    "enum": lambda wanted, value: f"must be {' or '.join(wanted)}, not {_quoted(value)}",
    "pattern": _not_matching,
    "minLength": lambda least, _: f"must have at least {least} character",
    "maxLength": lambda most, value: f"must have at most {most} characters, not {len(value)}",
    "minimum": lambda least, value: f"must be at least {least}, not {value}",
    "maximum": lambda most, value: f"must be at most {most}, not {value}",
    "minItems": lambda least, _: f"must have at least {least} entry",
    "maxItems": lambda most, value: f"must have at most {most} entries, not {len(value)}",
    "x-kubernetes-list-type": lambda _, value: f"stands twice: {_quoted(value)}",
}
