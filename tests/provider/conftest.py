"""A provider a test, a thousand times faster than its figures, and the real OpenAI client to talk to it."""

import pytest
from openai import AsyncOpenAI

from tierway_cli.provider import Provider


@pytest.fixture
async def provider():
    async with Provider(seed=1, speed=1000).serving() as serving:
        yield serving


@pytest.fixture
async def client(provider):
    async with AsyncOpenAI(base_url=provider.url, api_key="sk-test", max_retries=0) as client:
        yield client
