"""What looks like ours and is of no kind of ours is named: silence would look like success."""

import shutil

import pytest
import yaml

from tierway_cli.kinds import NamingStore, unknown_kind, unknown_kinds

OURS = "tierway.dev/v1alpha1"


def document(kind, version):
    return {"apiVersion": version, "kind": kind, "metadata": {"name": "a", "namespace": "llm"}}


@pytest.mark.parametrize(
    ("kind", "version", "meant"),
    [
        ("ModelTeir", OURS, "ModelTier of tierway.dev/v1alpha1"),
        ("modeltier", OURS, "ModelTier of tierway.dev/v1alpha1"),
        ("ModelTiers", OURS, "ModelTier of tierway.dev/v1alpha1"),
        ("RoutingPolcy", "v1", "RoutingPolicy of tierway.dev/v1alpha1"),
        ("Provider", OURS, "ModelTier or RoutingPolicy"),
    ],
)
def test_a_kind_that_is_misspelt_is_named_with_what_was_meant(kind, version, meant):
    """By its own text, so that it is found."""
    assert unknown_kind(document(kind, version)) == (
        f"{kind} llm/a is ignored: there is no kind {kind} of {version}; did you mean {meant}?"
    )


@pytest.mark.parametrize("kind", ["Secret", "ConfigMap", "Namespace", "Deployment", "NetworkPolicy", "Model"])
def test_what_is_somebody_elses_is_passed_over(kind):
    """A folder may hold whatever one applies to a cluster."""
    assert unknown_kind(document(kind, "v1")) is None


def test_ours_are_for_the_validator_to_judge():
    """Also in a version that it does not know."""
    assert unknown_kind(document("ModelTier", "tierway.dev/v9")) is None


def test_a_folder_names_the_file(tmp_path):
    """Of each such object, and of no other."""
    save(tmp_path, "ModelTier", "ModelTeir", "Secret")
    (found,) = unknown_kinds(tmp_path)
    assert found.startswith("all.yaml: ModelTeir llm/a is ignored")


async def test_what_an_edit_brings_is_named_once(tmp_path):
    """And again when it comes again, as a fault in a file would be."""
    said = []
    store = NamingStore(tmp_path, tuple, said.append)
    for kinds in (["ModelTeir"], ["ModelTeir"], ["Secret"], ["ModelTeir", "RoutingPolcy"], []):
        save(tmp_path, *kinds)
        await store.world()
    assert [each.split()[1] for each in said] == ["ModelTeir", "ModelTeir", "RoutingPolcy"]


async def test_a_folder_that_is_away_is_the_worlds_to_tell(tmp_path):
    """It may come back; nothing is raised for it here."""
    store = NamingStore(tmp_path / "yaml", tuple, print)
    shutil.rmtree(tmp_path / "yaml")
    assert (await store.world()).tiers.error is not None


def save(folder, *kinds):
    (folder / "all.yaml").write_text(
        yaml.safe_dump_all([document(kind, "v1" if kind == "Secret" else OURS) for kind in kinds])
    )
