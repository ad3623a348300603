"""Where no control plane can be had, a run of tests says so, loudly, or fails where that was asked for."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]
SUITE = """
import pytest

@pytest.mark.kubernetes
def test_apply(namespace):
    raise AssertionError("there is nothing to apply to")

@pytest.mark.kubernetes
def test_watch(control_plane):
    raise AssertionError("there is nothing to watch")

def test_plain():
    pass
"""


def test_tests_are_left_out_with_the_reason_in_the_last_line(tmp_path: Path) -> None:
    """Neither green silence nor a red run of a machine that cannot."""
    code, output = _run(tmp_path, required="")
    assert code == 0
    assert "1 passed, 2 skipped" in output
    last = output.strip().splitlines()[-1]
    assert last.startswith("NOT RUN: 2 tests that need a real Kubernetes: no control plane: cannot build in")
    assert "Not a directory" in last


def test_where_a_control_plane_is_required_the_tests_fail(tmp_path: Path) -> None:
    """CI must not pass by leaving out."""
    code, output = _run(tmp_path, required="1")
    assert code == 1
    assert "1 passed, 2 errors" in output
    assert "no control plane: cannot build in" in output
    assert "NOT RUN" not in output


def _run(tmp_path: Path, required: str) -> tuple[int, str]:
    suite = tmp_path / "tests" / "kubernetes"
    suite.mkdir(parents=True)
    shutil.copy(TESTS / "conftest.py", tmp_path / "tests")
    shutil.copy(TESTS / "kubernetes" / "conftest.py", suite)
    shutil.copy(TESTS.parent / "pyproject.toml", tmp_path)
    (suite / "test_suite.py").write_text(SUITE)
    (tmp_path / "file").touch()
    kept = {name: value for name, value in os.environ.items() if name not in {"KUBEBUILDER_ASSETS", "PYTEST_ADDOPTS"}}
    settings = {
        "XDG_CACHE_HOME": str(tmp_path / "file"),
        "TIERWAY_REQUIRE_KUBERNETES": required,
        "PYTHONPATH": str(TESTS.parent),
    }
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--color=no", str(tmp_path / "tests")]
    done = subprocess.run(command, cwd=tmp_path, env=kept | settings, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout
