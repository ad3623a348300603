"""What `tierway calibrate` prints: figures before and after, with their intervals, and what they are not."""

from tierway_cli.own_model.boundaries import Drawn
from tierway_cli.own_model.judging import BEFORE, FOLDS, Figure, Figures, Judged, figures
from tierway_cli.own_model.study import Study
from tierway_proxy.contract.base import CLASSES


def table(known: Study, own: Judged, drawn: Drawn) -> str:
    """Write the table: the general model as a policy uses it by default, the own one with the lines as drawn."""
    before = figures(known.space.sums[known.at], known.classes, BEFORE)
    after = figures(own.sums, known.classes, drawn.least)
    told = ", ".join(f"{known.classes.count(each)} {each}" for each in CLASSES)
    rest, folds = len(known.ids) - len(known.at), min(FOLDS, len(known.at))
    expected = (
        f"Expected over all {len(known.ids)} prompts: {drawn.complex_share:.0%} are taken to be Complex,"
        f" {drawn.under_routing:.0%} of the Complex ones are not."
    )
    return "\n".join(
        [
            f"{len(known.at)} labels ({told}), {rest} prompts without one; {folds}-fold cross-validation",
            "",
            f"{'':34}{'general':>22}{'own':>22}",
            *(_line(name, *pair) for name, pair in _pairs(before, after).items()),
            "",
            "In brackets the 95% interval. What tierway label asked about is harder than your traffic, for both.",
            expected,
        ]
    )


def _pairs(before: Figures, after: Figures) -> dict[str, tuple[Figure, Figure]]:
    return {
        "macro-F1": (before.macro_f1, after.macro_f1),
        "right": (before.accuracy, after.accuracy),
        f"Complex taken for less (of {after.under.of})": (before.under, after.under),
        f"others taken for Complex (of {after.over.of})": (before.over, after.over),
    }


def _line(name: str, before: Figure, after: Figure) -> str:
    return f"{name:34}{_shown(before):>22}{_shown(after):>22}"


def _shown(figure: Figure) -> str:
    return f"{figure.value:.2f} [{figure.low:.2f}, {figure.high:.2f}]" if figure.of else "-"
