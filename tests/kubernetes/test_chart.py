"""The chart, installed by helm into a cluster that never saw it: upgraded, uninstalled, and what that leaves.

These tests tell one story, in their order.
"""

import base64
import json
from pathlib import Path

import pytest
import yaml

from localkube import CommandError, ControlPlane

pytestmark = pytest.mark.kubernetes

ROOT = Path(__file__).parents[2]
CHART = str(ROOT / "deploy/helm/tierway")
SYSTEM = "tierway-system"
KINDS = ["modeltiers.tierway.dev", "routingpolicies.tierway.dev"]
HERE = f"--namespace={SYSTEM}"
MOST_BYTES = 1024 * 1024  # of a Secret, and so of what helm keeps of a release


@pytest.fixture(scope="module")
def plane(control_plane, tmp_path_factory):
    """A cluster of its own: kinds that the chart installs belong to the whole cluster."""
    assert control_plane  # skips or fails where none can be had
    with ControlPlane.started(tmp_path_factory.mktemp("fresh") / "plane") as plane:
        for namespace in (SYSTEM, "llm", "other"):
            plane.kubectl("create", "namespace", namespace)
        # what the chart makes must pass the strictest of the three standards
        plane.kubectl("label", "namespace", SYSTEM, "pod-security.kubernetes.io/enforce=restricted")
        plane.helm("install", "tw", CHART, f"--namespace={SYSTEM}", "--set", "credentialNamespaces={llm}")
        yield plane


def test_helm_can_keep_a_release_however_much_the_chart_grows(plane):
    """It stores chart and manifest in one Secret; half of what that may hold is left for what is still to come."""
    stored = json.loads(plane.kubectl("get", "secret", "sh.helm.release.v1.tw.v1", HERE, "-o", "json"))
    assert len(base64.b64decode(stored["data"]["release"])) < MOST_BYTES / 2


def test_the_release_is_accepted_by_a_namespace_that_enforces_the_restricted_standard(plane):
    """Pods are made, and stay Pending for want of a node only."""
    pods = json.loads(plane.kubectl("get", "pods", HERE, "-o", "json"))["items"]
    components = sorted(pod["metadata"]["labels"]["app.kubernetes.io/component"] for pod in pods)
    assert components == ["operator", "proxy", "proxy"]
    for pod in pods:
        assert pod["spec"]["automountServiceAccountToken"] is False
        (container,) = pod["spec"]["containers"]
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert {"startupProbe", "livenessProbe", "readinessProbe", "resources"} <= container.keys()


def test_the_kinds_are_those_that_are_committed(plane):
    """Nothing is lost on the way through a template; an uninstall will keep them."""
    for file in (ROOT / "deploy/crds").glob("*.yaml"):
        committed = yaml.safe_load(file.read_text())
        installed = json.loads(plane.kubectl("get", "crd", committed["metadata"]["name"], "-o", "json"))
        assert installed["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
        assert installed["spec"]["versions"] == committed["spec"]["versions"]


def test_an_upgrade_upgrades_the_kinds_and_keeps_objects(plane):
    """What stands in a chart's crds/ is never upgraded: these are templates."""
    tier = {
        "apiVersion": "tierway.dev/v1alpha1",
        "kind": "ModelTier",
        "metadata": {"name": "kept", "namespace": "llm"},
        "spec": {
            "providers": [{"name": "us", "baseURL": "https://provider.example/v1"}],
            "models": [{"name": "m", "price": {"inputPerMillionTokens": "1", "outputPerMillionTokens": "1"}}],
        },
    }
    plane.kubectl("apply", "-f", "-", stdin=json.dumps(tier))
    patch = '{"spec": {"names": {"shortNames": ["older"]}}}'
    plane.kubectl("patch", "crd", KINDS[0], "--type=merge", "--field-manager=helm", "-p", patch)
    plane.helm("upgrade", "tw", CHART, HERE, "--set", "credentialNamespaces={llm}", "--force-conflicts")
    assert "mtier" in plane.kubectl("get", "crd", KINDS[0], "-o", "jsonpath={.spec.names.shortNames}")
    assert "kept" in plane.kubectl("get", "modeltiers", "--namespace=llm")


def test_a_number_of_proxies_set_by_hand_is_not_overwritten_in_silence(plane):
    """The next upgrade fails and names the field; the value set to that number settles it."""
    plane.kubectl("scale", "deployment/tw-proxy", HERE, "--replicas=3")
    upgrade = ["upgrade", "tw", CHART, HERE, "--reset-then-reuse-values"]
    with pytest.raises(CommandError, match=r"conflict with .*scale.*\.spec\.replicas"):
        plane.helm(*upgrade)
    plane.helm(*upgrade, "--set", "proxy.replicas=3")
    assert plane.kubectl("get", "deployment/tw-proxy", HERE, "-o", "jsonpath={.spec.replicas}") == "3"
    plane.kubectl("scale", "deployment/tw-proxy", HERE, "--replicas=2")  # as the story goes on


def test_two_releases_of_one_name_live_in_two_namespaces(plane):
    """Names of what lies outside the release's namespace carry it."""
    plane.helm("install", "tw", CHART, "--namespace=other", "--set", "crds.enabled=false,namespaces={llm}")
    found = plane.kubectl("get", "roles", "--namespace=llm", "-o", "name")
    assert "tierway:other:tw:credentials" in found
    assert f"tierway:{SYSTEM}:tw:credentials" in found
    plane.helm("uninstall", "tw", "--namespace=other")


RECORDING = "proxy.recording.enabled=true,proxy.recording.policies={llm/default,llm/hard},proxy.recording.percent=0.5"


@pytest.mark.parametrize(
    ("more", "volume"),
    [
        ("", {"emptyDir": {}}),
        (",proxy.recording.volume.emptyDir.sizeLimit=1Gi", {"emptyDir": {"sizeLimit": "1Gi"}}),
        (
            ",proxy.recording.volume.persistentVolumeClaim.claimName=prompts",
            {"persistentVolumeClaim": {"claimName": "prompts"}},
        ),
    ],
    ids=["default", "sized", "claim"],
)
def test_recording_is_turned_on_by_values(plane, more, volume):
    """Which policies, how many of their requests, and where: on any volume, and the API server takes it."""
    deployment = proxies(plane, "--set", RECORDING + more)
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert [each for each in container["args"] if each.startswith("--record")] == [
        "--record-to=/var/lib/tierway-recording",
        "--record-percent=0.5",
        "--record-max-mebibytes=64",
        "--record-policy=llm/default",
        "--record-policy=llm/hard",
    ]
    assert {"name": "recording", "mountPath": "/var/lib/tierway-recording"} in container["volumeMounts"]
    assert {"name": "recording", **volume} in deployment["spec"]["template"]["spec"]["volumes"]
    plane.kubectl("apply", "--dry-run=server", HERE, "-f", "-", stdin=json.dumps(deployment))


def test_nothing_is_recorded_by_default(plane):
    """No flag and no volume."""
    assert "record" not in json.dumps(proxies(plane))


def proxies(plane, *flags):
    """The proxies' Deployment as the chart makes it."""
    made = plane.helm("template", "tw", CHART, HERE, "-s", "templates/proxy-deployment.yaml", *flags)
    return yaml.safe_load(made)


def test_a_release_that_leaves_the_kinds_to_others_does_not_remove_them(plane):
    """Helm deletes what a new version of a release has no more, but for what is to be kept."""
    plane.helm("upgrade", "tw", CHART, HERE, "--set", "credentialNamespaces={llm},crds.enabled=false")
    assert there_are_kinds_and_objects(plane)


def test_an_uninstall_leaves_kinds_and_objects(plane):
    """`helm uninstall` must not delete what users wrote."""
    plane.helm("install", "gone", CHART, "--namespace=other", "--set", "crds.enabled=false")
    plane.helm("uninstall", "gone", "--namespace=other")
    plane.helm("uninstall", "tw", HERE)
    assert there_are_kinds_and_objects(plane)
    left = plane.kubectl("get", "clusterroles,clusterrolebindings,roles,rolebindings", "--all-namespaces", "-o", "name")
    assert "tierway:" not in left


def test_the_same_release_takes_up_what_it_left(plane):
    """Helm knows the kinds by its own marks."""
    plane.helm("install", "tw", CHART, HERE)
    assert there_are_kinds_and_objects(plane)
    plane.helm("uninstall", "tw", HERE)


def test_another_release_takes_them_up_when_it_is_told_to(plane):
    """Else helm refuses, and says what it is that exists."""
    with pytest.raises(CommandError, match=r"CustomResourceDefinition .* exists and cannot be imported"):
        plane.helm("install", "other", CHART, "--namespace=other")
    plane.helm("install", "other", CHART, "--namespace=other", "--take-ownership")
    assert there_are_kinds_and_objects(plane)


def test_nothing_is_left_when_nothing_is_to_be_kept(plane):
    """`crds.keep=false` may come as late as that."""
    plane.helm("upgrade", "other", CHART, "--namespace=other", "--set", "crds.keep=false")
    plane.helm("uninstall", "other", "--namespace=other", "--wait", "--timeout=110s")
    assert plane.kubectl("get", "crds", *KINDS, "--ignore-not-found") == ""
    kinds = "clusterroles,clusterrolebindings,roles,rolebindings,services,deployments,networkpolicies,configmaps"
    left = plane.kubectl("get", kinds, "--all-namespaces", "-l", "app.kubernetes.io/name=tierway", "-o", "name")
    assert left == ""


def there_are_kinds_and_objects(plane):
    """The tier that a test before wrote, and its kind."""
    plane.kubectl("get", "crds", *KINDS)
    return "kept" in plane.kubectl("get", "modeltiers", "--namespace=llm")
