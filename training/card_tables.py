"""The card's tables of requests that the weights never saw, from their labels and probabilities."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from tierway_proxy.contract.table import Preset
from tierway_proxy.core.classify.classes import BOUNDARIES, UNCERTAIN
from training.card_kinds import group_of, kind_of, shapes_of
from training.card_page import between, percent, point, table
from training.card_unseen import Unseen
from training.judging import Figures, auroc, calibrated, classes, evened, figures, interval, macro_f1, over, under

SETS: Final = {"mixed": "natural mix", "broad": "balanced set"}
PRESETS: Final[tuple[Preset, ...]] = ("Balanced", "Safe", "Thrifty")

_RATES: Final = ("macro-F1", "AUROC", "Complex sent below", "others sent to Complex")


@dataclass(frozen=True)
class Part:
    """Some of the rows, judged with one preset."""

    labels: np.ndarray
    odds: np.ndarray
    found: np.ndarray
    datasets: list[str]

    def figures(self, weights: np.ndarray | None = None) -> Figures:
        return figures(self.labels, self.odds, self.found, weights)

    def of(self, at: np.ndarray) -> "Part":
        return Part(self.labels[at], self.odds[at], self.found[at], [self.datasets[each] for each in at])

    def bounds(self, rate: Callable[["Part"], float], write: Callable[[float], str]) -> str:
        """Write a figure with its 95% interval over data sets."""
        low, high = interval(lambda at: rate(self.of(at)), self.datasets)
        return between(write(rate(self)), write(low), write(high))


def part(of: Unseen, at: Iterable[int], preset: Preset = "Balanced", margin: float = UNCERTAIN) -> Part:
    """Judge some rows."""
    rows = np.fromiter(at, int)
    found = classes(of.odds[rows], BOUNDARIES[preset], margin)
    return Part(of.labels[rows], of.odds[rows], found, [of.rows[each].dataset for each in rows])


def in_set(of: Unseen, name: str) -> list[int]:
    """Give the indexes of the rows of a set."""
    return [at for at, row in enumerate(of.rows) if row.set == name]


def main_figures(of: Unseen) -> str:
    """Both sets at every preset, with intervals for those of the default one."""
    rows = []
    for name, title in SETS.items():
        at = in_set(of, name)
        for preset in PRESETS:
            rows.append((f"{title}, **{preset}**", *_bounded(part(of, at, preset), preset)))
            rows.append((f"{title}, {preset}, AsClassified", *_plain(part(of, at, preset, 0.0).figures())))
    return table(("", "macro-F1", "AUROC", "Complex sent below", "of it to Simple", "others sent to Complex"), rows)


def _bounded(some: Part, preset: Preset) -> tuple[str, ...]:
    if preset != "Balanced":
        return _plain(some.figures())
    return (
        some.bounds(lambda at: macro_f1(at.labels, at.found), point),
        some.bounds(lambda at: auroc(at.labels == 2, at.odds[:, 2]), point),
        some.bounds(lambda at: under(at.labels, at.found), percent),
        percent(some.figures().severe_under),
        some.bounds(lambda at: over(at.labels, at.found), percent),
    )


def _plain(found: Figures) -> tuple[str, ...]:
    rates = (percent(rate) for rate in (found.under, found.severe_under, found.over))
    return point(found.macro_f1), point(found.auroc), *rates


def balanced_traffic(of: Unseen) -> str:
    """What is left of the figures as the kind of task says less and less."""
    mixed, broad = in_set(of, "mixed"), in_set(of, "broad")
    themes = [of.rows[at].dataset.split("_")[0] for at in broad]
    even = evened(list(zip(themes, of.labels[broad].tolist(), strict=True)))
    kept = [at for at, weight in zip(broad, even, strict=True) if weight]
    rows = [
        ("natural mix", len(mixed), *_rates(part(of, mixed).figures())),
        ("balanced set", len(broad), *_rates(part(of, broad).figures())),
        ("one collection asked in easy and hard ways", len(kept), *_rates(part(of, kept).figures(even[even > 0]))),
    ]
    return table(("", "requests", *_RATES), rows)


def _rates(found: Figures) -> tuple[str, ...]:
    return point(found.macro_f1), point(found.auroc), percent(found.under), percent(found.over)


def english(of: Unseen) -> str:
    """Each set in English and in other languages."""
    rows = []
    for name, title in SETS.items():
        for said, is_so in (("English", True), ("not English", False)):
            at = [each for each in in_set(of, name) if (of.rows[each].language == "en") == is_so]
            rows.append((f"{title}, {said}", len(at), *_rates(part(of, at).figures())))
    return table(("", "requests", *_RATES), rows)


def by_language(of: Unseen) -> str:
    """Confusion by group of languages, both sets together."""
    return _confusions(of, [{group_of(row.language)} for row in of.rows])


def by_task(of: Unseen) -> str:
    """Confusion by kind of task, both sets together."""
    return _confusions(of, [{kind_of(row.task)} for row in of.rows])


def by_shape(of: Unseen) -> str:
    """Confusion by what requests carry, both sets together; a request may be of several shapes."""
    return _confusions(of, [shapes_of(row.request) for row in of.rows])


def _confusions(of: Unseen, groups: Sequence[set[str]]) -> str:
    counts = Counter(name for some in groups for name in sorted(some))
    rows = [("**all**", *_confusion(part(of, range(len(of.rows)))))]
    for name, _ in counts.most_common():
        at = [each for each, some in enumerate(groups) if name in some]
        rows.append((name, *_confusion(part(of, at))))
    head = ("", "requests", "Simple as S / M / C", "Moderate as S / M / C", "Complex as S / M / C")
    return table(head, rows)


def _confusion(some: Part) -> tuple[str, ...]:
    lines = (" / ".join(map(str, line)) if line.sum() else "-" for line in some.figures().confusion)
    return f"{len(some.labels):,}", *lines


def calibration(of: Unseen) -> str:
    """What was said of tenths of the requests, and what was seen."""
    rows = []
    for name, title in SETS.items():
        at = in_set(of, name)
        for what, said, true in (
            ("Complex", of.odds[at, 2], of.labels[at] == 2),
            ("more than Simple", 1 - of.odds[at, 0], of.labels[at] > 0),
        ):
            tenths = calibrated(true, said)
            rows.append((f"{title}, {what}: said", *(point(each) for each, _ in tenths)))
            rows.append(("seen", *(point(each) for _, each in tenths)))
    return table(("tenths of the requests", *map(str, range(1, 11))), rows)


def languages_left_out(of: Unseen) -> str:
    """Groups of languages by weights that saw none of them, beside weights that did not see the data sets alone."""
    rows = []
    for name, (at, odds) in of.languages.items():
        seen, labels = part(of, at), of.labels[at]
        found = figures(labels, odds, classes(odds, BOUNDARIES["Balanced"], UNCERTAIN))
        rates = zip(_rates(seen.figures()), _rates(found), strict=True)
        rows.append((name, f"{len(at)} ({(labels == 2).sum()})", *(f"{before} → {after}" for before, after in rates)))
    return table(("", "requests (Complex)", *_RATES), rows)


def robustness(of: Unseen) -> str:
    """How many keep their class after a change, Balanced."""
    rows = []
    for change, odds in of.changed.items():
        found = classes(odds, BOUNDARIES["Balanced"], UNCERTAIN)
        kept = [(part(of, at).found == found[at]).mean() for at in (in_set(of, name) for name in SETS)]
        rows.append((change, *map(percent, kept)))
    return table(("same class after", *SETS.values()), rows)
