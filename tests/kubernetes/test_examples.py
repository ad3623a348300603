"""Each folder of examples is taken by a real API server, in the order that its README gives, a release with it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from localkube import ControlPlane
from tests.e2e.console import Console
from tests.e2e.documents import Block, blocks

pytestmark = pytest.mark.kubernetes

ROOT = Path(__file__).parents[2]
FOLDERS = sorted(each for each in (ROOT / "examples").iterdir() if each.is_dir())
VALUES = sorted((ROOT / "examples").glob("*/values/*.yaml"))
CHART = ROOT / "deploy" / "helm" / "tierway"
FOR_A_CLUSTER = ("kubectl ", "helm ")


@pytest.fixture(scope="module")
def plane(control_plane: ControlPlane) -> ControlPlane:
    """One that has the kinds already: they are not a test's to remove."""
    control_plane.kubectl("apply", "--server-side", "-f", str(ROOT / "deploy/crds"))
    return control_plane


@pytest.fixture(params=FOLDERS, ids=lambda each: each.name)
def example(plane: ControlPlane, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A folder of which nothing is there yet; what becomes of it goes again, with its namespaces and its release."""
    yield request.param
    for release in plane.helm("list", "-A", "--filter=^tierway$", "-o", "json").split('"namespace":"')[1:]:
        plane.helm("uninstall", "tierway", "--namespace", release.partition('"')[0])
    plane.kubectl("delete", "--ignore-not-found", "-f", str(request.param))


def test_it_is_applied_as_its_readme_says(plane: ControlPlane, example: Path, tmp_path: Path) -> None:
    """Every file of it is taken, and every field known."""
    for name in ("examples", "deploy"):
        (tmp_path / name).symlink_to(ROOT / name)
    environment = {
        "KUBECONFIG": str(plane.kubeconfig),
        "PATH": f"{plane.kubectl.program.parent}:{plane.helm.program.parent}:/usr/bin:/bin",
    }
    with Console(
        tmp_path, environment, {"helm install tierway": "helm install tierway --set crds.enabled=false"}
    ) as console:
        for block in _for_a_cluster(example):
            console.go_through(block)
    printed = plane.kubectl("apply", "--validate=strict", "-f", str(example))
    assert "routingpolicy.tierway.dev" in printed
    assert {line.rpartition(" ")[2] for line in printed.splitlines()} <= {"created", "configured", "unchanged"}


def _for_a_cluster(example: Path) -> list[Block]:
    readme = example / "README.md"
    found = blocks(readme.read_text()) if readme.exists() else []
    return [each for each in found if each.commands and each.commands[0].text.startswith(FOR_A_CLUSTER)]


@pytest.mark.parametrize("values", VALUES, ids=lambda each: f"{each.parents[1].name}-{each.stem}")
def test_values_of_it_make_a_release(plane: ControlPlane, values: Path) -> None:
    """With what they set, in the proxies' flags."""
    rendered = plane.helm("template", "tierway", str(CHART), "--namespace=llm", "-f", str(values))
    assert f"--region={values.stem}" in rendered
