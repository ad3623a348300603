"""What of the chart must keep step with other files; no cluster is needed to see it."""

from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy/helm/tierway"


def test_the_chart_carries_the_committed_kinds():
    """As a copy, because Helm packs no file from outside; `make crds` writes both."""
    committed = {file.name: file.read_text() for file in (ROOT / "deploy/crds").glob("*.yaml")}
    carried = {file.name: file.read_text() for file in (CHART / "files/crds").glob("*.yaml")}
    assert carried == committed, "run make crds"


def test_every_value_is_explained():
    """In the chart's README, so that `helm show readme` tells."""
    readme = (CHART / "README.md").read_text()
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    assert [path for path in paths(values) if f"`{path}`" not in readme] == []


def paths(values, prefix=""):
    for name, value in values.items():
        if isinstance(value, dict) and value and name != "resources":
            yield from paths(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"
