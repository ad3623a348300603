"""A Prometheus that finds the pods as docs/metrics.md says, while callers call and the provider is away for a while."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from localkube import Cluster
from monitoring import DASHBOARD, METRICS, RULES
from tests.e2e.callers import Caller
from tests.e2e.installation import CHART, Installation
from tests.e2e.load import Load, lost
from tests.e2e.waiting import eventually
from tests.monitoring.prometheus import alerts, dashboard_queries, prometheus

pytestmark = pytest.mark.e2e
NOWHERE = """
apiVersion: tierway.dev/v1alpha1
kind: RoutingPolicy
metadata: {name: refused}
spec:
  routes:
  - {class: Simple, candidates: [{tierRef: {name: nowhere}}]}
  - {class: Moderate, candidates: [{tierRef: {name: nowhere}}]}
  - {class: Complex, candidates: [{tierRef: {name: nowhere}}]}
"""


@pytest.fixture(scope="module")
def used(installation: Installation) -> Installation:
    """A release with tiers, a policy that serves and one that was refused."""
    installation.install()
    installation.apply_example()
    installation.apply(NOWHERE)
    installation.wait_until_programmed()
    return installation


def documented(used: Installation) -> list[dict[str, Any]]:
    """What docs/metrics.md tells a Prometheus that has no operator.

    Debian's cannot ask Kubernetes, so it is given what it would find: a target for each port of each pod.
    """
    found = re.search(r"```yaml\n(scrape_configs:.*?)```", METRICS.read_text(), re.DOTALL)
    assert found
    configs: list[dict[str, Any]] = yaml.safe_load(found[1])["scrape_configs"]
    for each in configs:
        assert each.pop("kubernetes_sd_configs") == [{"role": "pod"}]
        each["static_configs"] = list(_discovered(json.loads(used.get("pods", "--output=json"))["items"]))
    return configs


def _discovered(pods: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The labels are those that Prometheus documents for the role."""
    for pod in pods:
        of_pod = {
            f"pod_label_{re.sub('[^a-z0-9]', '_', key)}": value for key, value in pod["metadata"]["labels"].items()
        }
        of_pod |= {"namespace": pod["metadata"]["namespace"], "pod_name": pod["metadata"]["name"]}
        for port in [port for container in pod["spec"]["containers"] for port in container.get("ports", ())]:
            labels = of_pod | {"pod_container_port_name": port["name"]}
            meta = {f"__meta_kubernetes_{key}": value for key, value in labels.items()}
            yield {"targets": [f"{pod['status']['podIP']}:{port['containerPort']}"], "labels": meta}


def test_the_chart_brings_dashboard_rules_and_monitors(used: Installation) -> None:
    """The dashboard as it is; the others where the cluster has their kinds, with the labels that they rely on."""
    assert used.object("configmap", f"{used.name}-dashboard")["data"]["tierway.json"] == DASHBOARD.read_text()
    kinds = [f"--api-versions=monitoring.coreos.com/v1/{kind}" for kind in ("PrometheusRule", "PodMonitor")]
    text = used.helm("template", used.name, str(CHART), *kinds, "--show-only=templates/monitoring.yaml")
    documents = [each for each in yaml.safe_load_all(text) if each]
    (rules,) = (each["spec"] for each in documents if each["kind"] == "PrometheusRule")
    assert rules == yaml.safe_load(RULES.read_text())
    monitors = [each["spec"]["podMetricsEndpoints"][0] for each in documents if each["kind"] == "PodMonitor"]
    given = [{each["targetLabel"]: each["replacement"] for each in monitor["relabelings"]} for monitor in monitors]
    assert given == [{"job": f"tierway-{of}", "release": used.name} for of in ("operator", "proxy")]


async def test_the_dashboard_has_answers_and_no_alert_is_broken(
    used: Installation, load: Load, caller: Caller, cluster: Cluster, tmp_path: Path
) -> None:
    """Every query of every panel, on what real pods say; labels as the chart's PodMonitors give them."""
    assert cluster.node_address  # this machine reaches pods by their addresses
    async with prometheus(tmp_path, documented(used)) as found:
        load.go_on(30)
        assert caller.ask(f"{used.service}/no/where/v1").status == 404
        used.kubectl("scale", "deployment/provider", "--replicas=0", f"--namespace={used.namespace}")
        eventually(lambda: len(lost(load.answers())) > 5, 60, "callers see that the provider is away")
        used.kubectl("scale", "deployment/provider", "--replicas=1", f"--namespace={used.namespace}")
        load.go_on(20)
        await found.answers(dashboard_queries())
        up = await found.values("up")
        pods = {("proxy", pod) for pod in used.pod_names("proxy")} | {
            ("operator", pod) for pod in used.pod_names("operator")
        }
        assert {(job.removeprefix("tierway-"), pod) for _, _, job, _, pod, _ in up} == pods
        assert {(namespace, release) for _, _, _, namespace, _, release in up} == {(used.namespace, used.name)}
        rules = [rule for group in (await found.api("rules"))["groups"] for rule in group["rules"]]
        assert len(rules) > len(alerts())
        assert [(rule["name"], rule.get("lastError")) for rule in rules if rule["health"] != "ok"] == []
