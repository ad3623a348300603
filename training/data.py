"""Labelled requests, read from a folder of JSONL, and how they are parted for judging: by whole data sets.

A folder holds `*.jsonl` or `*.jsonl.gz` files of rows `{source, lang, task, label, license, request}`; the name of a
file is the name of its set. The part of `source` before `:` or `/` is a row's family: what was never seen in training
must be of another family, whatever set it is in.
"""

import gzip
import json
import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

LABELS: Final = {"SIMPLE": 0, "MODERATE": 1, "COMPLEX": 2}
FOLDS: Final = 10


@dataclass(frozen=True, slots=True)
class Row:
    """`label` is 0 (Simple), 1 (Moderate) or 2 (Complex). `dataset` is what is left out together when judging."""

    set: str
    dataset: str
    family: str
    language: str
    task: str
    licence: str
    label: int
    request: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Fold:
    """Indexes of rows: those judged, and those that were fitted to, none of which is of a judged row's data set."""

    fitted: list[int]
    judged: list[int]


def read(folder: Path, sets: Sequence[str] = ("mixed", "broad")) -> list[Row]:
    """Read the labelled sets of a folder; raises FileNotFoundError that names a missing one."""
    return [_row(name, line) for name in sets for line in lines(folder, name)]


def lines(folder: Path, name: str) -> Iterator[dict[str, Any]]:
    """Give the objects of one set."""
    packed = folder / f"{name}.jsonl.gz"
    if packed.exists():
        with gzip.open(packed, "rt", encoding="utf-8") as file:
            yield from map(json.loads, file)
        return
    with (folder / f"{name}.jsonl").open(encoding="utf-8") as file:
        yield from map(json.loads, file)


def folds(rows: Sequence[Row], count: int = FOLDS, seed: int = 0) -> list[Fold]:
    """Part each set into as many folds of whole data sets, the largest first, each to the smallest fold so far."""
    return [fold for name in sorted({row.set for row in rows}) for fold in _folds_of(name, rows, count, seed)]


def _folds_of(name: str, rows: Sequence[Row], count: int, seed: int) -> Iterator[Fold]:
    home = _homes(Counter(row.dataset for row in rows if row.set == name), count, seed)
    for number in range(count):
        judged = [at for at, row in enumerate(rows) if row.set == name and home[row.dataset] == number]
        datasets = {rows[at].dataset for at in judged}
        families = {rows[at].family for at in judged}
        unseen = [
            at
            for at, row in enumerate(rows)
            if (row.dataset not in datasets if row.set == name else row.family not in families)
        ]
        yield Fold(unseen, judged)


def _homes(sizes: Counter[str], count: int, seed: int) -> dict[str, int]:
    names = sorted(sizes)
    random.Random(seed).shuffle(names)  # noqa: S311 - an order, not a secret
    filled = [0] * count
    home = {}
    for name in sorted(names, key=lambda name: -sizes[name]):
        home[name] = filled.index(min(filled))
        filled[home[name]] += sizes[name]
    return home


def _row(name: str, line: dict[str, Any]) -> Row:
    family = re.split("[:/]", line["source"])[0]
    return Row(
        set=name,
        # of the natural mix every source is a data set of its own; of the balanced one a whole family is
        dataset=line["source"] if name == "mixed" else family,
        family=family,
        language=line["lang"],
        task=line["task"],
        licence=line["license"],
        label=LABELS[line["label"]],
        request=line["request"],
    )
