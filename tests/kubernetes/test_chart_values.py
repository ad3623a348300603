"""What the API server says of the chart with each of the values files: of its objects, and of its pods.

Of monitoring it knows the kinds' names alone and lets everything pass: what stands in them is tested in `tests/chart`.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from localkube import CommandError, ControlPlane

pytestmark = pytest.mark.kubernetes

ROOT = Path(__file__).parents[2]
CHART = str(ROOT / "deploy/helm/tierway")
VALUES = sorted((Path(__file__).parent / "values").glob("*.yaml"))
RESTRICTED = "tierway-system"
HERE = f"--namespace={RESTRICTED}"
NAMESPACES = ("llm", "shared", "support", "research", "keys")


@pytest.fixture(scope="module")
def plane(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A cluster with the two kinds of the Prometheus operator, in which anything may stand."""
    assert control_plane  # skips or fails where none can be had
    with ControlPlane.started(tmp_path_factory.mktemp("values") / "plane") as plane:
        for namespace in (RESTRICTED, *NAMESPACES):
            plane.kubectl("create", "namespace", namespace)
        for mode in ("enforce", "warn"):
            plane.kubectl("label", "namespace", RESTRICTED, f"pod-security.kubernetes.io/{mode}=restricted")
        kinds = [_kind("PodMonitor"), _kind("PrometheusRule")]
        plane.kubectl("apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": kinds}))
        plane.kubectl("wait", "--for=condition=Established", "crds", "--all", "--timeout=30s")
        accounts = [each for each in _rendered(plane, VALUES[0]) if each["kind"] == "ServiceAccount"]
        plane.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(accounts))
        yield plane


def _kind(name: str) -> dict[str, Any]:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    plural = f"{name.lower()}s"
    names = {"kind": name, "plural": plural, "singular": name.lower(), "listKind": f"{name}List"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{plural}.monitoring.coreos.com",
            "annotations": {"api-approved.kubernetes.io": "unapproved, for tests"},
        },
        "spec": {"group": "monitoring.coreos.com", "scope": "Namespaced", "names": names, "versions": [version]},
    }


def _text(plane: ControlPlane, file: Path) -> str:
    return plane.helm("template", "tw", CHART, HERE, f"--values={file}")


def _rendered(plane: ControlPlane, file: Path) -> list[dict[str, Any]]:
    return [each for each in yaml.safe_load_all(_text(plane, file)) if each]


@pytest.mark.parametrize("file", VALUES, ids=lambda file: file.stem)
def test_every_object_is_accepted_without_a_warning(plane: ControlPlane, file: Path) -> None:
    """Also of fields that it does not know, or of pods that the namespace would refuse."""
    apply = ["apply", "--dry-run=server", "--validate=strict", "--warnings-as-errors", "-f", "-"]
    plane.kubectl(*apply, stdin=_text(plane, file))


@pytest.mark.parametrize("file", VALUES, ids=lambda file: file.stem)
def test_every_pod_is_let_into_a_restricted_namespace(plane: ControlPlane, file: Path) -> None:
    """The operator's, the proxies' and the test's, as their controllers would make them."""
    pods = list(_pods(plane, file))
    assert [pod["metadata"]["name"] for pod in pods] == ["tw-operator", "tw-proxy", "tw-test"]
    for pod in pods:
        plane.kubectl("create", "--dry-run=server", "-f", "-", stdin=json.dumps(pod))


def test_that_namespace_refuses_a_pod_that_may_escalate(plane: ControlPlane) -> None:
    """So the test before says something."""
    for pod in _pods(plane, VALUES[0]):
        pod["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True
        with pytest.raises(CommandError, match="violates PodSecurity"):
            plane.kubectl("create", "--dry-run=server", "-f", "-", stdin=json.dumps(pod))


def _pods(plane: ControlPlane, file: Path) -> Iterator[dict[str, Any]]:
    for each in sorted(_rendered(plane, file), key=lambda each: str(each["metadata"]["name"])):
        if each["kind"] == "Deployment":
            template, meta = each["spec"]["template"], each["metadata"]
            metadata = {**template["metadata"], "name": meta["name"], "namespace": meta["namespace"]}
            yield {"apiVersion": "v1", "kind": "Pod", **template, "metadata": metadata}
        elif each["kind"] == "Pod":
            yield each


def test_what_auto_means_is_learnt_from_the_cluster(plane: ControlPlane) -> None:
    """This one has the kinds of the Prometheus operator, so a release brings its monitors and rules."""
    plane.helm("install", "tw", CHART, "--namespace=shared")
    found = plane.kubectl("get", "podmonitors,prometheusrules", "--namespace=shared", "-o", "name").split()
    assert [each.partition(".")[0] + "/" + each.partition("/")[2] for each in found] == [
        "podmonitor/tw-operator",
        "podmonitor/tw-proxy",
        "prometheusrule/tw",
    ]
    plane.helm("uninstall", "tw", "--namespace=shared")
