"""What the API server lets the two ServiceAccounts do: all that they need, and a table of what they must not.

Two releases stand for the ways to cut a cluster: `single` serves one namespace, `several` two. Whether the tables are
all that the programs need, the tests of the running processes show; the Roles themselves are in `tests/chart`.
"""

import secrets
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from localkube import CommandError, ControlPlane
from tests.kubernetes.releases import Release, released

pytestmark = pytest.mark.kubernetes

STATIC_KEYS = "outside-callers"


@pytest.fixture(scope="module")
def served(control_plane: ControlPlane) -> Iterator[list[str]]:
    """Two namespaces with tiers; neither is a release's own."""
    names = [f"served-{secrets.token_hex(4)}" for _ in range(2)]
    for name in names:
        control_plane.kubectl("create", "namespace", name)
    yield names
    control_plane.kubectl("delete", "namespaces", *names, "--wait=false")


@pytest.fixture(scope="module")
def releases(
    control_plane: ControlPlane, served: list[str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Release]]:
    """Installed; no program runs."""
    ways = {"single": served[:1], "several": served}
    with ExitStack() as stack:
        yield {
            way: stack.enter_context(
                released(control_plane, tmp_path_factory.mktemp(way), "tw", serves, f"callers.keysSecret={STATIC_KEYS}")
            )
            for way, serves in ways.items()
        }


def may(release: Release, served: list[str], account: str, what: str, where: str) -> bool:
    """Whether the account may; `where`: here (the release's namespace), served, elsewhere, or all."""
    outside = f"tierway:{release.namespace}:tw:objects"
    place = {
        "here": f"--namespace={release.namespace}",
        "served": f"--namespace={served[0]}",
        "elsewhere": "--namespace=kube-system",
        "all": "--all-namespaces",
    }[where]
    who = f"--as=system:serviceaccount:{release.namespace}:tw-{account}"
    try:
        return release.kubectl("auth", "can-i", *what.format(outside=outside).split(), place, who) == "yes\n"
    except CommandError as error:
        if error.code != 1 or "error" in error.complaint.lower() or "resource type" in error.complaint:
            raise  # not a no: the question was wrong
        return False


NEEDED = [
    ("operator", "list modeltiers.tierway.dev", "served"),
    ("operator", "watch routingpolicies.tierway.dev", "served"),
    ("operator", "patch modeltiers.tierway.dev --subresource=status", "served"),
    ("operator", "patch routingpolicies.tierway.dev --subresource=status", "served"),
    ("operator", "create events.events.k8s.io", "served"),
    ("operator", "list secrets", "served"),
    ("operator", "get configmaps/authorities", "served"),
    ("operator", "create leases.coordination.k8s.io", "served"),
    ("operator", "get leases.coordination.k8s.io/tierway", "served"),
    ("operator", "patch leases.coordination.k8s.io/tierway", "served"),
    ("operator", "list configmaps", "here"),
    ("operator", "create configmaps", "here"),
    ("operator", "patch configmaps/any", "here"),
    ("operator", "delete configmaps/any", "here"),
    ("operator", "get configmaps/tw-tally", "here"),
    ("operator", "create secrets", "here"),
    ("operator", "get secrets/tw-keys", "here"),
    ("operator", "patch secrets/tw-keys", "here"),
    ("operator", "list endpointslices.discovery.k8s.io", "here"),
    ("proxy", "list configmaps", "here"),
    ("proxy", "watch configmaps", "here"),
    ("proxy", "get secrets/tw-keys", "here"),
    ("proxy", "watch secrets/tw-keys", "here"),
    ("proxy", f"list secrets/{STATIC_KEYS}", "here"),
    ("proxy", f"watch secrets/{STATIC_KEYS}", "here"),
    ("proxy", "create tokenreviews.authentication.k8s.io", "all"),
]
FORBIDDEN = [
    # what users wrote is theirs
    ("operator", "create routingpolicies.tierway.dev", "served"),
    ("operator", "update routingpolicies.tierway.dev", "served"),
    ("operator", "patch routingpolicies.tierway.dev", "served"),
    ("operator", "patch modeltiers.tierway.dev", "served"),
    ("operator", "delete modeltiers.tierway.dev", "served"),
    ("operator", "update modeltiers.tierway.dev --subresource=status", "served"),
    ("operator", "patch configmaps/authorities", "served"),
    ("operator", "list configmaps", "served"),
    ("operator", "get secrets/provider-keys", "served"),
    ("operator", "watch secrets", "served"),
    ("operator", "create secrets", "served"),
    ("operator", "patch secrets/provider-keys", "served"),
    ("operator", "patch leases.coordination.k8s.io/other", "served"),
    ("operator", "delete leases.coordination.k8s.io/tierway", "served"),
    # Secrets of namespaces that it does not serve; in its own, all but one
    ("operator", "list secrets", "elsewhere"),
    ("operator", "get secrets/tw-keys", "elsewhere"),
    ("operator", "list secrets", "all"),
    ("operator", "list secrets", "here"),
    ("operator", "get secrets/another", "here"),
    ("operator", f"get secrets/{STATIC_KEYS}", "here"),
    ("operator", "delete secrets/tw-keys", "here"),
    ("operator", "get configmaps/any", "elsewhere"),
    # nor is anything written there
    ("operator", "patch modeltiers.tierway.dev --subresource=status", "elsewhere"),
    ("operator", "patch routingpolicies.tierway.dev --subresource=status", "elsewhere"),
    ("operator", "create events.events.k8s.io", "elsewhere"),
    ("operator", "create leases.coordination.k8s.io", "elsewhere"),
    ("operator", "get leases.coordination.k8s.io/tierway", "elsewhere"),
    ("operator", "patch leases.coordination.k8s.io/tierway", "elsewhere"),
    # the cluster, and more rights than it has
    ("operator", "list nodes", "all"),
    ("operator", "list namespaces", "all"),
    ("operator", "list pods", "here"),
    ("operator", "create pods", "here"),
    ("operator", "create pods --subresource=exec", "here"),
    ("operator", "create pods --subresource=portforward", "here"),
    ("operator", "patch deployments.apps", "here"),
    ("operator", "create serviceaccounts --subresource=token", "here"),
    ("operator", "create rolebindings.rbac.authorization.k8s.io", "here"),
    ("operator", "escalate clusterroles.rbac.authorization.k8s.io", "all"),
    ("operator", "bind clusterroles.rbac.authorization.k8s.io/cluster-admin", "all"),
    ("operator", "get clusterroles.rbac.authorization.k8s.io/cluster-admin", "all"),
    ("operator", "impersonate users", "all"),
    ("operator", "create tokenreviews.authentication.k8s.io", "all"),
    ("operator", "patch customresourcedefinitions.apiextensions.k8s.io", "all"),
    # proxies write nothing, and read their tables and two Secrets
    ("proxy", "list secrets", "here"),
    ("proxy", "get secrets/another", "here"),
    ("proxy", f"get secrets/{STATIC_KEYS}", "here"),
    ("proxy", "patch secrets/tw-keys", "here"),
    ("proxy", "list secrets", "served"),
    ("proxy", "get secrets/provider-keys", "served"),
    ("proxy", "create configmaps", "here"),
    ("proxy", "patch configmaps/any", "here"),
    ("proxy", "delete configmaps/any", "here"),
    ("proxy", "list configmaps", "served"),
    ("proxy", "list configmaps", "all"),
    ("proxy", "list modeltiers.tierway.dev", "served"),
    ("proxy", "patch modeltiers.tierway.dev --subresource=status", "served"),
    ("proxy", "create events.events.k8s.io", "served"),
    ("proxy", "get leases.coordination.k8s.io/tierway", "served"),
    ("proxy", "list endpointslices.discovery.k8s.io", "here"),
    ("proxy", "list pods", "here"),
    ("proxy", "create pods --subresource=exec", "here"),
    ("proxy", "list nodes", "all"),
    ("proxy", "create serviceaccounts --subresource=token", "here"),
    ("proxy", "create subjectaccessreviews.authorization.k8s.io", "all"),
    ("proxy", "impersonate serviceaccounts", "here"),
]
WAYS = ["single", "several"]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("account", "what", "where"), NEEDED)
def test_each_account_may_do_its_work(
    releases: dict[str, Release], served: list[str], way: str, account: str, what: str, where: str
) -> None:
    """However many namespaces are served."""
    assert may(releases[way], served, account, what, where)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("account", "what", "where"), FORBIDDEN)
def test_no_account_may_do_more(
    releases: dict[str, Release], served: list[str], way: str, account: str, what: str, where: str
) -> None:
    """Specs are their users', Secrets their namespaces', and proxies write nothing."""
    assert not may(releases[way], served, account, what, where)


@pytest.mark.parametrize("what", ["list modeltiers.tierway.dev", "watch routingpolicies.tierway.dev"])
def test_only_who_serves_several_namespaces_sees_the_kinds_everywhere(
    releases: dict[str, Release], served: list[str], what: str
) -> None:
    """A single one needs a Role there, and nothing outside."""
    assert may(releases["several"], served, "operator", what, "elsewhere")
    assert not may(releases["single"], served, "operator", what, "elsewhere")


def test_an_operator_may_read_the_role_that_owns_its_leases(releases: dict[str, Release], served: list[str]) -> None:
    """Its own, and no other."""
    assert may(releases["single"], served, "operator", "get roles.rbac.authorization.k8s.io/{outside}", "served")
    assert may(releases["several"], served, "operator", "get clusterroles.rbac.authorization.k8s.io/{outside}", "all")
    assert not may(releases["single"], served, "operator", "get roles.rbac.authorization.k8s.io/other", "served")


def test_a_release_may_not_touch_what_is_anothers(releases: dict[str, Release]) -> None:
    """Neither tables nor keys: each account's rights end with its release's namespace."""
    one, other = releases["single"], releases["several"]
    for account in ("operator", "proxy"):
        who = f"--as=system:serviceaccount:{one.namespace}:tw-{account}"
        for what in ("get secrets/tw-keys", "list configmaps", "patch configmaps/any"):
            with pytest.raises(CommandError) as refused:
                one.kubectl("auth", "can-i", *what.split(), f"--namespace={other.namespace}", who)
            assert (refused.value.code, refused.value.complaint) == (1, "")
