"""The layout that keeps `operator/` a folder and Python's `operator` a module, and what the wheel carries."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("folder", ["operator", "proxy", "cli", "tests", "tests/operator"])
def test_no_package_shadows_the_standard_library(folder):
    """None of these folders is a package: `import operator` must stay Python's."""
    assert not (ROOT / folder / "__init__.py").exists()


def test_no_test_stands_under_operator():
    """Test files there would make pytest put the folder's parent on the path."""
    assert not list((ROOT / "operator").rglob("test_*.py")) + list((ROOT / "operator").rglob("conftest.py"))


def test_the_standard_librarys_operator_is_found_from_the_root():
    """From the checkout's root, `operator` is still the module with `itemgetter`."""
    found = subprocess.run(
        [sys.executable, "-c", "import operator; print(operator.itemgetter.__name__)"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == "itemgetter"


def test_the_wheel_has_the_three_packages_and_the_crds(tmp_path):
    """`pipx run tierway standalone` has what it validates with; nothing of tests, demo or tools is in the wheel."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)], cwd=ROOT, check=True
    )
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if "dist-info" not in name} == {
        "tierway_operator", "tierway_proxy", "tierway_cli",
    }  # fmt: skip
    assert "tierway_operator/crd_files/modeltiers.yaml" in names
    assert "tierway_operator/crd_files/routingpolicies.yaml" in names


def test_locks_and_sources_name_no_registry_host():
    """A lock says what is installed and its hashes; where from is the machine's own setting."""
    hosts = ("py" + "pi.org", "pythonhosted" + ".org", "proxy.golang" + ".org")
    files = [
        *ROOT.glob("requirements/*.txt"),
        *ROOT.glob("localkube/**/go.*"),
        ROOT / "Makefile",
        ROOT / "pyproject.toml",
    ]
    assert len(files) > 5
    assert [file.name for file in files if any(host in file.read_text() for host in hosts)] == []
