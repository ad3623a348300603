"""The chart, installed by helm into a cluster that never saw it."""

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


def may(plane, account, *what):
    """Whether the ServiceAccount of a component may do it."""
    try:
        plane.kubectl("auth", "can-i", *what, f"--as=system:serviceaccount:{SYSTEM}:tw-{account}")
    except CommandError:
        return False
    return True


HERE = f"--namespace={SYSTEM}"


@pytest.mark.parametrize(
    ("account", "what"),
    [
        ("operator", ["list", "modeltiers.tierway.dev", "--all-namespaces"]),
        ("operator", ["watch", "routingpolicies.tierway.dev", "--all-namespaces"]),
        ("operator", ["patch", "modeltiers.tierway.dev", "--subresource=status", "--namespace=llm"]),
        ("operator", ["create", "events.events.k8s.io", "--namespace=llm"]),
        ("operator", ["list", "secrets", "--namespace=llm"]),
        ("operator", ["get", "configmaps/authorities", "--namespace=llm"]),
        ("operator", ["create", "leases.coordination.k8s.io", "--namespace=llm"]),
        ("operator", ["patch", "leases.coordination.k8s.io/tierway", "--namespace=llm"]),
        ("operator", ["get", f"clusterroles/tierway:{SYSTEM}:tw:objects"]),
        ("operator", ["patch", "configmaps", HERE]),
        ("operator", ["get", "secrets/tw-keys", HERE]),
        ("proxy", ["watch", "configmaps", HERE]),
        ("proxy", ["watch", "secrets/tw-keys", HERE]),
    ],
)
def test_each_component_may_do_its_work(plane, account, what):
    """Whether that is all it needs, the tests of the running processes show."""
    assert may(plane, account, *what)


@pytest.mark.parametrize(
    ("account", "what"),
    [
        ("operator", ["patch", "modeltiers.tierway.dev", "--namespace=llm"]),
        ("operator", ["delete", "routingpolicies.tierway.dev", "--namespace=llm"]),
        ("operator", ["patch", "configmaps", "--namespace=llm"]),
        ("operator", ["list", "configmaps", "--namespace=llm"]),
        ("operator", ["watch", "secrets", "--namespace=llm"]),
        ("operator", ["patch", "leases.coordination.k8s.io/other", "--namespace=llm"]),
        ("operator", ["delete", "leases.coordination.k8s.io/tierway", "--namespace=llm"]),
        ("operator", ["get", "clusterroles/cluster-admin"]),
        ("operator", ["get", "secrets", "--namespace=other"]),
        ("operator", ["list", "secrets", "--namespace=other"]),
        ("operator", ["get", "secrets/provider-key", "--namespace=llm"]),
        ("operator", ["list", "secrets", HERE]),
        ("operator", ["delete", "secrets/tw-keys", HERE]),
        ("operator", ["patch", "deployments.apps", HERE]),
        ("operator", ["list", "pods", "--all-namespaces"]),
        ("proxy", ["get", "secrets/other", HERE]),
        ("proxy", ["list", "secrets", HERE]),
        ("proxy", ["patch", "configmaps", HERE]),
        ("proxy", ["list", "configmaps", "--namespace=llm"]),
        ("proxy", ["list", "modeltiers.tierway.dev", "--namespace=llm"]),
    ],
)
def test_no_component_may_do_more(plane, account, what):
    """Specs are their users', Secrets their namespaces', and proxies write nothing."""
    assert not may(plane, account, *what)


def test_the_release_is_accepted_by_a_namespace_that_enforces_the_restricted_standard(plane):
    """Pods are made, and stay Pending for want of a node only."""
    pods = json.loads(plane.kubectl("get", "pods", HERE, "-o", "json"))["items"]
    components = sorted(pod["metadata"]["labels"]["app.kubernetes.io/component"] for pod in pods)
    assert components == ["operator", "proxy", "proxy"]
    for pod in pods:
        assert pod["spec"]["automountServiceAccountToken"] is False
        (container,) = pod["spec"]["containers"]
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert {"livenessProbe", "readinessProbe", "resources"} <= container.keys()


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


def test_two_releases_of_one_name_live_in_two_namespaces(plane):
    """Names of what lies outside the release's namespace carry it."""
    plane.helm("install", "tw", CHART, "--namespace=other", "--set", "crds.enabled=false,namespaces={llm}")
    found = plane.kubectl("get", "roles", "--namespace=llm", "-o", "name")
    assert "tierway:other:tw:credentials" in found
    assert f"tierway:{SYSTEM}:tw:credentials" in found
    plane.helm("uninstall", "tw", "--namespace=other")


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ("replicas=3", "replicas"),
        ("proxy.replica=3", "/proxy"),
        ("proxy.replicas=two", "/proxy/replicas"),
        ("defaultPolicy=no-namespace", "/defaultPolicy"),
        ("namespaces={UPPER}", "/namespaces/0"),
        ("proxy.recording.enabled=true", "/proxy/recording/policies"),
        ("proxy.recording.policies={default}", "/proxy/recording/policies/0"),
        ("proxy.recording.percent=0", "/proxy/recording/percent"),
        ("proxy.recording.percent=0.0", "/proxy/recording/percent"),
        ("proxy.recording.maxMebibytes=0", "/proxy/recording/maxMebibytes"),
    ],
)
def test_a_value_that_the_chart_does_not_know_is_refused_by_name(plane, values, path):
    """A misspelt value that is silently ignored costs an afternoon."""
    with pytest.raises(CommandError) as refused:
        plane.helm("template", "tw", CHART, "--set", values)
    assert path.rpartition("/")[2] in refused.value.complaint


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


def test_lint_has_nothing_to_say(plane):
    """Strictly."""
    plane.helm("lint", "--strict", CHART)


def test_an_uninstall_leaves_kinds_and_objects(plane):
    """`helm uninstall` must not delete what users wrote."""
    plane.helm("install", "gone", CHART, "--namespace=other", "--set", "crds.enabled=false")
    plane.helm("uninstall", "gone", "--namespace=other")
    plane.helm("uninstall", "tw", HERE)
    for kind in KINDS:
        plane.kubectl("get", "crd", kind)
    assert "kept" in plane.kubectl("get", "modeltiers", "--namespace=llm")
    left = plane.kubectl("get", "clusterroles,roles", "--all-namespaces", "-o", "name")
    assert "tierway:" not in left
