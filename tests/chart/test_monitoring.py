"""PodMonitors, rules and dashboard: there where they can be used, and to the letter those that are tested."""

import json
from typing import Any

import pytest
import yaml

from tests.chart.rendered import CHART, Chart, Rendered, settings, values

pytestmark = pytest.mark.kubernetes

KINDS = [f"--api-versions=monitoring.coreos.com/v1/{kind}" for kind in ("PodMonitor", "PrometheusRule")]


def _made(rendered: Rendered) -> dict[str, list[str]]:
    return {kind: rendered.names(kind) for kind in ("PodMonitor", "PrometheusRule", "ConfigMap")}


@pytest.mark.parametrize(
    ("flags", "monitors", "rules", "dashboards"),
    [
        ([], 0, 0, 1),
        (KINDS, 2, 1, 1),
        ([values("second-release"), *KINDS], 2, 0, 0),
        (settings("monitoring.podMonitor.enabled=true", "monitoring.rules.enabled=true"), 2, 1, 1),
        ([*settings("monitoring.podMonitor.enabled=false", "monitoring.dashboard.enabled=false"), *KINDS], 0, 1, 0),
        ([*settings("monitoring.rules.enabled=false"), *KINDS], 2, 0, 1),
    ],
)
def test_each_is_made_where_it_can_be_used(
    chart: Chart, flags: list[str], monitors: int, rules: int, dashboards: int
) -> None:
    """By what the cluster has; alerts and dashboard are about all releases, so further ones bring none."""
    made = _made(chart.rendered(*flags))
    assert made == {
        "PodMonitor": ["tw-operator", "tw-proxy"][:monitors],
        "PrometheusRule": ["tw"][:rules],
        "ConfigMap": ["tw-dashboard"][:dashboards],
    }


@pytest.mark.parametrize("component", ["operator", "proxy"])
def test_a_pod_monitor_finds_its_pods_and_gives_the_labels_that_alerts_go_by(chart: Chart, component: str) -> None:
    """`namespace` and `pod` are given by the Prometheus operator."""
    rendered = chart.rendered(values("all-options"))
    monitor = rendered.one("PodMonitor", f"tw-{component}")
    assert monitor["metadata"]["labels"]["release"] == "kube-prometheus-stack"
    assert monitor["spec"]["selector"]["matchLabels"].items() <= rendered.pod(component)["metadata"]["labels"].items()
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    assert endpoint["port"] in {port["name"] for port in rendered.container(component)["ports"]}
    assert (endpoint["path"], endpoint["interval"]) == ("/metrics", "15s")
    assert endpoint["relabelings"] == [
        {"targetLabel": "job", "replacement": f"tierway-{component}"},
        {"targetLabel": "release", "replacement": "tw"},
    ]


def test_rules_and_dashboard_are_the_tested_files(chart: Chart) -> None:
    """Nothing between their braces is taken for a template's."""
    rendered = chart.rendered(values("all-options"))
    rules: Any = yaml.safe_load((CHART / "files/alerts.yaml").read_text())
    assert "{{ $labels" in json.dumps(rules)
    assert rendered.one("PrometheusRule", "tw")["spec"] == rules
    dashboard = rendered.one("ConfigMap", "tw-dashboard")
    assert dashboard["metadata"]["labels"]["grafana_dashboard"] == "1"
    file = CHART / "files/dashboards/tierway.json"
    assert json.loads(dashboard["data"]["tierway.json"]) == json.loads(file.read_text())
