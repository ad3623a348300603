"""A container that is killed and started again while the API server is away serves the callers that it served."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from openai import APIStatusError, AsyncOpenAI

from tests.provider.wire import eventually
from tests.proxy.asks import ASK
from tests.proxy.fake_kubernetes import NAMESPACE, RELEASE, FakeKubernetes, config_map, key_secret
from tests.proxy.processes import process
from tests.proxy.tables import chain, state
from tests.proxy.test_tables_cluster import kubeconfig
from tests.proxy.tokens import token
from tierway_proxy.contract.base import canonical

KNOWN, NEW = (token(name, ends=4_000_000_000) for name in ("known", "new"))
BATCH = "a-key-of-sixteen-characters"


@pytest.fixture
async def fake(front):
    """An API server that knows two ServiceAccounts, a static key, and one policy."""
    fake = FakeKubernetes()
    fake.accounts = {KNOWN: "web/frontend", NEW: "web/later"}
    fake.callers = key_secret("callers", batch=BATCH)
    fake.maps = {"a": config_map()}
    fake.maps["a"]["data"] = {"table.json": canonical(chain(front.url)), "state.json": canonical(state())}
    return fake


@asynccontextmanager
async def listening(fake, port=0):
    """Its port, for as long as it is there."""
    runner = web.AppRunner(fake.application(), shutdown_timeout=0.01)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@pytest.fixture
def started(tmp_path):
    """A function that starts a proxy which wants keys; each keeps what it knows in the same place."""
    flags = ("--release", RELEASE, "--namespace", NAMESPACE, "--state-dir", tmp_path / "kept")
    required = ("--authentication=Required", "--caller-keys-secret=callers", "--drain-seconds=0")
    return lambda: process(*flags, *required)


async def status(proxy, key):
    """How the real client is answered."""
    async with AsyncOpenAI(base_url=proxy.url, api_key=key, max_retries=0) as client:
        try:
            await client.chat.completions.create(**ASK)
        except APIStatusError as error:
            return error.status_code
    return 200


async def becomes(proxy, key, wanted):
    async with asyncio.timeout(10):
        while await status(proxy, key) != wanted:  # noqa: ASYNC110 (another process)
            await asyncio.sleep(0.05)


async def test_a_killed_proxy_serves_whom_it_served_though_nobody_can_be_asked(fake, started, tmp_path, monkeypatch):
    """And others when the API server is there again; no key is in the logs or on the disk."""
    kept = tmp_path / "kept" / "callers.json"
    async with listening(fake) as port:
        kubeconfig(port, monkeypatch, tmp_path)
        async with started() as proxy:
            await proxy.becomes("/readyz", 200)
            assert [await status(proxy, key) for key in (KNOWN, BATCH, "sk-nobody")] == [200, 200, 401]
            await eventually(lambda: kept.exists() and '"web/frontend"' in kept.read_text())
            proxy.running.kill()
            await proxy.running.wait()
    async with started() as proxy:
        await proxy.becomes("/readyz", 200)
        assert [await status(proxy, key) for key in (KNOWN, BATCH, NEW, "sk-nobody")] == [200, 200, 503, 401]
        async with listening(fake, port):
            await becomes(proxy, NEW, 200)
        proxy.running.terminate()
        lines = await proxy.ended()
    assert [(line["caller"], line["status"]) for line in lines[:4]] == [
        ("web/frontend", 200), ("batch", 200), (None, 503), (None, 401),
    ]  # fmt: skip
    written = str(lines) + str(proxy.log) + "".join(file.read_text() for file in kept.parent.rglob("*.json"))
    assert not [key for key in (KNOWN, NEW, BATCH, "sk-nobody") if key in written]
    assert kept.stat().st_mode & 0o777 == 0o600
