"""A folder of YAML as a store: what is listed, what a broken file keeps, what is written."""

import asyncio
import json

import pytest
import yaml

from tests.operator.folders import named, plain, world, write
from tests.operator.memory import until
from tests.operator.worlds import policy, tier
from tierway_operator.folder import FolderStore, InUseError, locked, published_in
from tierway_operator.store import Published, Ref, Unreachable


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


async def test_an_object_that_stands_in_two_files_says_so_and_the_first_counts(folder):
    """Whichever file had it first keeps it, whatever the other is called."""
    store = FolderStore(folder)
    await store.world()
    write(folder / "a.yaml", plain(policy(unknownModels="Classify")))
    found = named((await store.world()).policies)["default"]
    assert found.fault == "The object stands in a.yaml and in policy.yaml; remove one. policy.yaml counts."
    assert "unknownModels" not in found.manifest["spec"]


class TestWriting:
    """What the loop writes."""

    async def test_what_is_published_is_read_again_and_can_be_taken_back(self, folder):
        """Two files in a directory that is called after the policy."""
        store = FolderStore(folder)
        texts = Published("{}", json.dumps({"policy": "llm/default", "sequence": 1}), "uid-1")
        await store.publish("llm/default", texts)
        assert (published_in(folder) / "tables" / "llm.default" / "table.json").read_text() == "{}"
        assert (await store.world()).published == {"llm/default": texts}
        await store.unpublish("llm/default")
        await store.unpublish("llm/default")
        assert (await store.world()).published == {}
        assert not (published_in(folder) / "tables" / "llm.default").exists()

    async def test_what_was_published_without_a_uid_is_read_without_one(self, folder):
        """An older version wrote it; and what is published without one does not keep another's."""
        store = FolderStore(folder)
        texts = Published("{}", json.dumps({"policy": "llm/default", "sequence": 1}))
        await store.publish("llm/default", Published(texts.table, texts.state, "uid-1"))
        await store.publish("llm/default", texts)
        assert (await store.world()).published == {"llm/default": texts}

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
