"""Tables from a folder, on real files."""

import asyncio
import shutil
from contextlib import asynccontextmanager

import pytest

from tests.proxy.payloads import POLICY, state, table
from tierway_proxy.shell.folder import FolderSource
from tierway_proxy.shell.keeper import Keeper
from tierway_proxy.shell.tables import Tables


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "release"


@pytest.fixture
def tables(tmp_path):
    return Tables(Keeper(tmp_path / "kept"))


@asynccontextmanager
async def followed(folder, tables):
    following = asyncio.create_task(FolderSource(folder, tables).run())
    try:
        yield
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def eventually(tables, condition, seconds=1.5):
    """Wait for the change that makes it true; by default for less than a resync, which would hide a missed event."""
    changed = asyncio.Event()
    tables.on_change.append(lambda _: changed.set())
    async with asyncio.timeout(seconds):
        while not condition():
            await changed.wait()
            changed.clear()


def publish(folder, table_text, state_text=None):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "state.json").write_text(state_text or state())
    (folder / "table.json").write_text(table_text)


async def test_a_folder_that_appears_later_is_picked_up(folder, tables):
    """A proxy may start before whoever publishes."""
    async with followed(folder, tables):
        await asyncio.sleep(0.05)
        assert not tables.ready
        publish(folder / "tables" / "default", table())
        await eventually(tables, lambda: POLICY in tables.served)
        assert tables.ready


async def test_edits_and_deletions_are_seen_as_they_are_saved(folder, tables):
    """By the kernel's events, in milliseconds."""
    publish(folder / "tables" / "default", table(generation=1))
    async with followed(folder, tables):
        await eventually(tables, lambda: POLICY in tables.served)
        publish(folder / "tables" / "default", table(generation=2))
        await eventually(tables, lambda: tables.served[POLICY].table.generation == 2)
        shutil.rmtree(folder / "tables" / "default")
        await eventually(tables, lambda: not tables.served)


async def test_a_mounted_config_map_is_followed_through_the_kubelets_symlink_swap(folder, tables):
    """A kubelet writes a new directory and swaps `..data`; the files themselves are symlinks that never change."""
    mount = folder / "tables" / "default"
    publish(mount / "..2026_1", table(generation=1))
    (mount / "..data").symlink_to("..2026_1")
    for name in ("table.json", "state.json"):
        (mount / name).symlink_to(f"..data/{name}")
    async with followed(folder, tables):
        await eventually(tables, lambda: POLICY in tables.served)
        publish(mount / "..2026_2", table(generation=2))
        (mount / "..data_tmp").symlink_to("..2026_2")
        (mount / "..data_tmp").replace(mount / "..data")
        shutil.rmtree(mount / "..2026_1")
        await eventually(tables, lambda: tables.served[POLICY].table.generation == 2)


def test_keys_come_with_the_tables_that_name_them(folder, tables):
    """Both in one sync, keys first; `token` is the release's."""
    publish(folder / "tables" / "default", table(credential="abc"))
    (folder / "keys").mkdir()
    (folder / "keys" / "abc").write_text("sk-1")
    (folder / "keys" / "token").write_text("t")
    known_at_swap = []
    tables.on_change.append(lambda _: known_at_swap.append(dict(tables.keys)))
    FolderSource(folder, tables).sync()
    assert known_at_swap == [{"abc": "sk-1"}]
    assert tables.token == "t"


def test_a_table_without_its_state_waits_for_it(folder, tables):
    """Served without its state, a withdrawn tier would be back for a moment."""
    publish(folder / "tables" / "default", table())
    (folder / "tables" / "default" / "state.json").unlink()
    source = FolderSource(folder, tables)
    source.sync()
    assert not tables.served
    assert tables.loaded() == ()
    (folder / "tables" / "default" / "state.json").write_text(state())
    source.sync()
    assert POLICY in tables.served


def test_bytes_that_are_no_text_harm_only_their_own_policy(folder, tables):
    """A broken file must not end the sync of the others."""
    publish(folder / "tables" / "a", table("llm/a"), state("llm/a"))
    publish(folder / "tables" / "b", table("llm/b"), state("llm/b"))
    (folder / "tables" / "a" / "table.json").write_bytes(b'{"policy": "\xff"}')
    FolderSource(folder, tables).sync()
    assert list(tables.served) == ["llm/b"]


async def test_while_the_folder_is_away_the_copy_on_disk_serves(folder, tables, tmp_path):
    """As after a restart of a container whose volume is not mounted yet."""
    publish(folder / "tables" / "default", table())
    FolderSource(folder, tables).sync()
    restarted = Tables(Keeper(tmp_path / "kept"))
    async with followed(tmp_path / "absent", restarted):
        await eventually(restarted, lambda: POLICY in restarted.served)
        assert restarted.ready


def test_while_the_tables_are_away_nothing_is_taken_back(folder, tables, tmp_path):
    """Not mounted or being replaced, they are no list; what was served is, and its copy on disk stays."""
    publish(folder / "tables" / "default", table())
    source = FolderSource(folder, tables)
    source.sync()
    (folder / "tables").rename(folder / "moved")
    source.sync()
    assert POLICY in tables.served
    restarted = Tables(Keeper(tmp_path / "kept"))
    FolderSource(folder, restarted).sync()
    assert POLICY in restarted.served
    assert restarted.ready


def test_an_empty_directory_of_tables_is_an_empty_list(folder, tables, tmp_path):
    """Whoever deletes the last policy means it, and the copy on disk goes with it."""
    publish(folder / "tables" / "default", table())
    source = FolderSource(folder, tables)
    source.sync()
    shutil.rmtree(folder / "tables" / "default")
    source.sync()
    assert not tables.served
    assert list(Keeper(tmp_path / "kept").tables()) == []


def test_without_tables_there_is_no_list_yet(folder, tables):
    """The keys may come first; a proxy that took that for `no policies` would be ready too early."""
    (folder / "keys").mkdir(parents=True)
    source = FolderSource(folder, tables)
    source.sync()
    assert not tables.ready
    (folder / "tables").mkdir()
    source.sync()
    assert tables.ready


async def test_a_folder_that_was_replaced_is_followed_on(folder, tables):
    """A watch on a directory that was moved away sees nothing of its successor."""
    publish(folder / "tables" / "default", table(generation=1))
    async with followed(folder, tables):
        await eventually(tables, lambda: POLICY in tables.served)
        folder.rename(folder.with_name("old"))
        publish(folder / "tables" / "default", table(generation=2))
        # found out by a resync; until then the old table serves
        await eventually(tables, lambda: tables.served[POLICY].table.generation == 2, seconds=5)
        publish(folder / "tables" / "default", table(generation=3))
        await eventually(tables, lambda: tables.served[POLICY].table.generation == 3)
