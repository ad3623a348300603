# ruff: noqa: INP001 (a script beside the chart, no package)
"""`python deploy/helm/values_table.py`: write the table of values in the chart's README anew, from `values.yaml`.

What is said of a value stands once, in the comment above it: `helm show values` and the README say the same. A value
without a comment is an error, so that none is forgotten.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import yaml

CHART = Path(__file__).parent / "tierway"
BEGIN, END = "<!-- values: make chart-docs -->\n", "<!-- values end -->"


class UndescribedError(Exception):
    """A value has no comment."""


def table(values: str) -> str:
    """Markdown with a row for each value, and one for each group of values that has a comment."""
    root = yaml.compose(values, Loader=yaml.SafeLoader)
    if not isinstance(root, yaml.MappingNode):
        raise UndescribedError("values.yaml has no values")
    return "\n".join(["| value | default | what it is |", "|---|---|---|", *_rows(root, values, "")]) + "\n"


def with_table(readme: str, values: str) -> str:
    """`readme` with the table between its two marks."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"README.md has no place for the table: {BEGIN}…{END}")
    return f"{before}{begin}{table(values)}{end}{after}"


def _rows(mapping: yaml.MappingNode, values: str, parent: str) -> Iterator[str]:
    for key, node in mapping.value:
        name, comment = f"{parent}{key.value}", _comment(values, key.start_mark.line)
        if isinstance(node, yaml.MappingNode) and not node.flow_style:
            if comment:
                yield f"| **{name}** | | {comment} |"
            yield from _rows(node, values, f"{name}.")
        elif comment:
            default = values[node.start_mark.index : node.end_mark.index].strip()
            yield f"| `{name}` | `{default}` | {comment} |"
        else:
            raise UndescribedError(f"values.yaml: {name} has no comment")


def _comment(values: str, line: int) -> str:
    """Return the lines of comment right above this one, as one."""
    found: list[str] = []
    for each in reversed(values.splitlines()[:line]):
        if not each.lstrip().startswith("#"):
            break
        found.insert(0, each.lstrip().removeprefix("#").strip())
    return " ".join(found).replace("|", "\\|")


def main() -> None:
    """Write the table, or with `--check` end with 1 when it is not up to date."""
    file, values = CHART / "README.md", (CHART / "values.yaml").read_text()
    readme = file.read_text()
    wanted = with_table(readme, values)
    if sys.argv[1:] == ["--check"]:
        sys.exit("The chart's README is behind its values.yaml: run make chart-docs." if wanted != readme else 0)
    file.write_text(wanted)


if __name__ == "__main__":
    main()
