"""One real control plane a run, one fresh namespace a test."""

import os
import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from localkube import ControlPlane, Tool, UnavailableError

LOGS = pytest.StashKey[Path]()
REQUIRED = os.environ.get("TIERWAY_REQUIRE_KUBERNETES") == "1"


@pytest.fixture(scope="session")
def control_plane(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """The run's control plane; its logs stay in pytest's temporary folder when a test fails."""
    with ExitStack() as stack:
        capture = request.config.pluginmanager.getplugin("capturemanager")
        try:
            with capture.global_and_fixture_disabled():  # a build takes minutes: let its progress be seen
                directory = tmp_path_factory.mktemp("control-plane")
                plane = stack.enter_context(ControlPlane.started(directory))
                plane.kubectl("version")  # one that fits is a part of it
        except UnavailableError as reason:
            (pytest.fail if REQUIRED else pytest.skip)(f"no control plane: {reason}")
        yield plane
        if request.session.testsfailed:
            plane.keep_logs()
            request.config.stash[LOGS] = plane.logs


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say where the logs are when something failed."""
    if LOGS in config.stash:
        terminalreporter.write_line(f"the control plane's logs: {config.stash[LOGS]}")


@pytest.fixture
def kubectl(control_plane: ControlPlane) -> Tool:
    """`kubectl("get", "namespaces")` as admin; `kubectl.using(kubeconfig)` as somebody else."""
    return control_plane.kubectl


@pytest.fixture
def namespace(kubectl: Tool) -> Iterator[str]:
    """The name of a namespace that no other test sees."""
    name = f"test-{secrets.token_hex(4)}"
    kubectl("create", "namespace", name)
    yield name
    kubectl("delete", "namespace", name, "--wait=false")
