"""Figures of the shipped weights on the set in the repository, which no weight was fitted to: `demo/requests`.

By the production classifier alone and plain arithmetic, so that a test can compute them anew wherever the project is
installed.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from demo.corpus import Sample, load
from tierway_proxy.contract.base import CLASSES, RequestClass
from tierway_proxy.contract.table import Classifier, Preset
from tierway_proxy.core.classify import BOUNDARIES, classify, examine
from tierway_proxy.core.classify.classes import UNCERTAIN
from tierway_proxy.core.classify.general import general
from training.card_page import percent, point, table

_ENOUGH: Final = 20
"""Requests of a language for a line of its own."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A request of the set and the class that it was given."""

    sample: Sample
    found: RequestClass


def judged(options: Classifier) -> list[Judged]:
    """Classify the set."""
    return [Judged(each, classify(each.request, examine(each.request), options).klass) for each in load()]


def repository() -> str:
    """Write the tables: by preset, then for Balanced by class, language and shape."""
    presets: tuple[Preset, ...] = ("Balanced", "Safe", "Thrifty")
    by_preset = [_line(f"**{preset}**", judged(Classifier(preset=preset))) for preset in presets]
    balanced = judged(Classifier())
    shapes = sorted({each.sample.shape for each in balanced})
    rows = [
        *by_preset,
        *(_line(name, some) for name, some in _by_language(balanced)),
        *(_line(shape, [each for each in balanced if each.sample.shape == shape]) for shape in shapes),
    ]
    head = ("", "requests", "macro-F1", "agree", "Complex sent below", "others sent to Complex")
    return "\n\n".join([table(head, rows), _confusion(balanced)])


def weights() -> str:
    """Write what the shipped weights are, and where the presets draw their boundaries."""
    made, packed = general(), files("tierway_proxy.core.classify").joinpath("general.bin").read_bytes()
    said = (
        f"The weights are `{made.name}`: {len(made.figures)} figures of structure and {len(made.words):,} hashes of "
        f"words, two signed bytes each; {len(packed):,} bytes in the wheel. A request within {UNCERTAIN} below a "
        "boundary is uncertain."
    )
    head = ("preset", "Moderate from P(more than Simple)", "Complex from P(Complex)")
    return f"{said}\n\n{table(head, [(preset, point(a), point(b)) for preset, (a, b) in BOUNDARIES.items()])}"


def boundaries() -> str:
    """Write in a line where the presets draw their boundaries."""
    return ", ".join(f"{preset} {point(more)} and {point(most)}" for preset, (more, most) in BOUNDARIES.items())


def macro_f1(some: Sequence[Judged]) -> float:
    """Give the mean of the three classes' F1; a class that neither occurs nor is found counts 0."""
    return sum(_f1(some, klass) for klass in CLASSES) / len(CLASSES)


def _f1(some: Sequence[Judged], klass: RequestClass) -> float:
    hits = sum(each.found == klass == each.sample.klass for each in some)
    named = sum(each.found == klass for each in some) + sum(each.sample.klass == klass for each in some)
    return 2 * hits / named if named else 0.0


def _line(name: str, some: Sequence[Judged]) -> tuple[object, ...]:
    agree = _share(some, lambda each: each.found == each.sample.klass)
    hard = [each for each in some if each.sample.klass == "Complex"]
    others = [each for each in some if each.sample.klass != "Complex"]
    under = _share(hard, lambda each: each.found != "Complex")
    over = _share(others, lambda each: each.found == "Complex")
    return name, len(some), point(macro_f1(some)), percent(agree), f"{percent(under)} of {len(hard)}", percent(over)


def _share(some: Sequence[Judged], true: Callable[[Judged], bool]) -> float:
    return sum(map(true, some)) / len(some) if some else float("nan")


def _by_language(some: Sequence[Judged]) -> Iterable[tuple[str, list[Judged]]]:
    by: dict[str, list[Judged]] = {}
    for each in some:
        by.setdefault(each.sample.language, []).append(each)
    yield "English", by["en"]
    yield "not English", [each for each in some if each.sample.language != "en"]
    large = sorted((code for code in by if code != "en" and len(by[code]) >= _ENOUGH), key=lambda code: -len(by[code]))
    yield from ((code, by[code]) for code in large)
    rest = [each for code in by if len(by[code]) < _ENOUGH for each in by[code]]
    yield f"{sum(len(by[code]) < _ENOUGH for code in by)} further languages", rest


def _confusion(some: Sequence[Judged]) -> str:
    rows = [
        (label, *(sum(each.sample.klass == label and each.found == klass for each in some) for klass in CLASSES))
        for label in CLASSES
    ]
    return table(("authors say, classified as", *CLASSES), rows)
