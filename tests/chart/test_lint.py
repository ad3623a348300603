"""The chart by helm's own measure, and the values files that stand for its users."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.chart.rendered import CHART, VALUES, Chart

pytestmark = pytest.mark.kubernetes

WHOLE = {"volume", "resources"}
WOULD_HIDE_OTHERS = {
    "callers.authentication",
    "crds.enabled",
    "image.tag",
    "networkPolicy.enabled",
    "proxy.podDisruptionBudget.enabled",
    "proxy.replicas",
}


@pytest.mark.parametrize("file", VALUES, ids=lambda file: file.stem)
def test_lint_has_nothing_to_say(chart: Chart, file: Path) -> None:
    """Strictly."""
    chart.helm("lint", "--strict", str(CHART), f"--values={file}")


def test_one_values_file_changes_every_value() -> None:
    """So each is rendered somewhere, and a new one cannot be forgotten."""
    defaults = yaml.safe_load((CHART / "values.yaml").read_text())
    (file,) = [file for file in VALUES if file.stem == "all-options"]
    assert set(_unchanged(defaults, yaml.safe_load(file.read_text()))) == WOULD_HIDE_OTHERS


def _unchanged(defaults: dict[str, Any], changed: dict[str, Any], parent: str = "") -> Iterator[str]:
    """Yield the paths of the values that are the same, or not there."""
    for key, default in defaults.items():
        value = changed.get(key, default)
        if isinstance(default, dict) and default and key not in WHOLE:
            yield from _unchanged(default, value, f"{parent}{key}.")
        elif value == default:
            yield f"{parent}{key}"
