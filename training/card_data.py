"""What the weights were fitted to, as a table: licences, data sets and rows; and the project's own bank."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from training.card_page import table
from training.data import Row


def licences(labelled: Sequence[Row], bank: Sequence[Row]) -> str:
    """Write a line for each licence, the commonest first, with the names of its data sets."""
    by: dict[str, Counter[str]] = defaultdict(Counter)
    for row in labelled:
        by[row.licence][row.dataset] += 1
    lines = sorted(by.items(), key=lambda each: -each[1].total())
    rows = [(licence, str(len(sets)), sets.total(), ", ".join(sorted(sets))) for licence, sets in lines]
    rows.append(("the project's own, Apache-2.0", "", len(bank), f"`training/bank`, {_languages(bank)} languages"))
    return table(("licence", "data sets", "requests", "names"), rows)


def sets(labelled: Sequence[Row]) -> str:
    """Write how many requests, data sets, languages and tasks each set has, and how its labels are shared out."""
    rows = []
    for name in dict.fromkeys(row.set for row in labelled):
        some = [row for row in labelled if row.set == name]
        labels = Counter(row.label for row in some)
        counts = (len({getattr(row, what) for row in some}) for what in ("dataset", "language", "task"))
        rows.append((name, len(some), *counts, " / ".join(str(labels[at]) for at in range(3))))
    return table(("", "requests", "data sets", "languages", "tasks", "Simple / Moderate / Complex"), rows)


def _languages(rows: Sequence[Row]) -> int:
    return len({row.language for row in rows})
