"""Labels: which class a prompt has, told by a person, by a model, or by how well a weak and a strong model did.

Lines of `tierway label` hold the figures of a prompt and no text. Lines of others hold a prompt and `class` or `label`
in any usual spelling, or the scores `weak` and `strong`. Lines of a recording are refused: their `class` is what the
classifier guessed, and a model fitted to it would learn nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tierway_cli.own_model.errors import BadInputError
from tierway_cli.own_model.looks import Look, from_json, look
from tierway_cli.own_model.prompts import Prompt, Row, body_of, prompt_of, rows
from tierway_proxy.contract.base import CLASSES, RequestClass

SPELLINGS: Mapping[str, RequestClass] = {
    **dict.fromkeys(("simple", "s", "easy", "low"), "Simple"),
    **dict.fromkeys(("moderate", "m", "medium", "middle", "mid"), "Moderate"),
    **dict.fromkeys(("complex", "c", "hard", "high", "difficult", "reasoning"), "Complex"),
}
"""Of the classes, in lower case."""

ADDS_NOTHING = 0.1
"""A strong model that scores at most this much above the weak one adds nothing: Simple."""
ADDS_MUCH = 0.5
"""One that scores at least this much above it is needed: Complex. Between the two: Moderate."""


@dataclass(frozen=True, slots=True)
class Label:
    id: str
    klass: RequestClass
    look: Look


def read_labels(paths: Sequence[Path], pool: Sequence[Prompt] = ()) -> list[Label]:
    """Read labels; of prompts labelled twice the last one counts.

    `pool` gives the prompts behind labels whose figures are of other general weights. Raises `BadInputError`, naming
    the line, for a class that is none and a line that has no label.
    """
    bodies = {prompt.id: prompt for prompt in pool}
    found: dict[str, Label] = {}
    for path in paths:
        for row in rows(path):
            label = _label(row, bodies)
            found.pop(label.id, None)
            found[label.id] = label
    return list(found.values())


def class_of(text: object) -> RequestClass | None:
    """Return the class that a word names, in any usual spelling."""
    return SPELLINGS.get(str(text).strip().lower()) if isinstance(text, str) else None


def class_by_outcomes(weak: float, strong: float) -> RequestClass:
    """Return the class by what the strong model adds to the weak one's score, both from 0 to 1.

    Where both fail the strong one adds nothing, and it is Simple: paying more would not have helped.
    """
    gain = strong - weak
    if gain <= ADDS_NOTHING:
        return "Simple"
    return "Complex" if gain >= ADDS_MUCH else "Moderate"


def _label(row: Row, bodies: Mapping[str, Prompt]) -> Label:
    if not isinstance(row.value, dict):
        raise BadInputError(f"{row.where}: no label; expected an object with a prompt and its `class`.")
    if "probabilities" in row.value and "table" in row.value:
        raise BadInputError(
            f"{row.where}: a recorded prompt, whose class is only what the classifier guessed;"
            " label it first: tierway label."
        )
    klass = _class(row)
    if "figures" in row.value:
        return _own(row, klass, bodies)
    body = body_of(row.value)
    if body is None:
        raise BadInputError(f"{row.where}: no prompt; expected `request`, `messages`, `prompt` or `text`.")
    return Label(prompt_of(body).id, klass, look(body))


def _own(row: Row, klass: RequestClass, bodies: Mapping[str, Prompt]) -> Label:
    id_ = str(row.value.get("id"))
    if id_ in bodies:
        return Label(id_, klass, look(bodies[id_].body))
    seen = from_json(row.value["figures"])
    if seen is None:
        raise BadInputError(
            f"{row.where}: its figures are of another release's classifier;"
            " name the prompts that were labelled with --pool."
        )
    return Label(id_, klass, seen)


def _class(row: Row) -> RequestClass:
    value: Mapping[str, Any] = row.value
    for key in ("class", "label"):
        if key in value:
            klass = class_of(value[key])
            if klass is None:
                raise BadInputError(f"{row.where}: {key} {value[key]!r} is none of {', '.join(CLASSES)}.")
            return klass
    if "weak" in value and "strong" in value:
        return class_by_outcomes(_score(row, "weak"), _score(row, "strong"))
    raise BadInputError(f"{row.where}: no label; expected `class`, or the scores `weak` and `strong`.")


def _score(row: Row, key: str) -> float:
    value = row.value[key]
    if isinstance(value, int | float) and 0 <= value <= 1:
        return float(value)
    raise BadInputError(f"{row.where}: {key} {value!r} is no score from 0 to 1.")
