"""What looks like ours and is of no kind of ours is named: silence would look like success."""

import pytest
import yaml

from tierway_cli.kinds import unknown_kind, unknown_kinds

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
    documents = [document("ModelTier", OURS), document("ModelTeir", OURS), document("Secret", "v1")]
    (tmp_path / "all.yaml").write_text(yaml.safe_dump_all(documents))
    (found,) = unknown_kinds(tmp_path)
    assert found.startswith("all.yaml: ModelTeir llm/a is ignored")
