"""Two simulated providers, and a proxy that sends to the first and falls back to the second."""

from contextlib import AsyncExitStack

import pytest

from tests.proxy.harness import Folder, proxying
from tierway_cli.provider import Provider


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
    """A function that starts a proxy with these tables; settings as in `Settings`."""
    async with AsyncExitStack() as stack:

        async def starting(*tables, **settings):
            folder = Folder(tmp_path / "release")
            for table in tables:
                folder.publish(table)
            return await stack.enter_async_context(proxying(folder, **settings))

        yield starting
