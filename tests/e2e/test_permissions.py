"""Under each pod's own token: exactly what is needed works, and nothing else.

`docs/security.md` has the same table in words. That the operator asks for labelled Secrets only, which RBAC cannot say,
is seen in its requests: `tests/kubernetes/test_operator_requests.py`.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from localkube import CommandError, Tool
from tests.e2e.installation import Installation
from tests.e2e.tokens import Right, as_pod, everybodys_rights, rights, table

pytestmark = pytest.mark.e2e
May = Callable[[Installation, str, str], set[Right]]

READ = """
list,watch modeltiers.tierway.dev
list,watch routingpolicies.tierway.dev
"""
WRITTEN = """
patch modeltiers.tierway.dev/status
patch routingpolicies.tierway.dev/status
create events.events.k8s.io
create leases.coordination.k8s.io
get,patch leases.coordination.k8s.io tierway
"""
CREDENTIALS = """
list secrets
get configmaps
"""
OWN = """
list,create,patch,delete configmaps
get configmaps tierway-tally
create secrets
get,patch secrets tierway-keys
list endpointslices.discovery.k8s.io
"""
PROXY = """
list,watch configmaps
get,list,watch secrets tierway-keys
"""
REVIEWS = "create tokenreviews.authentication.k8s.io"
OBJECT = '{{"apiVersion": "tierway.dev/v1alpha1", "kind": "{kind}", "metadata": {{"name": "{name}"}}}}'
POLICY = OBJECT.format(kind="RoutingPolicy", name="default")
TIER = OBJECT.format(kind="ModelTier", name="small")
# `kubectl patch` and `kubectl exec` would read the object first, and be refused that
APPLY = "apply --server-side --force-conflicts --validate=false -n {namespace} -f -"
PUT = "replace --raw /apis/tierway.dev/v1alpha1/namespaces/{namespace}"
POD = "create --raw /api/v1/namespaces/{namespace}/pods/mine"
OUT_OF_REACH = (
    ("get nodes", "", "list nodes"),
    ("get pods", "", "list pods"),
    ("get secrets -n kube-system", "", "list secrets"),
    ("get configmaps -n kube-system", "", "list configmaps"),
    ("get secret provider-keys -n {namespace}", "", "get secrets"),
    ("get modeltiers -n {other}", "", "list modeltiers"),
    ("get routingpolicies -n {other}", "", "list routingpolicies"),
    ("get secrets -n {other}", "", "list secrets"),
    ("get serviceaccounts -n {namespace}", "", "list serviceaccounts"),
    (APPLY, POLICY, "patch routingpolicies"),
    (APPLY, TIER, "patch modeltiers"),
    (PUT + "/routingpolicies/default -f -", POLICY, "update routingpolicies"),
    (PUT + "/modeltiers/small -f -", TIER, "update modeltiers"),
    ("delete routingpolicy default -n {namespace}", "", "delete routingpolicies"),
    ("delete pod mine -n {namespace}", "", "delete pods"),
    ("delete secret provider-keys -n {namespace}", "", "delete secrets"),
    ("create serviceaccount mine -n {namespace}", "", "create serviceaccounts"),
    ("create token tierway-operator -n {namespace}", "", "create serviceaccounts/token"),
    ("create rolebinding mine --clusterrole=admin --user=me -n {namespace}", "", "create rolebindings"),
    ("create clusterrolebinding mine --clusterrole=cluster-admin --user=me", "", "create clusterrolebindings"),
    ("run mine --image=localhost/pause:1 -n {namespace}", "", "create pods"),
    (POD + "/exec?command=true -f -", "{}", "create pods/exec"),
    (POD + "/portforward?ports=8080 -f -", "{}", "create pods/portforward"),
)


@pytest.fixture(scope="module")
def single(installation: Installation) -> Installation:
    """A release of one namespace."""
    installation.install()
    installation.apply_example()
    installation.wait_until_programmed()
    return installation


@pytest.fixture(scope="module")
def several(single: Installation, make_installation: Callable[..., Installation]) -> Installation:
    """A release of two namespaces, of which one is its own."""
    assert single
    release = make_installation("shared")
    release.serves.append(make_installation("tenant").namespace)
    release.install("crds.enabled=false")
    return release


@pytest.fixture
def may(single: Installation, tmp_path: Path) -> May:
    """What a pod's token may do in a namespace, beyond what everybody may."""
    everybody = everybodys_rights(single.kubectl, tmp_path)
    return lambda release, component, namespace: rights(as_pod(release, component, tmp_path), namespace) - everybody


def test_the_operator_of_one_namespace_may_do_what_it_needs_there_alone(single: Installation, may: May) -> None:
    """Not one verb more, and none elsewhere."""
    own_role = f"get roles.rbac.authorization.k8s.io tierway:{single.namespace}:tierway:objects"
    assert may(single, "operator", single.namespace) == table(READ + WRITTEN + CREDENTIALS + OWN + own_role)
    assert may(single, "operator", "kube-system") == set()


def test_a_proxy_may_read_its_tables_and_one_secret(single: Installation, may: May) -> None:
    """And have tokens reviewed, which is of no namespace."""
    assert may(single, "proxy", single.namespace) == table(PROXY + REVIEWS)
    assert may(single, "proxy", "kube-system") == table(REVIEWS)


def test_of_several_namespaces_the_operator_reads_secrets_and_writes_in_these_alone(
    several: Installation, may: May
) -> None:
    """The two kinds it may read everywhere."""
    own, tenant = several.serves
    everywhere = READ + f"get clusterroles.rbac.authorization.k8s.io tierway:{own}:tierway:objects"
    assert may(several, "operator", own) == table(everywhere + WRITTEN + CREDENTIALS + OWN)
    assert may(several, "operator", tenant) == table(everywhere + WRITTEN + CREDENTIALS)
    assert may(several, "operator", "kube-system") == table(everywhere)


@pytest.mark.parametrize("component", ["operator", "proxy"])
@pytest.mark.parametrize(("command", "document", "refused"), OUT_OF_REACH, ids=[row[2] for row in OUT_OF_REACH])
def test_what_is_not_in_the_table_is_refused(
    single: Installation,
    several: Installation,
    tmp_path: Path,
    component: str,
    command: str,
    document: str,
    refused: str,
) -> None:
    """By the API server, to the token of the pod itself; and that very verb, not another one on the way."""
    words = command.format(namespace=single.namespace, other=several.serves[1]).split()
    verb, resource = refused.split()
    with pytest.raises(CommandError, match=f'cannot {verb} resource "{resource}"'):
        as_pod(single, component, tmp_path)(*words, stdin=document)


def test_a_proxy_reads_no_secret_but_the_releases_own(single: Installation, tmp_path: Path) -> None:
    """Of all that there are in the cluster."""
    proxy = as_pod(single, "proxy", tmp_path)
    found = single.kubectl(
        "get", "secrets", "-A", "--no-headers", "-o", "custom-columns=:metadata.namespace,:metadata.name"
    )
    places = [tuple(line.split()) for line in found.splitlines()]
    readable = [place for place in places if _reads(proxy, *place)]
    assert readable == [(single.namespace, "tierway-keys")]
    assert len(places) > 3


def _reads(kubectl: Tool, namespace: str, secret: str) -> bool:
    try:
        kubectl("get", "secret", secret, f"--namespace={namespace}")
    except CommandError:
        return False
    return True
