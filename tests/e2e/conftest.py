"""One real cluster with a node a run, one fresh namespace a test. These run when they are named, as `make e2e` does."""

import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from localkube import Cluster, Tool, UnavailableError

LOGS = pytest.StashKey[Path]()
REQUIRED = os.environ.get("TIERWAY_REQUIRE_KUBERNETES") == "1"


def pytest_ignore_collect(config: pytest.Config) -> bool | None:
    """Leave them out of a run of everything: they take long, and more than a Python."""
    return None if any("e2e" in argument for argument in config.args) else True


@pytest.fixture(scope="session")
def pause_image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive with busybox as localhost/pause:1: the sandbox of all pods, and all that the node's tests run."""
    folder = tmp_path_factory.mktemp("pause")
    shutil.copy("/bin/busybox", folder)
    (folder / "Containerfile").write_text(
        'FROM scratch\nCOPY busybox /\nENTRYPOINT ["/busybox", "sleep", "2147483647"]\n'
    )
    build = ["buildah", "bud", "--isolation=chroot", "--tag=localhost/pause:1", "."]
    push = ["buildah", "push", "--quiet", "localhost/pause:1", "oci-archive:pause.tar:localhost/pause:1"]
    for command in (build, push):
        environment = {**os.environ, "STORAGE_DRIVER": "overlay"}
        subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
    return folder / "pause.tar"


@pytest.fixture(scope="session")
def cluster(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, pause_image: Path
) -> Iterator[Cluster]:
    """The run's cluster; its logs stay in pytest's temporary folder when a test fails."""
    with ExitStack() as stack:
        capture = request.config.pluginmanager.getplugin("capturemanager")
        try:
            with capture.global_and_fixture_disabled():  # a build takes minutes: let its progress be seen
                directory = tmp_path_factory.mktemp("cluster")
                cluster = stack.enter_context(Cluster.started(directory, images=[pause_image]))
        except UnavailableError as reason:
            (pytest.fail if REQUIRED else pytest.skip)(f"no cluster with a node: {reason}")
        yield cluster
        if request.session.testsfailed:
            cluster.keep_logs()
            request.config.stash[LOGS] = cluster.logs


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
    kubectl("create", "namespace", name)
    kubectl("label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted")
    yield name
    kubectl("delete", "namespace", name, "--wait=false")
