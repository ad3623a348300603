"""A cluster that somebody has, and images that its nodes have, are all that these tests need."""

import os
import subprocess
import sys

import pytest

from tests.e2e.access import GIVEN, Access
from tests.e2e.installation import ROOT

pytestmark = pytest.mark.e2e


def test_the_tests_run_on_a_cluster_that_is_given(access: Access) -> None:
    """The installation, from the first command to the first answer: on this run's own, as if it were another's."""
    theirs = dict(zip(GIVEN, (str(access.kubectl.kubeconfig), access.product.name, access.caller.name), strict=True))
    command = [sys.executable, "-m", "pytest", "tests/e2e/test_install.py", "-m", "e2e", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **theirs}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:]
    assert f"cluster: that of KUBECONFIG={access.kubectl.kubeconfig}" in done.stdout
    assert " skipped" not in done.stdout
