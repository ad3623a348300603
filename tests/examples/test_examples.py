"""Each folder of examples is valid, compiles to policies that are served, and does what its README says."""

import shutil
import sys
from pathlib import Path

import pytest

from tests.e2e.console import Console
from tests.e2e.documents import Block, blocks
from tests.operator.folders import world
from tests.operator.worlds import condition
from tierway_cli.__main__ import main
from tierway_operator.compiler import compiled

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
FOLDERS = sorted(each for each in EXAMPLES.iterdir() if each.is_dir())
READMES = sorted(EXAMPLES.glob("*/README.md"))
FOR_A_CLUSTER = ("kubectl ", "helm ")

every_folder = pytest.mark.parametrize("folder", FOLDERS, ids=lambda each: each.name)


@every_folder
def test_it_is_valid(folder, capsys):
    """By the CRDs; and there is a policy in it."""
    assert main(["validate", str(folder)]) == 0
    assert "RoutingPolicy" in capsys.readouterr().out


@every_folder
async def test_its_objects_are_accepted_and_all_that_they_name_is_there(folder, tmp_path):
    """Keys, too, and where they may be sent."""
    here = shutil.copytree(folder, tmp_path / "copy")
    found = compiled(await world(here))
    results = [*found.tiers.values(), *found.policies.values()]
    assert {condition(each, kind) for each in results for kind in ("Accepted", "ResolvedRefs")} == {
        ("True", "Accepted"), ("True", "ResolvedRefs"),
    }  # fmt: skip
    assert all(each.table is not None for each in found.policies.values())
    assert len(results) > 2


def test_all_folders_are_listed():
    """With a link each."""
    listed = (EXAMPLES / "README.md").read_text()
    assert [folder.name for folder in FOLDERS if f"]({folder.name}/)" not in listed] == []


def without_a_cluster(block: Block) -> bool:
    """What wants one is shown on a real API server (tests/kubernetes/test_examples.py)."""
    return bool(block.commands) and not all(each.text.startswith(FOR_A_CLUSTER) for each in block.commands)


@pytest.mark.parametrize("readme", READMES, ids=lambda each: each.parent.name)
def test_it_does_what_its_readme_says(readme, tmp_path):
    """Every decision that is shown is the one that is made."""
    for name in ("examples", "docs"):
        (tmp_path / name).symlink_to(ROOT / name)
    bin_of_this = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    shown = [each for each in blocks(readme.read_text()) if without_a_cluster(each)]
    assert shown
    with Console(tmp_path, {"PATH": bin_of_this}, {}) as console:
        for each in shown:
            console.go_through(each)
