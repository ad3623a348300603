"""kopf as it is run here: by a user who is a number without a name, and to an end that it does not find by itself."""

import asyncio
import getpass
from types import SimpleNamespace
from typing import NoReturn

import aiohttp
import kopf
import pytest

from tests.operator_kubernetes.fake_api import FakeApi
from tierway_operator import handlers
from tierway_operator.watching import Watching


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


async def test_after_an_outage_in_which_kopf_gives_up_it_watches_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """An API server that has just started forbids for a moment; left alone, kopf hung at its end, and nobody watched.

    It gives up after four requests, and ends five seconds later.
    """
    api = FakeApi()
    async with api.serving() as address:

        async def configuration() -> SimpleNamespace:
            return SimpleNamespace(host=address)

        monkeypatch.setattr(handlers, "configuration", configuration)
        monkeypatch.setattr(handlers, "session", lambda _: aiohttp.ClientSession())
        watching = Watching(lambda stop: handlers.watch(lambda _, __: None, ["llm"], stop))
        running = asyncio.create_task(watching.run())
        await asyncio.wait_for(api.watched.wait(), 20)
        api.gone.set()
        try:
            await asyncio.wait_for(api.again.wait(), 60)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def test_an_end_of_kopf_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has cancelled what it found, and waits for one that swallows that."""
    released, lives = asyncio.Event(), []

    async def hanging(**_: object) -> None:
        life = asyncio.create_task(lives[0]())
        await asyncio.sleep(0)
        life.cancel()
        while not released.is_set():
            try:
                await released.wait()
            except asyncio.CancelledError:
                continue

    monkeypatch.setattr(handlers, "registry", lambda _, life: lives.append(life))
    monkeypatch.setattr(kopf, "operator", hanging)
    monkeypatch.setattr(handlers, "_ENDING_SECONDS", 0.01)
    with pytest.raises(handlers.HungError):
        await asyncio.wait_for(handlers.watch(lambda _, __: None, ["llm"], asyncio.Event()), 5)
    released.set()
