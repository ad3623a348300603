"""One real cluster a run, one fresh namespace a test, one installation a module. These run when they are named.

The cluster is started here, unless KUBECONFIG names one *and* TIERWAY_IMAGE and TIERWAY_CALLER_IMAGE name images that
its nodes can pull: then all tests run that need no hand on the machine below. It must not have Tierway's kinds yet,
since tests remove them, and with them every tier and policy.
"""

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from localkube import Cluster, CommandError, Tool, UnavailableError, images
from tests.e2e.access import Access, built_for, given, is_given, whose
from tests.e2e.callers import Caller, calling
from tests.e2e.installation import Installation, make_namespace
from tests.e2e.load import Load, loading
from tests.e2e.report import report
from tests.e2e.traces import Traces, machine

LOGS = pytest.StashKey[Path]()
REQUIRED = os.environ.get("TIERWAY_REQUIRE_KUBERNETES") == "1"
KINDS = "modeltiers.tierway.dev", "routingpolicies.tierway.dev"


def pytest_ignore_collect(config: pytest.Config) -> bool | None:
    """Leave them out of a run of everything: they take long, and more than a Python."""
    return None if any("e2e" in argument for argument in config.args) else True


def pytest_report_header() -> str:
    """Say which cluster it is: a person who gave one must not wonder whether theirs was meant."""
    return f"cluster: {whose()}"


@pytest.fixture(scope="session", autouse=True)
def machine_as_before() -> Iterator[None]:
    """No mount, link, network namespace or packet rule is left of the run: of its cluster, or of building images."""
    if is_given():
        yield
        return
    before = machine()
    yield
    assert {kind: found - before[kind] for kind, found in machine().items()} == {kind: set() for kind in before}


@pytest.fixture(scope="session")
def pause_image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive with busybox as localhost/pause:1: the sandbox of all pods, and all that the node's tests run."""
    try:
        images.base()
        return images.archive(images.PAUSE, tmp_path_factory.mktemp("pause") / "pause.tar")
    except UnavailableError as reason:
        _not_to_be_had(reason)


@pytest.fixture(scope="session")
def cluster(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, pause_image: Path
) -> Iterator[Cluster]:
    """The run's own cluster, of which nothing is left but its logs, in pytest's temporary folder, when a test fails."""
    if is_given():
        pytest.skip("needs a cluster of its own, whose machine it can reach")
    with ExitStack() as stack:
        capture = request.config.pluginmanager.getplugin("capturemanager")
        try:
            with capture.global_and_fixture_disabled():  # a build takes minutes: let its progress be seen
                directory = tmp_path_factory.mktemp("cluster")
                cluster = stack.enter_context(Cluster.started(directory, images=[pause_image]))
        except UnavailableError as reason:
            _not_to_be_had(reason)
        yield cluster
        _keep_logs_of_failures(request, cluster)
        traces = Traces.of(cluster, [*cluster.pids().values(), *cluster._space.processes("")])
        assert {"processes", "links", "cgroups"} <= set(traces.left())
    assert traces.left() == {}


def _keep_logs_of_failures(request: pytest.FixtureRequest, cluster: Cluster) -> None:
    if request.session.testsfailed:
        cluster.keep_logs()
        request.config.stash[LOGS] = cluster.logs


@pytest.fixture(scope="session")
def access(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Access:
    """The run's cluster with the product's image and the callers' in it; it must not have Tierway's kinds yet."""
    if is_given():
        access = given()
    else:
        cluster = request.getfixturevalue("cluster")
        with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
            access = built_for(cluster, tmp_path_factory.mktemp("images"))
    assert not access.kubectl("get", "crds", *KINDS, "--ignore-not-found"), "this cluster has Tierway: not this one"
    return access


def _not_to_be_had(reason: Exception) -> None:
    (pytest.fail if REQUIRED else pytest.skip)(f"no cluster with a node: {reason}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """A failure shows what the cluster looked like."""
    outcome = yield
    access = getattr(item, "funcargs", {}).get("access")
    if outcome.failed and access is not None:
        outcome.sections += [*report(access.kubectl)]
    return outcome


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say where the logs are when something failed."""
    if LOGS in config.stash:
        terminalreporter.write_line(f"the cluster's logs: {config.stash[LOGS]}")


@pytest.fixture
def kubectl(cluster: Cluster) -> Tool:
    """`kubectl("get", "namespaces")` as admin; `kubectl.using(kubeconfig)` as somebody else."""
    return cluster.kubectl


@pytest.fixture
def namespace(kubectl: Tool) -> Iterator[str]:
    """The name of a namespace that no other test sees, and that enforces the restricted standard."""
    name = f"test-{secrets.token_hex(4)}"
    make_namespace(kubectl, name)
    yield name
    kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture(scope="module")
def make_installation(access: Access) -> Iterator[Callable[..., Installation]]:
    """Make an Installation, not yet installed; after the module nothing is left of any, the kinds included."""
    made: list[Installation] = []

    def make(prefix: str = "llm", name: str = "tierway") -> Installation:
        made.append(Installation.in_new_namespace(access.kubectl, access.helm, access.product, prefix, name))
        return made[-1]

    yield make
    for each in made:
        with suppress(CommandError):  # it was never installed, or a test has uninstalled it
            each.uninstall("--wait=false")
        access.kubectl("delete", "namespace", each.namespace, "--wait=false")
    access.kubectl("delete", "crds", *KINDS, "--ignore-not-found", "--timeout=60s")


@pytest.fixture(scope="module")
def installation(make_installation: Callable[..., Installation]) -> Installation:
    """A namespace for a release, in which nothing is installed yet."""
    return make_installation()


@pytest.fixture(scope="module")
def callers_namespace(access: Access) -> Iterator[str]:
    """Where callers live: not where the release does."""
    name = f"apps-{secrets.token_hex(3)}"
    make_namespace(access.kubectl, name)
    yield name
    access.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture(scope="module")
def caller(access: Access, callers_namespace: str) -> Iterator[Caller]:
    """Asks when it is told to."""
    with calling(access.kubectl, access.caller, callers_namespace) as caller:
        yield caller


@pytest.fixture
def load(access: Access, installation: Installation, callers_namespace: str) -> Iterator[Load]:
    """Callers of the module's installation, which has answered some of them."""
    with loading(access.kubectl, access.caller, callers_namespace, installation.url) as load:
        yield load
