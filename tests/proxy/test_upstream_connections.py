"""Connections to providers: how they come to be, which are refused, when they end."""

import asyncio
import socket
from contextlib import contextmanager

import pytest

from tests.provider.wire import eventually
from tests.proxy.raw_server import NOTHING, Peer, answered, ask, opening, outcome, serving
from tests.proxy.test_tls import Authority
from tierway_proxy.core.outcome import REFUSED, UNANSWERED
from tierway_proxy.shell import addresses
from tierway_proxy.shell.http import pool
from tierway_proxy.shell.http.answer import END, Head
from tierway_proxy.shell.upstream import Upstream

STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"


@pytest.fixture
async def upstream():
    made = Upstream()
    yield made
    await made.close()


@pytest.fixture
async def names(monkeypatch):
    """A function that makes names resolve to addresses, or to what is raised; all lookups are in `asked`."""
    known, asked = {}, []
    real = asyncio.get_running_loop().getaddrinfo

    async def getaddrinfo(host, port, **options):
        if host not in known:
            return await real(host, port, **options)  # uvloop looks up addresses too
        asked.append(host)
        await asyncio.sleep(0)
        found = known[host]
        if isinstance(found, Exception):
            raise found
        if callable(found):
            return await found()
        return [(socket.AF_INET6 if ":" in each else socket.AF_INET, 1, 6, "", (each, port)) for each in found]

    def resolve(**hosts):
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo, raising=False)
        known.update({name.replace("_", "-"): found for name, found in hosts.items()})
        return asked

    return resolve


async def never():
    await asyncio.Event().wait()


async def faithful(peer):
    while True:
        await peer.request()
        await peer.answers()


def by_name(server, name):
    return server.url.replace("127.0.0.1", name)


@contextmanager
def nobody():
    """A port where nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


async def test_a_refused_connection_sent_nothing(upstream):
    """So another candidate is free to be asked."""
    with nobody() as port:
        assert await outcome(ask(upstream, opening(f"http://127.0.0.1:{port}/v1"))) == (None, b"", REFUSED)


@pytest.mark.parametrize(
    "url",
    ["http://no.such.name.invalid/v1", f"http://{'a' * 64}.example/v1", "http://127.0.0.1:99999/v1", "http:///v1"],
)
async def test_an_address_that_cannot_be_one_sent_nothing(upstream, url):
    """It is a failure like any other, not a fault of ours."""
    assert await outcome(ask(upstream, opening(url))) == (None, b"", REFUSED)


@pytest.mark.parametrize(
    "host", ["169.254.169.254", "[fe80::1]", "[::ffff:169.254.169.254]", "2852039166", "0xa9fea9fe"]
)
async def test_link_local_addresses_are_refused_however_they_are_written(upstream, host):
    """Decided on what the system would connect to, not on the text."""
    _, _, failure = await outcome(ask(upstream, opening(f"http://{host}/v1")))
    assert (failure.reason, failure.sent) == ("ForbiddenAddress", False)


async def test_a_name_of_link_local_addresses_is_refused(upstream, names):
    """Whoever owns a name may point it anywhere."""
    names(metadata=["169.254.169.254", "fe80::1%1"])
    _, _, failure = await outcome(ask(upstream, opening("http://metadata/v1")))
    assert (failure.reason, failure.sent) == ("ForbiddenAddress", False)


async def test_of_several_addresses_one_that_answers_is_used(upstream, names):
    """Not those that are refused, nor one where nobody listens."""
    names(several=["169.254.1.1", "::1", "127.0.0.1"])
    async with serving(faithful) as server:
        assert await outcome(ask(upstream, opening(by_name(server, "several")))) == (200, b"{}", END)


async def test_a_burst_looks_a_name_up_once(upstream, names):
    """Threads that look names up are few; the next ten seconds need none."""
    asked = names(once=["127.0.0.1"])
    async with serving(faithful) as server:
        calls = [ask(upstream, opening(by_name(server, "once"))) for _ in range(5)]
        assert await asyncio.gather(*map(outcome, calls)) == [(200, b"{}", END)] * 5
        assert (asked, server.connections) == (["once"], 5)


async def test_a_name_is_looked_up_anew_when_nobody_answers_there(upstream, names):
    """Its service may have moved."""
    with nobody() as port:
        asked = names(moved=["127.0.0.1"])
        for _ in range(2):
            assert (await outcome(ask(upstream, opening(f"http://moved:{port}/v1"))))[2] is REFUSED
    assert asked == ["moved", "moved"]


async def test_a_name_is_looked_up_anew_after_ten_seconds(upstream, names, monkeypatch):
    """Pods come and go."""
    asked = names(again=["127.0.0.1"])

    async def once(peer):
        await peer.request()
        await peer.answers(more="Connection: close\r\n")

    async with serving(once) as server:
        for seconds in (0.0, 9.9, 10.1):
            monkeypatch.setattr(addresses, "monotonic", lambda now=seconds: now)
            await outcome(ask(upstream, opening(by_name(server, "again"))))
    assert asked == ["again", "again"]


async def test_a_name_without_an_answer_is_given_up(upstream, names, monkeypatch):
    """In time for another candidate; the lookup itself may go on."""
    monkeypatch.setattr(pool, "CONNECT_SECONDS", 0.05)
    asked = names(lost=never)
    for _ in range(2):
        assert await outcome(ask(upstream, opening("http://lost/v1"))) == (None, b"", REFUSED)
    assert asked[0] == "lost"


async def test_a_server_that_never_shakes_hands_is_given_up(upstream, monkeypatch):
    """Nothing was sent to it but the wish for TLS."""
    monkeypatch.setattr(pool, "CONNECT_SECONDS", 0.1)

    async with serving(Peer.left) as server:
        url = server.url.replace("http:", "https:")
        assert await outcome(ask(upstream, opening(url))) == (None, b"", REFUSED)


async def test_a_bundle_without_certificates_is_a_failure(upstream):
    """Of that provider alone."""
    url = "https://127.0.0.1:1/v1"
    assert await outcome(ask(upstream, opening(url, ca_bundle="no certificate"))) == (None, b"", REFUSED)


@pytest.fixture
def tls(tmp_path):
    """The TLS of a server, and the certificates that a client must trust."""
    authority = Authority()
    return authority.server(tmp_path), authority.bundle


async def test_connections_with_tls_are_kept_and_carry_large_bodies(upstream, tls):
    """Twelve megabytes there and back."""
    body, (context, bundle) = bytes(range(256)) * 49_152, tls

    async def echo(peer):
        while True:
            await peer.answers((await peer.request())[1])

    async with serving(echo, ssl=context) as server:
        url = server.url.replace("http:", "https:")
        for _ in range(2):
            call = ask(upstream, opening(url, body, ca_bundle=bundle))
            assert await outcome(call) == (200, body, END)
        assert server.connections == 1


async def test_the_name_is_told_to_a_server_with_tls(upstream, names, tls):
    """Many share an address, and choose their certificate by it."""
    (context, bundle), told = tls, []
    context.sni_callback = lambda _, name, __: told.append(name)
    names(shared=["127.0.0.1"])
    async with serving(faithful, ssl=context) as server:
        url = by_name(server, "shared").replace("http:", "https:")
        assert await outcome(ask(upstream, opening(url, ca_bundle=bundle))) == (None, b"", REFUSED)
    assert told == ["shared"]  # and its certificate was not for that name


@pytest.mark.parametrize("encrypted", [False, True])
async def test_a_server_is_paused_while_its_answer_is_not_read(upstream, tls, encrypted):
    """What is unread stays below the bound but for what sockets hold; reading on gives all of it."""
    (context, bundle), written = tls, 0
    piece, count = bytes(100_000), 400

    async def torrent(peer):
        nonlocal written
        await peer.request()
        await peer.says(STREAM)
        for _ in range(count):
            await peer.says(piece)
            written += 1

    async with serving(torrent, ssl=context if encrypted else None) as server:
        url = server.url.replace("http:", "https:") if encrypted else server.url
        call = ask(upstream, opening(url, ca_bundle=bundle), most_unread=65_536)
        assert isinstance(await call.next(None), Head)
        before = -1
        while before != written:
            before = written
            await asyncio.sleep(0.2)
        assert written < 150
        assert await outcome(call) == (None, piece * count, END)


def leaving():
    """A conversation that begins an answer, and the moment when it saw the proxy leave."""
    left = asyncio.Event()

    async def conversation(peer):
        await peer.request()
        await peer.says(STREAM, b"one")
        await peer.left()
        left.set()

    return conversation, left


async def test_giving_up_an_answer_closes_its_connection_at_once(upstream):
    """So that a provider stops generating."""
    conversation, left = leaving()
    async with serving(conversation) as server:
        call = ask(upstream, opening(server.url))
        assert isinstance(await call.next(None), Head)
        call.close()
        await asyncio.wait_for(left.wait(), 1)


async def test_giving_up_before_an_answer_closes_the_connection_at_once(upstream):
    """The provider is at work on it already."""
    came, left = asyncio.Event(), asyncio.Event()

    async def conversation(peer):
        await peer.request()
        came.set()
        await peer.left()
        left.set()

    async with serving(conversation) as server:
        call = ask(upstream, opening(server.url))
        assert await call.next(asyncio.get_running_loop().time() + 0.05) is None
        await came.wait()
        call.close()
        await asyncio.wait_for(left.wait(), 1)


async def test_giving_up_while_connecting_leaves_nothing(upstream, names):
    """Neither a connection nor a lookup that somebody waits for."""
    names(lost=never)
    call = ask(upstream, opening("http://lost/v1"))
    assert await call.next(asyncio.get_running_loop().time() + 0.02) is None
    call.close()
    call.close()


async def test_a_connection_that_came_too_late_serves_the_next(upstream):
    """It was made; it may as well be of use."""
    async with serving(faithful) as server:
        call = ask(upstream, opening(server.url))
        await eventually(lambda: server.connections == 1)
        await asyncio.sleep(0.02)
        call.close()
        assert await outcome(ask(upstream, opening(server.url))) == (200, b"{}", END)
        assert server.connections == 1


async def test_the_end_closes_what_is_idle_and_what_is_under_way():
    """No socket outlives the proxy's graceful end."""
    upstream, (conversation, left), idle_left = Upstream(), leaving(), asyncio.Event()

    async def idles(peer):
        await peer.request()
        await peer.answers()
        await peer.left()
        idle_left.set()

    async with serving(idles, conversation) as server:
        await outcome(ask(upstream, opening(server.url)))
        idle = ask(upstream, opening(server.url))
        busy = ask(upstream, opening(server.url))
        assert isinstance(await busy.next(None), Head)
        await upstream.close()
        await asyncio.wait_for(asyncio.gather(left.wait(), idle_left.wait()), 1)
        assert (await outcome(idle))[2] is not END
        busy.close()


async def test_an_idle_connection_is_closed_before_its_server_would(upstream, monkeypatch):
    """Which is when a request would meet a closed door."""
    monkeypatch.setattr(pool, "_IDLE_SECONDS", 0.1)
    monkeypatch.setattr(pool, "_LOOK_SECONDS", 0.02)
    left = asyncio.Event()

    async def conversation(peer):
        await peer.request()
        await peer.answers()
        await peer.left()
        left.set()

    async with serving(conversation, faithful) as server:
        await outcome(ask(upstream, opening(server.url)))
        await asyncio.sleep(0.05)
        assert not left.is_set()
        await asyncio.wait_for(left.wait(), 1)
        assert await outcome(ask(upstream, opening(server.url))) == (200, b"{}", END)


async def test_idle_connections_are_bounded(upstream, monkeypatch):
    """After a burst most are closed."""
    monkeypatch.setattr(pool, "_MOST_IDLE", 2)
    left = []

    async def conversation(peer):
        await peer.request()
        await peer.answers()
        await peer.left()
        left.append(peer)

    async with serving(conversation) as server:
        calls = [ask(upstream, opening(server.url)) for _ in range(5)]
        await asyncio.gather(*map(outcome, calls))
        await eventually(lambda: len(left) == 3)


@pytest.mark.parametrize("key", ["two\nlines", "two\rlines", "nul\0"])
async def test_a_key_that_would_break_a_head_is_not_sent(upstream, key):
    """A Secret with a second line is a mistake, and would be a second header."""
    with nobody() as port:
        command = opening(f"http://127.0.0.1:{port}/v1", credential="id")
        _, _, failure = await outcome(ask(upstream, command, NOTHING, {"id": key}))
    assert (failure.reason, failure.sent) == ("KeyUnusable", False)


async def test_an_answer_in_one_piece_with_the_end_of_the_connection(upstream):
    """Is the answer, and the connection is not used again."""

    async def conversation(peer):
        await peer.request()
        await peer.says(answered())

    async with serving(conversation) as server:
        for _ in range(3):
            assert await outcome(ask(upstream, opening(server.url))) == (200, b"{}", END)
            await asyncio.sleep(0.01)
        assert server.connections == 3


def test_unanswered_is_not_refused():
    """What was sent may cost; what was not cannot."""
    assert (REFUSED.sent, UNANSWERED.sent) == (False, True)
