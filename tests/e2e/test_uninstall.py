"""`helm uninstall`: what stays, what goes, and who may take up what stays."""

import time

import pytest

from localkube import CommandError
from tests.e2e.callers import Caller
from tests.e2e.conftest import KINDS
from tests.e2e.installation import COMES_UP, Installation
from tests.e2e.load import Load, lost
from tests.e2e.waiting import comes_to

pytestmark = pytest.mark.e2e
COLLECTED_SECONDS = 60.0
WAITING = "--wait", "--timeout=110s"


@pytest.fixture(scope="module")
def installed(installation: Installation) -> Installation:
    """The example is served."""
    installation.install()
    installation.apply_example()
    installation.wait_until_programmed()
    return installation


def test_an_uninstall_lets_streams_finish_and_leaves_kinds_and_objects(installed: Installation, load: Load) -> None:
    """Tables, copied keys, claims and rights go."""
    began = time.time()
    installed.uninstall(*WAITING)
    for each in lost(load.stop()):
        assert each.start > began, each
        assert each.first is None, each
    assert names(installed, "modeltiers") == {"large", "small"}
    assert installed.object("routingpolicy", "default")["status"]["programmedGeneration"] == 1
    comes_to(lambda: ours(installed), set(), COLLECTED_SECONDS)
    assert everywhere(installed) == {f"crd/{kind}" for kind in KINDS}


def names(release: Installation, kind: str) -> set[str]:
    return set(release.get(kind, "--output=jsonpath={.items[*].metadata.name}").split())


def ours(release: Installation) -> set[str]:
    """What there is of Tierway in the namespace, but for the example's own things."""
    kinds = "all,configmaps,secrets,leases,serviceaccounts,roles,rolebindings,networkpolicies,poddisruptionbudgets"
    found = release.get(kinds, "--output=name").split()
    return {name for name in found if "tierway" in name or "other" in name}


def everywhere(release: Installation) -> set[str]:
    """What there is of Tierway outside of any namespace."""
    found = release.kubectl("get", "crds,clusterroles,clusterrolebindings,priorityclasses", "--output=name").split()
    short = {name.replace("customresourcedefinition.apiextensions.k8s.io", "crd") for name in found}
    return {name for name in short if "tierway" in name}


def test_the_same_name_picks_up_what_was_left(installed: Installation, caller: Caller) -> None:
    """Objects, provider and callers are as before; nobody has to touch them."""
    installed.install()
    installed.wait_until_programmed()
    assert caller.ask(installed.url).tier == f"{installed.namespace}/small"
    installed.uninstall(*WAITING)


def test_another_name_takes_ownership_of_the_kinds_or_is_refused(installed: Installation, caller: Caller) -> None:
    """Helm knows whose they are."""
    other = installed.renamed("other")
    with pytest.raises(CommandError, match="invalid ownership metadata"):
        other.install()
    other.install(options=[*COMES_UP, "--take-ownership"])
    other.wait_until_programmed()
    assert caller.ask(other.url).tier == f"{installed.namespace}/small"


def test_without_keep_nothing_is_left(installed: Installation) -> None:
    """The kinds go, and all objects of them."""
    other = installed.renamed("other")
    other.upgrade("crds.keep=false")
    other.uninstall(*WAITING)
    comes_to(lambda: everywhere(other), set(), COLLECTED_SECONDS)
    comes_to(lambda: ours(other), set(), COLLECTED_SECONDS)
    assert other.helm("list", "--all-namespaces", "--short") == ""
