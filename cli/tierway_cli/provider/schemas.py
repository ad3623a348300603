"""An example value of a JSON schema: arguments of tool calls and answers in a demanded format.

It follows what people write in schemas of tools; a keyword that it does not know leaves the value plain and
is never an error.
"""

from __future__ import annotations

from random import Random
from typing import Any

from tierway_cli.provider.chat import Json

_DEPTH = 8


def example(schema: object, words: list[str], random: Random, root: Json | None = None, depth: int = 0) -> Any:
    """Make a value; its strings are taken from ``words``, which must not be empty."""
    if not isinstance(schema, dict) or depth > _DEPTH:
        return random.choice(words) if depth <= _DEPTH else None
    root = schema if root is None else root
    schema = _narrow(schema, root)
    if isinstance(schema.get("enum"), list) and schema["enum"]:
        return random.choice(schema["enum"])
    if "const" in schema:
        return schema["const"]
    kind = schema.get("type", "object" if "properties" in schema else "string")
    if isinstance(kind, list):
        kind = next((name for name in kind if name != "null"), "null")
    if kind == "object":
        properties = schema.get("properties")
        fields = properties.items() if isinstance(properties, dict) else ()
        return {name: example(inner, words, random, root, depth + 1) for name, inner in fields}
    if kind == "array":
        return [example(schema.get("items"), words, random, root, depth + 1) for _ in range(2)]
    return _scalar(kind, schema, words, random)


def _narrow(schema: Json, root: Json) -> Json:
    for keyword in ("anyOf", "oneOf", "allOf"):
        options = schema.get(keyword)
        if isinstance(options, list) and options and isinstance(options[0], dict):
            return _narrow(options[0], root)
    reference = schema.get("$ref")
    if isinstance(reference, str) and reference.startswith("#/$defs/"):
        definitions = root.get("$defs")
        target = definitions.get(reference.removeprefix("#/$defs/")) if isinstance(definitions, dict) else None
        return target if isinstance(target, dict) else {}
    return schema


def _scalar(kind: object, schema: Json, words: list[str], random: Random) -> Any:
    low = schema.get("minimum", 1)
    low = low if isinstance(low, int | float) else 1
    match kind:
        case "integer":
            return int(low) + random.randrange(5)
        case "number":
            return low + random.randrange(20) / 4
        case "boolean":
            return random.random() < 0.5
        case "null":
            return None
        case _:
            return random.choice(words)
