"""Two simulated providers, a proxy that sends to the first and falls back to the second, and the real OpenAI client."""

import asyncio
import ssl
from contextlib import AsyncExitStack

import pytest
import uvloop
from openai import AsyncOpenAI, DefaultAsyncHttpxClient

from tests.proxy.harness import Folder, proxying
from tests.proxy.tables import chain
from tierway_cli.provider import Provider


def pytest_asyncio_loop_factories(item):
    """The loop that proxies run on: what it does with a slow or lost connection is part of what is tested.

    Where there is no uvloop it is asyncio's own, so the client to providers is tested on both.
    """
    loops = {"uvloop": uvloop.new_event_loop}
    return {**loops, "asyncio": asyncio.new_event_loop} if item.path.name.startswith("test_upstream") else loops


@pytest.fixture
async def front():
    async with Provider(seed=1, speed=1000).serving() as provider:
        yield provider


@pytest.fixture
async def back():
    async with Provider(seed=2, speed=1000).serving() as provider:
        yield provider


@pytest.fixture
async def start(tmp_path):
    """A function that starts a proxy with these tables and provider keys; settings as in `Settings`."""
    async with AsyncExitStack() as stack:

        async def starting(*tables, keys=None, **settings):
            folder = Folder(tmp_path / "release")
            for name, key in (keys or {}).items():
                folder.put(f"keys/{name}", key)
            for table in tables:
                folder.publish(table)
            return await stack.enter_async_context(proxying(folder, **settings))

        yield starting


@pytest.fixture
async def proxy(start, front, back):
    return await start(chain(front.url, back.url))


@pytest.fixture(scope="session")
def tls():
    """One for all clients: to read the system's authorities takes longer than most tests."""
    return ssl.create_default_context()


@pytest.fixture
async def sdk(tls):
    """Make the SDK's client of a proxy, one that never tries again by itself."""
    async with AsyncExitStack() as stack:

        async def client(proxy, **options):
            plain = {"base_url": proxy.url, "api_key": "sk-the-callers-own", "max_retries": 0}
            made = AsyncOpenAI(**plain | options, http_client=DefaultAsyncHttpxClient(verify=tls))
            return await stack.enter_async_context(made)

        yield client


@pytest.fixture
async def client(sdk, proxy):
    return await sdk(proxy)
