"""Tables from the Kubernetes API, with the wire played: what a real one does only now and then."""

import asyncio
import json
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from kubernetes.aio.client.api_client import ApiClient

from tests.proxy.fake_kubernetes import MAPS, NAMESPACE, RELEASE, FakeKubernetes, config_map, key_secret
from tests.proxy.payloads import state, table
from tierway_proxy.shell.cluster import ClusterSource
from tierway_proxy.shell.follow import LONGEST_PAUSE_SECONDS, Pauses, follow
from tierway_proxy.shell.keeper import Keeper
from tierway_proxy.shell.kubernetes_api import KubernetesApi, configuration
from tierway_proxy.shell.tables import Tables


@pytest.fixture
def tables(tmp_path):
    return Tables(Keeper(tmp_path / "kept"))


@pytest.fixture
async def fake():
    return FakeKubernetes()


@asynccontextmanager
async def listening(fake, monkeypatch, tmp_path):
    runner = web.AppRunner(fake.application(), shutdown_timeout=0.01)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    kubeconfig(runner.addresses[0][1], monkeypatch, tmp_path)
    try:
        yield
    finally:
        await runner.cleanup()


def kubeconfig(port, monkeypatch, tmp_path):
    file = tmp_path / "kubeconfig"
    parts = {
        "clusters": [{"name": "fake", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "users": [{"name": "fake", "user": {"token": "secret"}}],
        "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": "fake"}}],
        "current-context": "fake",
    }
    file.write_text(json.dumps(parts))
    monkeypatch.setenv("KUBECONFIG", str(file))


@asynccontextmanager
async def running(coroutine):
    task = asyncio.create_task(coroutine)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def followed(fake, tables, monkeypatch, tmp_path):
    """The fake with a ClusterSource that follows it; `maps` may be filled before the first await of the test."""
    async with listening(fake, monkeypatch, tmp_path), running(ClusterSource(RELEASE, NAMESPACE, tables).run()):
        yield fake


async def eventually(tables, condition, seconds=3):
    changed = asyncio.Event()
    tables.on_change.append(lambda _: changed.set())
    async with asyncio.timeout(seconds):
        while not condition():
            await changed.wait()
            changed.clear()


async def test_what_is_listed_and_what_is_watched_is_served(followed, tables):
    """Objects of before, edits and deletions come by the same way, selected by the release's label."""
    followed.maps = {"a": config_map()}
    await eventually(tables, lambda: "llm/a" in tables.served)
    assert followed.lists[0] == {"labelSelector": f"tierway.dev/release={RELEASE}"}
    followed.send("MODIFIED", config_map(version=101, generation=2))
    await eventually(tables, lambda: tables.served["llm/a"].table.generation == 2)
    followed.send("DELETED", config_map(version=102))
    await eventually(tables, lambda: not tables.served)


async def test_a_version_that_is_too_old_leads_to_a_list_that_finds_deletions(followed, tables):
    """After 410 the events of the gap are lost: only a list knows what was deleted in it."""
    followed.maps = {"a": config_map("a"), "b": config_map("b")}
    await eventually(tables, lambda: len(tables.served) == 2)
    del followed.maps["a"]
    followed.send("ERROR", {"kind": "Status", "code": 410, "message": "too old resource version"})
    await eventually(tables, lambda: list(tables.served) == ["llm/b"])


async def test_a_watch_that_ends_in_time_goes_on_from_the_last_version(followed, tables, monkeypatch):
    """A bookmark counts too; nothing is listed again."""
    monkeypatch.setattr("tierway_proxy.shell.follow._SHORT_WATCH_SECONDS", 0)
    followed.maps = {"a": config_map()}
    await eventually(tables, lambda: "llm/a" in tables.served)
    followed.send("BOOKMARK", {"metadata": {"resourceVersion": "250"}})
    followed.end()
    followed.send("MODIFIED", config_map(version=251, generation=2))
    await eventually(tables, lambda: tables.served["llm/a"].table.generation == 2)
    assert len(followed.lists) == 1
    assert [watch["resourceVersion"] for watch in followed.watches] == ["100", "250"]


async def test_a_watch_that_ends_at_once_is_no_busy_loop(followed, tables):
    """As behind a proxy that cuts long requests: it lists again, after a pause."""
    followed.maps = {"a": config_map()}
    for _ in range(3):
        followed.end()
    followed.send("MODIFIED", config_map(version=101, generation=2))
    loop = asyncio.get_running_loop()
    started = loop.time()
    await eventually(tables, lambda: "llm/a" in tables.served and tables.served["llm/a"].table.generation == 2)
    assert loop.time() - started > 0.15
    assert len(followed.lists) == 4


async def test_a_stuck_watch_is_given_up(fake, monkeypatch, tmp_path):
    """A connection that a firewall forgot brings no event and no error."""
    listed = asyncio.Queue()

    class Follower:
        async def listed(self, objects):
            listed.put_nowait(len(objects))

        def unreachable(self):
            pass

    async with listening(fake, monkeypatch, tmp_path), ApiClient(await configuration()) as client:
        fake.deaf = True
        async with running(follow(KubernetesApi(client, silence=0.2), MAPS, {}, Follower())):
            await asyncio.wait_for(listed.get(), 1)
            fake.maps = {"a": config_map()}
            assert await asyncio.wait_for(listed.get(), 2) == 1


async def test_a_table_is_not_served_before_the_key_that_it_names(followed, tables):
    """Two watches keep no order: the Secret is read first, so that no request goes out without its key."""
    await followed.watching.wait()
    known_at_swap = []
    tables.on_change.append(lambda _: known_at_swap.append(dict(tables.keys)))
    followed.secret = key_secret(abc="sk-1", token="t")
    followed.send("ADDED", config_map(version=101, credential="abc"))
    await eventually(tables, lambda: "llm/a" in tables.served)
    assert known_at_swap == [{"abc": "sk-1"}]
    assert tables.token == "t"


async def test_tables_do_not_wait_for_keys_that_may_not_be_read(followed, tables):
    """A lost permission on the Secret stops new keys, not new tables."""
    followed.secret_status = 403
    followed.maps = {"a": config_map(credential="abc")}
    await eventually(tables, lambda: "llm/a" in tables.served)


async def test_while_the_api_is_away_at_the_start_the_copy_on_disk_serves(tables, monkeypatch, tmp_path):
    """A container that restarts during an outage serves whom it served."""
    tables.offer("a", table("llm/a"), state("llm/a"))
    kubeconfig(1, monkeypatch, tmp_path)  # nobody listens there
    restarted = Tables(Keeper(tmp_path / "kept"))
    async with running(ClusterSource(RELEASE, NAMESPACE, restarted).run()):
        await eventually(restarted, lambda: "llm/a" in restarted.served)
        assert restarted.ready


async def test_an_outage_takes_nothing_away(followed, tables):
    """Errors are not absence: only a list that succeeded withdraws."""
    followed.maps = {"a": config_map()}
    await eventually(tables, lambda: "llm/a" in tables.served)
    followed.maps_status = 500
    followed.send("ERROR", {"kind": "Status", "code": 500, "message": "etcd is gone"})
    for _ in range(2):
        await asyncio.wait_for(followed.refused.get(), 2)
    assert "llm/a" in tables.served


async def test_tables_are_as_old_as_the_last_word_of_the_api_about_them(followed, tables, monkeypatch):
    """Keys that cannot be read make no table old; a list of tables that fails does, until one succeeds."""
    keys_failed = asyncio.Event()
    monkeypatch.setattr(tables, "restore", keys_failed.set)
    followed.secret_status, followed.maps = 403, {"a": config_map()}
    await followed.watching.wait()
    keys_failed.clear()
    await asyncio.wait_for(keys_failed.wait(), 5)
    assert tables.contact.last_heard() < tables.contact.last_heard()
    followed.maps_status = 500
    followed.send("ERROR", {"kind": "Status", "code": 500, "message": "etcd is gone"})
    await asyncio.wait_for(followed.refused.get(), 2)
    await asyncio.wait_for(followed.refused.get(), 2)
    last = tables.contact.last_heard()
    assert tables.contact.last_heard() == last
    followed.watching.clear()
    followed.maps_status = 200
    await asyncio.wait_for(followed.watching.wait(), 5)
    assert last < tables.contact.last_heard() < tables.contact.last_heard()


def test_pauses_grow_to_two_seconds_and_differ():
    """Proxies that lost the same API server do not return in step."""
    for _ in range(50):
        pauses = Pauses()
        waits = [pauses.following() for _ in range(10)]
        assert waits[0] <= 0.1
        assert LONGEST_PAUSE_SECONDS / 2 <= waits[-1] <= LONGEST_PAUSE_SECONDS
    assert len({Pauses().following() for _ in range(50)}) > 10
