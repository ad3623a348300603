"""What the API server does to a document before it validates: unknown fields, nulls, defaults.

Each function takes a value and the structural schema that it stands under, and changes nothing in place. A value of the
wrong type passes unchanged: saying so is the validation's work.
"""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from tierway_operator.validation.refusal import Path, Refusal, written

Schema = Mapping[str, Any]


def unknown_fields(value: Any, schema: Schema, path: Path = ()) -> Iterator[Refusal]:
    """Yield a refusal, in kubectl's words, for each field that the schema does not know."""
    if isinstance(value, Mapping) and "properties" in schema:
        for name, part in value.items():
            here = (*path, str(name))
            if name in schema["properties"]:
                yield from unknown_fields(part, schema["properties"][name], here)
            else:
                yield Refusal(
                    written(here), f'unknown field "{written(here)}"{_meant(str(name), schema["properties"])}'
                )
    elif isinstance(value, list) and "items" in schema:
        for index, part in enumerate(value):
            yield from unknown_fields(part, schema["items"], (*path, index))


def _meant(name: str, known: Mapping[str, Any]) -> str:
    by_lower = {each.lower(): each for each in known}
    close = get_close_matches(name.lower(), by_lower, n=1)
    return f"; did you mean {by_lower[close[0]]}?" if close else ""


def filled(value: Any, schema: Schema) -> Any:
    """Return the value as the API server would store it: unknown fields and nulls pruned, defaults filled in."""
    if isinstance(value, Mapping) and "properties" in schema:
        return _filled_object(value, schema["properties"])
    if isinstance(value, list) and "items" in schema:
        return [filled(part, schema["items"]) for part in value]
    if isinstance(value, float) and schema.get("type") == "integer" and value.is_integer():
        return int(value)
    return value


def _filled_object(value: Mapping[Any, Any], properties: Mapping[str, Schema]) -> dict[str, Any]:
    present = {name: filled(part, properties[name]) for name, part in value.items() if _kept(name, part, properties)}
    missing = {name: each["default"] for name, each in properties.items() if name not in present and "default" in each}
    return {**present, **missing}


def _kept(name: Any, part: Any, properties: Mapping[str, Schema]) -> bool:
    return name in properties and part is not None
