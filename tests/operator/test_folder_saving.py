"""What editors do to a file while it is saved, and what people do to its text: nothing that was good is lost."""

import logging

import pytest
import yaml

from tests.operator.folders import named, plain, world, write
from tests.operator.worlds import model, policy, tier
from tierway_operator.folder import FolderStore
from tierway_operator.folder.documents import parsed
from tierway_operator.folder.files import Files


def test_a_truncated_file_is_no_deletion(folder):
    """It counts as empty only when it has stayed so."""
    files = Files(folder)
    before = files.look(0.0)
    (folder / "tiers.yaml").write_text("")
    assert files.look(1.0) == before
    assert files.restless
    assert files.look(1.4) == before
    assert {each.file: len(each.documents) for each in files.look(1.6)} == {"policy.yaml": 1, "tiers.yaml": 0}
    assert not files.restless


def test_a_file_that_is_moved_away_for_a_moment_is_no_deletion(folder):
    """Some editors put a new file in the old one's place."""
    files = Files(folder)
    before = files.look(0.0)
    (folder / "policy.yaml").rename(folder / "policy.yaml~")
    assert files.look(1.0) == before
    (folder / "policy.yaml~").rename(folder / "policy.yaml")
    assert files.look(1.2) == before
    assert not files.restless
    (folder / "policy.yaml").unlink()
    files.look(2.0)
    assert [each.file for each in files.look(2.6) if each.documents] == ["tiers.yaml"]


def test_a_change_counts_at_once(folder):
    """Only what is missing is waited for."""
    files = Files(folder)
    files.look(0.0)
    write(folder / "policy.yaml", plain(policy(unknownModels="Classify")), plain(policy("second")))
    (found,) = [each for each in files.look(0.01) if each.file == "policy.yaml"]
    assert len(found.documents) == 2


async def test_a_half_written_file_keeps_its_last_good_objects_and_says_why(folder, caplog):
    """Nothing is lost; the fault names file and line, once in the log and in every object's entry."""
    store = FolderStore(folder)
    before = await store.world()
    (folder / "tiers.yaml").write_text((folder / "tiers.yaml").read_text() + "---\nkind: [")
    for _ in range(2):
        after = await store.world()
    assert [entry.manifest for entry in after.tiers.entries] == [entry.manifest for entry in before.tiers.entries]
    assert all("tiers.yaml, line" in entry.fault for entry in after.tiers.entries)
    assert after.policies == before.policies
    assert caplog.text.count("ModelTier llm/cheap: tiers.yaml, line") == 1


async def test_a_file_that_is_broken_is_named_once_and_what_serves_on_is_told(folder, caplog):
    """By the objects that it holds; one that never held any has only itself to say it."""
    store = FolderStore(folder)
    await store.world()
    for name in ("policy.yaml", "never.yaml"):
        (folder / name).write_text("kind: [")
    await store.world()
    told = [each.getMessage() for each in caplog.records]
    assert [each.partition("line 1: ")[0] for each in told] == [
        "RoutingPolicy llm/default: policy.yaml, ", "never.yaml, ",
    ]  # fmt: skip
    assert [each.endswith(". The last valid version stays in force.") for each in told] == [True, False]


async def test_an_unknown_field_is_named_once(folder, caplog):
    """And of an object that never was valid nothing stays in force."""
    strange = plain(tier("new"))
    strange["spec"]["modls"] = 1
    write(folder / "new.yaml", strange)
    await FolderStore(folder).world()
    assert 'ModelTier llm/new: new.yaml: unknown field "spec.modls"; did you mean models?' in caplog.messages


async def test_a_file_that_is_broken_at_the_start_keeps_what_was_good_before(folder):
    """The last good texts outlive the process."""
    await world(folder)
    (folder / "policy.yaml").write_text("spec: {")
    found = named((await world(folder)).policies)["default"]
    assert found.fault is not None
    assert found.manifest["spec"]["routes"]


async def test_an_object_that_the_schema_refuses_keeps_its_last_good_spec(folder, caplog):
    """With the API server's sentence; its neighbours in the file are not touched."""
    store = FolderStore(folder)
    await store.world()
    write(
        folder / "tiers.yaml",
        plain(tier("cheap", model(price={"inputPerMillionTokens": "x"}))),
        plain(tier("dear")),
    )
    found = named((await store.world()).tiers)
    assert found["cheap"].fault.startswith("tiers.yaml: spec.models[0].price")
    assert found["cheap"].manifest["spec"]["models"][0]["price"]["inputPerMillionTokens"] == "0.1"
    assert found["dear"].fault is None
    with caplog.at_level(logging.INFO):
        write(folder / "tiers.yaml", plain(tier("cheap")), plain(tier("dear")))
        assert named((await store.world()).tiers)["cheap"].fault is None
    assert "ModelTier llm/cheap: good again" in caplog.text


async def test_an_object_that_never_was_good_is_listed_without_a_spec(folder):
    """Its status must say what is wrong with it."""
    write(folder / "new.yaml", plain(tier("new", providers=[])))
    found = named((await world(folder)).tiers)["new"]
    assert "spec" not in found.manifest
    assert found.manifest["metadata"]["uid"]
    assert "spec.providers" in found.fault


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: 1\na: 2\n", "f.yaml, line 2: the key 'a' stands twice."),
        ("a: [\n", "f.yaml, line 2:"),
        ("kind: RoutingPolicy", "f.yaml: a document has no kind or no metadata.name."),
        ("kind: RoutingPolicy\nmetadata: {}", "f.yaml: a document has no kind or no metadata.name."),
        ("just words", "f.yaml: a document is str, not an object with kind and metadata."),
        ("a: \x07", "f.yaml: unacceptable character"),
    ],
)
def test_a_broken_text_says_where(text, sentence):
    """As kubectl does, a key that stands twice is an error."""
    assert parsed("f.yaml", text).error.startswith(sentence)


def test_a_list_is_its_items():
    """What `kubectl get -o yaml` prints can be saved as it is."""
    items = [{"kind": "A", "metadata": {"name": "a"}}, {"kind": "B", "metadata": {"name": "b"}}]
    found = parsed("f.yaml", yaml.safe_dump({"kind": "List", "apiVersion": "v1", "items": items}))
    assert [tuple(each) for each in sorted(found.identities)] == [("A", "default", "a"), ("B", "default", "b")]


def test_a_date_is_a_text():
    """YAML's dates are no JSON."""
    (found,) = parsed("f.yaml", "{kind: A, metadata: {name: a}, on: 2026-11-24}").documents
    assert "2026-11-24" in found.values()
