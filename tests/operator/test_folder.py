"""A folder of YAML as a store: what is listed, what a broken file keeps, what is written."""

import asyncio
import json
import logging
import stat

import pytest
import yaml

from tests.operator.memory import until
from tests.operator.worlds import model, policy, tier
from tierway_operator.folder import FolderStore, InUseError, locked, published_in
from tierway_operator.folder.documents import parsed
from tierway_operator.folder.files import Files
from tierway_operator.store import Published, Ref, Unreachable


@pytest.fixture
def folder(tmp_path):
    write(tmp_path / "tiers.yaml", plain(tier("cheap")), plain(tier("dear")))
    write(tmp_path / "policy.yaml", plain(policy()))
    return tmp_path


def plain(manifest):
    """As a user writes it: without what only a store knows."""
    meta = {key: value for key, value in manifest["metadata"].items() if key in {"name", "namespace", "labels"}}
    return {**manifest, "metadata": meta}


def write(path, *documents):
    path.write_text(yaml.safe_dump_all(documents))


def named(listing):
    return {entry.manifest["metadata"]["name"]: entry for entry in listing.entries}


async def world(folder, store=None, **more):
    return await (store or FolderStore(folder, **more)).world()


async def test_objects_are_listed_with_what_a_store_gives_them(folder):
    """A namespace, a uid, a generation, a time; defaults of the schema filled in; other kinds ignored."""
    write(folder / "other.yaml", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "llm"}})
    write(folder / "here.json", {**plain(tier("here")), "metadata": {"name": "here"}})
    found = await world(folder)
    assert sorted(named(found.tiers)) == ["cheap", "dear", "here"]
    assert list(named(found.policies)) == ["default"]
    meta = named(found.tiers)["here"].manifest["metadata"]
    assert (meta["namespace"], meta["generation"]) == ("default", 1)
    assert meta["uid"]
    assert meta["creationTimestamp"].endswith("Z")
    assert all(entry.fault is None for entry in found.tiers.entries)


async def test_a_generation_counts_the_specs_and_a_uid_stays(folder):
    """Labels and comments are no edit; a restart is none either."""
    store = FolderStore(folder)
    first = named((await world(folder, store)).policies)["default"].manifest["metadata"]
    labelled = plain(policy())
    labelled["metadata"]["labels"] = {"a": "b"}
    write(folder / "policy.yaml", labelled)
    assert named((await world(folder, store)).policies)["default"].manifest["metadata"]["generation"] == 1
    write(folder / "policy.yaml", plain(policy(unknownModels="Classify")))
    second = named((await world(folder)).policies)["default"].manifest["metadata"]
    assert (second["uid"], second["generation"]) == (first["uid"], 2)


async def test_an_object_that_is_deleted_and_comes_back_is_another(folder):
    """With another uid; its status file goes with it."""
    store = FolderStore(folder)
    first = named((await world(folder, store)).policies)["default"].manifest["metadata"]
    await store.write_status(Ref("RoutingPolicy", "llm", "default", first["uid"]), {"observedGeneration": 1})
    (folder / "policy.yaml").unlink()
    await settled(store)
    assert not list((folder / "status").glob("*.yaml"))
    write(folder / "policy.yaml", plain(policy()))
    second = named((await world(folder, store)).policies)["default"].manifest["metadata"]
    assert second["uid"] != first["uid"]


async def settled(store):
    """Look until nothing is held back any more."""
    found = await store.world()
    while store._files.restless:
        await asyncio.wait_for(store.changed(), 5)
        found = await store.world()
    return found


class TestSaving:
    """What editors do to a file while it is saved."""

    def test_a_truncated_file_is_no_deletion(self, folder):
        """It counts as empty only when it has stayed so."""
        files = Files(folder)
        before = files.look(0.0)
        (folder / "tiers.yaml").write_text("")
        assert files.look(1.0) == before
        assert files.restless
        assert files.look(1.4) == before
        assert {each.file: len(each.documents) for each in files.look(1.6)} == {"policy.yaml": 1, "tiers.yaml": 0}
        assert not files.restless

    def test_a_file_that_is_moved_away_for_a_moment_is_no_deletion(self, folder):
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

    def test_a_change_counts_at_once(self, folder):
        """Only what is missing is waited for."""
        files = Files(folder)
        files.look(0.0)
        write(folder / "policy.yaml", plain(policy(unknownModels="Classify")), plain(policy("second")))
        (found,) = [each for each in files.look(0.01) if each.file == "policy.yaml"]
        assert len(found.documents) == 2

    async def test_a_half_written_file_keeps_its_last_good_objects_and_says_why(self, folder, caplog):
        """Nothing is lost; the fault names file and line, once in the log and in every object's entry."""
        store = FolderStore(folder)
        before = await store.world()
        (folder / "tiers.yaml").write_text((folder / "tiers.yaml").read_text() + "---\nkind: [")
        for _ in range(2):
            after = await store.world()
        assert [entry.manifest for entry in after.tiers.entries] == [entry.manifest for entry in before.tiers.entries]
        assert all("tiers.yaml, line" in entry.fault for entry in after.tiers.entries)
        assert after.policies == before.policies
        assert caplog.text.count("ModelTier.llm.cheap: tiers.yaml, line") == 1

    async def test_a_file_that_is_broken_at_the_start_keeps_what_was_good_before(self, folder):
        """The last good texts outlive the process."""
        await world(folder)
        (folder / "policy.yaml").write_text("spec: {")
        found = named((await world(folder)).policies)["default"]
        assert found.fault is not None
        assert found.manifest["spec"]["routes"]

    async def test_an_object_that_the_schema_refuses_keeps_its_last_good_spec(self, folder, caplog):
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
        assert "ModelTier.llm.cheap: good again" in caplog.text

    async def test_an_object_that_never_was_good_is_listed_without_a_spec(self, folder):
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


async def test_an_object_that_stands_in_two_files_says_so_and_the_first_counts(folder):
    """Whichever file had it first keeps it, whatever the other is called."""
    store = FolderStore(folder)
    await store.world()
    write(folder / "a.yaml", plain(policy(unknownModels="Classify")))
    found = named((await store.world()).policies)["default"]
    assert found.fault == "The object stands in a.yaml and in policy.yaml; remove one. policy.yaml counts."
    assert "unknownModels" not in found.manifest["spec"]


class TestSecrets:
    """Keys that stand in files, and keys that do not."""

    def secret(self, labels=None, annotations=None, **parts):
        meta = {"name": "keys", "namespace": "llm", "labels": labels or {"tierway.dev/credential": "true"}}
        return {"apiVersion": "v1", "kind": "Secret", "metadata": {**meta, "annotations": annotations or {}}, **parts}

    async def found(self, folder, document, **environment):
        write(folder / "keys.yaml", document)
        return (await world(folder, environment=environment)).secrets.found

    async def test_a_labelled_secret_is_found_and_decoded(self, folder):
        """What stands in stringData wins, as in a cluster."""
        document = self.secret(data={"a": "a2V5LWE=", "b": "eA=="}, stringData={"b": "key-b"})
        (found,) = await self.found(folder, document)
        assert (found.namespace, found.name, found.data) == ("llm", "keys", {"a": "key-a", "b": "key-b"})
        assert "key-a" not in repr(found)

    async def test_a_secret_without_the_label_is_not_there(self, folder):
        """Nor one whose label says anything else."""
        assert await self.found(folder, self.secret(labels={"x": "y"}, stringData={"a": "b"})) == ()
        assert await self.found(folder, self.secret(labels={"tierway.dev/credential": "false"})) == ()

    async def test_an_annotation_names_the_variable_that_gives_the_key(self, folder):
        """A folder can be kept in git without its keys."""
        annotations = {"tierway.dev/env": "THE_KEY"}
        (found,) = await self.found(folder, self.secret(annotations=annotations), THE_KEY="k")
        assert found.data == {"api-key": "k"}
        document = self.secret(annotations=annotations, stringData={"us": "", "eu": "own"})
        (found,) = await self.found(folder, document, THE_KEY="k")
        assert found.data == {"us": "k", "eu": "own"}
        (found,) = await self.found(folder, document)
        assert found.data == {"us": "", "eu": "own"}

    async def test_keys_and_token_are_for_this_user_alone(self, folder):
        """0600 in a directory of 0700, and nothing for git."""
        store = FolderStore(folder)
        token = await store.token()
        await store.publish_keys({"id1": "secret", "id2": "other"})
        await store.publish_keys({"id1": "secret"})
        keys = published_in(folder) / "keys"
        assert {each.name for each in keys.iterdir()} == {"id1", "token"}
        assert stat.S_IMODE(keys.stat().st_mode) == 0o700
        assert {stat.S_IMODE(each.stat().st_mode) for each in keys.iterdir()} == {0o600}
        assert (await store.world()).keys == {"id1": "secret"}
        assert len(token) == 64
        assert await FolderStore(folder).token() == token
        assert (folder / ".tierway" / ".gitignore").read_text() == "*\n"

    async def test_config_maps_are_found_by_name(self, folder):
        """For certificates."""
        write(
            folder / "ca.yaml",
            {"kind": "ConfigMap", "metadata": {"name": "ca", "namespace": "llm"}, "data": {"k": "P"}},
        )
        assert (await world(folder)).config_maps.data == {("llm", "ca"): {"k": "P"}}


class TestWriting:
    """What the loop writes."""

    async def test_what_is_published_is_read_again_and_can_be_taken_back(self, folder):
        """Two files in a directory that is called after the policy."""
        store = FolderStore(folder)
        texts = Published("{}", json.dumps({"policy": "llm/default", "sequence": 1}))
        await store.publish("llm/default", texts)
        assert (published_in(folder) / "tables" / "llm.default" / "table.json").read_text() == "{}"
        assert (await store.world()).published == {"llm/default": texts}
        await store.unpublish("llm/default")
        await store.unpublish("llm/default")
        assert (await store.world()).published == {}

    async def test_names_that_are_too_long_for_a_file_are_told_apart(self, folder):
        """Namespace and name may have 317 characters, a file's name 255."""
        store, texts = FolderStore(folder), {}
        for last in "ab":
            name = "n" * 63 + "/" + "x" * 252 + last
            texts[name] = Published("{}", json.dumps({"policy": name, "sequence": 1}))
            await store.publish(name, texts[name])
        assert (await store.world()).published == texts

    async def test_a_status_is_written_beside_the_whole_object(self, folder):
        """A person can read it; it is there again after a restart; another uid gets none."""
        store = FolderStore(folder)
        uid = named((await store.world()).tiers)["cheap"].manifest["metadata"]["uid"]
        status = {"conditions": [], "summary": {"ttftP95": "≥160ms"}}
        await store.write_status(Ref("ModelTier", "llm", "cheap", uid), status)
        await store.write_status(Ref("ModelTier", "llm", "cheap", "another"), {})
        text = (folder / "status" / "modeltier.llm.cheap.yaml").read_text()
        assert "≥160ms" in text
        assert list(yaml.safe_load(text)) == ["apiVersion", "kind", "metadata", "spec", "status"]
        assert named((await world(folder)).tiers)["cheap"].manifest["status"] == status

    async def test_a_tally_is_kept(self, folder):
        """None before the first."""
        store = FolderStore(folder)
        assert await store.load_tally() is None
        await store.save_tally("text")
        assert await FolderStore(folder).load_tally() == "text"

    async def test_a_full_disk_is_an_unreachable_store(self, folder):
        """The loop tries again; nothing is half written."""
        store = FolderStore(folder)
        (published_in(folder) / "tables" / "llm.default").write_text("in the way")
        with pytest.raises(Unreachable):
            await store.publish("llm/default", Published("{}", "{}"))


async def test_a_folder_that_is_away_is_unknown_and_not_empty(folder):
    """A mount that is gone for a moment deletes nothing."""
    store = FolderStore(folder)
    await store.world()
    folder.rename(folder.with_name("elsewhere"))
    found = await store.world()
    assert found.tiers.error is not None
    assert found.policies.error is not None


async def test_a_second_process_is_refused_in_words(tmp_path):
    """Two would publish against each other."""
    with locked(tmp_path), pytest.raises(InUseError, match="is served already, by process"), locked(tmp_path):
        pass
    with locked(tmp_path):
        pass


async def test_every_saved_edit_is_a_change_and_our_own_writing_is_none(folder):
    """The watch sees what users write, not what the loop writes."""
    store = FolderStore(folder)
    watching = asyncio.create_task(store.watch())
    try:
        await asyncio.wait_for(quiet(store), 10)
        write(folder / "policy.yaml", plain(policy(unknownModels="Classify")))
        await asyncio.wait_for(store.changed(), 5)
        await asyncio.wait_for(quiet(store), 10)
        await store.publish("llm/default", Published("{}", "{}"))
        await store.save_tally("text")
        uid = named((await store.world()).tiers)["cheap"].manifest["metadata"]["uid"]
        await store.write_status(Ref("ModelTier", "llm", "cheap", uid), {})
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(store.changed(), 0.3)
        store.touched()
        await asyncio.wait_for(store.changed(), 1)
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def quiet(store):
    """Return when nothing has changed for a while: the watch is up, and has told of what was there."""
    while True:
        try:
            await asyncio.wait_for(store.changed(), 0.3)
        except TimeoutError:
            return


async def test_the_watch_follows_a_folder_that_is_replaced(tmp_path):
    """As a mounted volume, or a checkout of something else, may do."""
    folder = tmp_path / "folder"
    folder.mkdir()
    write(folder / "policy.yaml", plain(policy()))
    store, seen = FolderStore(folder), []

    async def follow():
        while True:
            await store.changed()
            seen.append((await store.world()).policies)

    store.touched()
    tasks = [asyncio.create_task(store.watch()), asyncio.create_task(follow())]
    try:
        await until(lambda: seen)
        folder.rename(tmp_path / "elsewhere")
        folder.mkdir()
        write(folder / "policy.yaml", plain(policy("other")))
        await until(lambda: "other" in named(seen[-1]), seconds=10)
        write(folder / "policy.yaml", plain(policy("other")), plain(policy("third")))
        await until(lambda: "third" in named(seen[-1]), seconds=10)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
