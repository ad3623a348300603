"""The events of kopf, in a container whose user is a number without a name."""

import asyncio
import getpass
from typing import NoReturn

import pytest

from tierway_operator import handlers


async def test_a_user_without_a_name_may_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    """As 65532 is one in the image: it comes as far as to ask how to reach the API server."""
    asked = asyncio.Event()

    def nameless() -> NoReturn:
        raise KeyError("getpwuid(): uid not found: 65532")

    async def configuration() -> NoReturn:
        asked.set()
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(getpass, "getuser", nameless)
    monkeypatch.setattr(handlers, "configuration", configuration)
    watching = asyncio.create_task(handlers.watch(lambda _, __: None, ["llm"], asyncio.Event()))
    waiting = asyncio.create_task(asked.wait())
    await asyncio.wait({watching, waiting}, return_when=asyncio.FIRST_COMPLETED, timeout=10)
    for task in (watching, waiting):
        task.cancel()
    (end,) = await asyncio.gather(watching, return_exceptions=True)
    assert isinstance(end, asyncio.CancelledError), end
    assert asked.is_set()
