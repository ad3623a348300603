"""Prints objects as kubectl prints them: the columns of their CustomResourceDefinition, in kubectl's spacing and units.

So that the folder and a cluster show the same. It knows the JSONPaths that columns use (fields, and a filter by one
field), not the whole language.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

_STEP = re.compile(r"""\.(?P<field>[A-Za-z0-9_-]+)|\[\?\(@\.(?P<key>\w+)==["'](?P<value>[^"']*)["']\)\]""")
_MIN_WIDTH, _PADDING = 6, 3

Object = Mapping[str, Any]


@dataclass(frozen=True)
class Column:
    header: str
    path: str
    type: str


@dataclass(frozen=True)
class Kind:
    """What a CustomResourceDefinition says of its names and columns."""

    plural: str
    singular: str
    group: str
    kind: str
    names: frozenset[str]
    columns: tuple[Column, ...]
    wide: tuple[Column, ...]


def kind_of(crd: Mapping[str, Any]) -> Kind:
    spec, names = crd["spec"], crd["spec"]["names"]
    columns = spec["versions"][0]["additionalPrinterColumns"]
    made = [(Column(each["name"].upper(), each["jsonPath"], each["type"]), each.get("priority", 0)) for each in columns]
    known = {names["plural"], names["singular"], *names.get("shortNames", ()), *names.get("categories", ())}
    return Kind(
        plural=names["plural"],
        singular=names["singular"],
        group=spec["group"],
        kind=names["kind"],
        names=frozenset({*known, f"{names['plural']}.{spec['group']}", f"{names['singular']}.{spec['group']}"}),
        columns=tuple(column for column, priority in made if priority == 0),
        wide=tuple(column for column, _ in made),
    )


def table(
    kind: Kind,
    objects: Iterable[Object],
    now: datetime,
    *,
    wide: bool = False,
    with_kind: bool = False,
    with_namespace: bool = False,
) -> str:
    """Return header and rows, each line ended. `with_kind`: names as `modeltier.tierway.dev/NAME`."""
    columns = kind.wide if wide else kind.columns
    before = ["NAMESPACE", "NAME"] if with_namespace else ["NAME"]
    rows = [[*before, *(column.header for column in columns)]]
    for found in objects:
        meta = found["metadata"]
        name = f"{kind.singular}.{kind.group}/{meta['name']}" if with_kind else meta["name"]
        start = [meta["namespace"], name] if with_namespace else [name]
        rows.append([*start, *(cell(found, column, now) for column in columns)])
    return aligned(rows)


def cell(found: Object, column: Column, now: datetime) -> str:
    """Return what stands in a column; nothing when the object has no such field."""
    value = at(found, column.path)
    if value is None:
        return ""
    if column.type == "date":
        return age((now - datetime.fromisoformat(str(value))).total_seconds())
    return str(value).lower() if isinstance(value, bool) else str(value)


def at(found: Any, path: str) -> Any:
    """Return the first thing at a JSONPath; None when there is none."""
    for step in _STEP.finditer(path):
        if step["field"] is not None:
            found = found.get(step["field"]) if isinstance(found, Mapping) else None
        else:
            matching = (each for each in found or () if str(each.get(step["key"])) == step["value"])
            found = next(matching, None)
    return found


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Return lines of columns, three blanks between them and at least six wide, as kubectl's tabwriter makes them."""
    widths = [max(_MIN_WIDTH, *(len(row[place]) + _PADDING for row in rows)) for place in range(len(rows[0]) - 1)]
    lines = ("".join(text.ljust(width) for text, width in zip(row, [*widths, 0], strict=True)) for row in rows)
    return "".join(f"{line}\n" for line in lines)


def age(seconds: float) -> str:
    """Return a duration as kubectl writes it: `95s`, `4m30s`, `5h12m`, `3d4h`, `2y17d`."""
    whole = int(seconds)
    if whole < -1:
        return "<invalid>"
    minutes, hours, days = whole // 60, whole // 3600, whole // 86_400
    if whole < 120:
        return f"{max(0, whole)}s"
    if minutes < 10:
        return _two(minutes, "m", whole % 60, "s")
    if hours < 3:
        return f"{minutes}m"
    if hours < 8:
        return _two(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    if days < 8:
        return _two(days, "d", hours % 24, "h")
    if days < 365 * 2:
        return f"{days}d"
    return _two(days // 365, "y", days % 365, "d") if days < 365 * 8 else f"{days // 365}y"


def _two(large: int, unit: str, small: int, smaller: str) -> str:
    return f"{large}{unit}{small}{smaller}" if small else f"{large}{unit}"
