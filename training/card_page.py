"""The card as text: parts between `<!-- computed: NAME -->` and `<!-- end -->` are computed, the rest is written."""

import re
from collections.abc import Iterable, Mapping, Sequence
from math import isnan
from typing import Final

_PART: Final = re.compile(r"(<!-- computed: ([a-z-]+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)


def parts(page: str) -> dict[str, str]:
    """Give the computed parts of a page by name."""
    return {found[2]: found[3].strip() for found in _PART.finditer(page)}


def rewritten(page: str, computed: Mapping[str, str]) -> str:
    """Put computed parts into a page; others stay. Raises KeyError that names parts the page has no place for."""
    missing = computed.keys() - parts(page).keys()
    if missing:
        raise KeyError(f"the page has no part {', '.join(sorted(missing))}")

    def part(found: re.Match[str]) -> str:
        start, name, kept, end = found.groups()
        return f"{start}\n{computed[name].strip()}\n\n{end}" if name in computed else f"{start}{kept}{end}"

    return _PART.sub(part, page)


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Write a table; columns after the first are aligned to the right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def point(figure: float) -> str:
    """Write a figure of 0 to 1 in two places: .68; a dash for none."""
    return "-" if isnan(figure) else f"{figure:.2f}".removeprefix("0")


def percent(figure: float) -> str:
    """Write a share as a whole percentage; a dash for none."""
    return "-" if isnan(figure) else f"{100 * figure:.0f}%"


def between(figure: str, low: str, high: str) -> str:
    """Write a figure with its interval."""
    return f"{figure} ({low} to {high})"
