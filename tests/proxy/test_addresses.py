"""Names looked up for providers: kept for a moment, and not for ever when tables name other hosts."""

import asyncio

import pytest

from tests.provider.wire import ask
from tests.proxy.asks import ASK
from tests.proxy.tables import chain
from tierway_proxy.shell import addresses as looking_up
from tierway_proxy.shell.addresses import Addresses


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(looking_up, "monotonic", clock)
    return clock


@pytest.fixture
def made(monkeypatch):
    """Every book of addresses that a proxy makes."""
    books = []

    class Noted(Addresses):
        def __init__(self):
            super().__init__()
            books.append(self)

    monkeypatch.setattr("tierway_proxy.shell.http.pool.Addresses", Noted)
    return books


def hosts(book):
    return {host for host, _ in book._lookups}


async def test_hosts_that_tables_name_no_more_are_forgotten(clock, made, start, front, back):
    """Else a proxy whose tables change for months would hold every name that it ever met."""
    proxy = await start(chain(front.url))
    (book,) = made
    assert (await ask(proxy, ASK)).status == 200
    assert hosts(book) == {"127.0.0.1"}
    clock.now += 11
    await proxy.publish(chain(back.url.replace("127.0.0.1", "localhost"), generation=2))
    assert hosts(book) == set()
    assert (await ask(proxy, ASK)).status == 200
    assert hosts(book) == {"localhost"}


async def test_what_is_being_looked_up_or_just_was_is_kept(clock):
    """Tables change often; that is no reason to ask a name server anew."""
    book = Addresses()
    await book.of("127.0.0.1", 80)
    clock.now += 9
    asking = asyncio.create_task(book.of("localhost", 80))
    await asyncio.sleep(0)
    book.forget_old()
    assert hosts(book) == {"127.0.0.1", "localhost"}
    assert await asking
    clock.now += 2
    book.forget_old()
    assert hosts(book) == {"localhost"}
