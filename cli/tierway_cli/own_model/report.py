"""What `tierway calibrate` prints: figures before and after, with their intervals, and what they are not."""

from collections.abc import Iterable, Iterator, Mapping

from tierway_cli.own_model.boundaries import Drawn, Evidence
from tierway_cli.own_model.judging import FOLDS, USUAL, Figure, Figures, Judged, figures
from tierway_cli.own_model.study import Study
from tierway_proxy.contract.base import CLASSES


def table(known: Study, own: Judged, seen: Evidence, drawn: Drawn | None) -> str:
    """Write the table: both models with the lines of the preset Balanced, the own one also as drawn."""
    columns = {
        "general": figures(known.space.sums[known.at], known.classes),
        "own": figures(own.sums, known.classes),
    }
    if drawn is not None:
        columns["own, lines as below"] = figures(own.sums, known.classes, drawn.least)
    told = ", ".join(f"{known.classes.count(each)} {each}" for each in CLASSES)
    rest, folds = len(known.ids) - len(known.at), min(FOLDS, len(known.at))
    least = (drawn.least if drawn else USUAL)[1]
    expected = (
        f"Expected of the own one, all {len(known.ids)} prompts: {seen.complex_share(least):.0%} are taken for Complex,"
        f" {seen.under_routing(least):.0%} of the Complex ones are not."
    )
    return "\n".join(
        [
            f"{len(known.at)} labels ({told}), {rest} prompts without one; {folds}-fold cross-validation",
            "",
            *_lines(columns),
            "",
            "In brackets the 95% interval. What tierway label asked about is harder than your traffic, for both.",
            expected,
        ]
    )


def _lines(columns: Mapping[str, Figures]) -> Iterator[str]:
    each = list(columns.values())
    under, over = each[0].under.of, each[0].over.of
    yield _line("", columns)
    yield _line("macro-F1", (_shown(one.macro_f1) for one in each))
    yield _line("right", (_shown(one.accuracy) for one in each))
    yield _line(f"Complex taken for less (of {under})", (_shown(one.under) for one in each))
    yield _line(f"others taken for Complex (of {over})", (_shown(one.over) for one in each))


def _line(name: str, cells: Iterable[str]) -> str:
    return f"{name:34}{''.join(f'{cell:>22}' for cell in cells)}"


def _shown(figure: Figure) -> str:
    return f"{figure.value:.2f} [{figure.low:.2f}, {figure.high:.2f}]" if figure.of else "-"
