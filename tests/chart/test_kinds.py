"""The two kinds in the chart: brought once in a cluster, and kept by an uninstall unless it is told not to."""

import pytest
import yaml

from tests.chart.rendered import ROOT, Chart, settings, values

pytestmark = pytest.mark.kubernetes

KEEP = {"helm.sh/resource-policy": "keep"}
COMMITTED = [yaml.safe_load(file.read_text()) for file in sorted((ROOT / "deploy/crds").glob("*.yaml"))]


def test_they_are_those_that_are_committed_and_stay(chart: Chart) -> None:
    """By default. The annotation is all that is added."""
    found = chart.rendered().of("CustomResourceDefinition")
    assert [each["metadata"].pop("annotations") for each in found] == [KEEP, KEEP]
    assert sorted(found, key=lambda each: str(each["metadata"]["name"])) == COMMITTED


def test_they_go_with_the_release_when_they_are_not_to_be_kept(chart: Chart) -> None:
    """Helm deletes what does not carry the annotation."""
    found = chart.rendered(*settings("crds.keep=false")).of("CustomResourceDefinition")
    assert len(found) == len(COMMITTED)
    assert all("annotations" not in each["metadata"] for each in found)


def test_a_further_release_brings_none(chart: Chart) -> None:
    """Two owners would fight, and `keep` of one would not bind the other."""
    assert chart.rendered(values("second-release")).of("CustomResourceDefinition") == []
