"""What of the chart must keep step with other files; no cluster is needed to see it."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy/helm/tierway"


def test_the_chart_carries_the_committed_kinds():
    """As a copy, because Helm packs no file from outside; `make crds` writes both."""
    committed = {file.name: file.read_text() for file in (ROOT / "deploy/crds").glob("*.yaml")}
    carried = {file.name: file.read_text() for file in (CHART / "files/crds").glob("*.yaml")}
    assert carried == committed, "run make crds"
