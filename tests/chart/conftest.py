"""Helm, for tests that need no API server; where none can be had they are skipped, or fail where nothing may be."""

import os
from pathlib import Path

import pytest

from localkube import Tool, UnavailableError
from localkube import helm as helm_of
from tests.chart.rendered import Chart

REQUIRED = os.environ.get("TIERWAY_REQUIRE_KUBERNETES") == "1"


@pytest.fixture(scope="session")
def helm(tmp_path_factory: pytest.TempPathFactory) -> Tool:
    """A helm that has no cluster."""
    home = tmp_path_factory.mktemp("helm")
    try:
        return helm_of(Path("/no/cluster"), home=home)
    except UnavailableError as reason:
        (pytest.fail if REQUIRED else pytest.skip)(f"no helm: {reason}")


@pytest.fixture(scope="session")
def chart(helm: Tool) -> Chart:
    return Chart(helm)
