"""A folder with two tiers and a policy."""

import pytest

from tests.operator.folders import plain, write
from tests.operator.worlds import policy, tier


@pytest.fixture
def folder(tmp_path):
    write(tmp_path / "tiers.yaml", plain(tier("cheap")), plain(tier("dear")))
    write(tmp_path / "policy.yaml", plain(policy()))
    return tmp_path
