"""A provider a test, a thousand times faster than its figures, and the real OpenAI client to talk to it."""

import asyncio

import pytest
import uvloop
from openai import AsyncOpenAI

from tierway_cli.provider import Provider


def pytest_asyncio_loop_factories(item):
    """Run the faults on both event loops: the command serves on uvloop, tests in the process on asyncio's."""
    loops = {"asyncio": asyncio.new_event_loop}
    return {**loops, "uvloop": uvloop.new_event_loop} if item.path.name.startswith("test_faults") else loops


@pytest.fixture
async def provider():
    async with Provider(seed=1, speed=1000).serving() as serving:
        yield serving


@pytest.fixture
async def client(provider):
    async with AsyncOpenAI(base_url=provider.url, api_key="sk-test", max_retries=0) as client:
        yield client
