"""Requests and answers on connections to a provider: which connection, how often sent, and what a loss is called."""

import asyncio

import pytest
from multidict import CIMultiDict

from tests.provider.wire import eventually
from tests.proxy.raw_server import BODY, answered, ask, opening, outcome, serving
from tierway_proxy.core.outcome import LOST, UNANSWERED
from tierway_proxy.shell.http.answer import END, Head
from tierway_proxy.shell.upstream import Upstream

STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture
async def upstream():
    made = Upstream()
    yield made
    await made.close()


async def faithful(peer):
    """Answers whatever comes, as long as it comes."""
    while True:
        await peer.request()
        await peer.answers()


async def test_a_request_is_sent_as_it_is_and_its_answer_comes_in_order(upstream):
    """Head, body, end; the request has what HTTP wants and what the tier says, and nothing else of the caller's."""
    requests = []

    async def conversation(peer):
        requests.append(await peer.request())
        await peer.says(STREAM, b"3\r\none\r\n", b"3\r\ntwo\r\n", b"0\r\n\r\n")

    headers = CIMultiDict({"Authorization": "Bearer callers", "Cookie": "a=b", "TraceParent": "00-1-2-01"})
    async with serving(conversation) as server:
        command = opening(server.url, credential="id", headers=({"name": "X-Org", "value": "we"},))
        assert await outcome(ask(upstream, command, headers, {"id": "secret"})) == (200, b"onetwo", END)
    ((head, body),) = requests
    lines = sorted(head.strip().split("\r\n")[1:])
    assert head.startswith("POST /v1/chat/completions HTTP/1.1\r\n")
    assert (body, lines) == (
        BODY,
        [
            "Accept-Encoding: identity",
            "Accept: */*",
            "Authorization: Bearer secret",
            f"Content-Length: {len(BODY)}",
            "Content-Type: application/json",
            f"Host: {server.url.split('/')[2]}",
            "User-Agent: tierway",
            "X-Org: we",
            "traceparent: 00-1-2-01",
        ],
    )


async def test_a_connection_serves_request_after_request(upstream):
    """As long as the server keeps it; several at once have one each."""
    async with serving(faithful) as server:
        for _ in range(3):
            assert await outcome(ask(upstream, opening(server.url))) == (200, b"{}", END)
        assert server.connections == 1
        both = [ask(upstream, opening(server.url)) for _ in range(2)]
        assert await asyncio.gather(*map(outcome, both)) == [(200, b"{}", END)] * 2
        assert server.connections == 2


async def says(peer, *data):
    await peer.request()
    await peer.says(*data)
    await peer.left()


@pytest.mark.parametrize(
    "raw",
    [
        answered(more="Connection: close\r\n"),
        answered().replace(b"HTTP/1.1", b"HTTP/1.0"),
        answered() + b"HTTP/1.1 200 OK\r\n",
        answered() + b"garbage",
    ],
    ids=["close", "HTTP/1.0", "a second answer", "garbage"],
)
async def test_a_connection_that_cannot_serve_again_does_not(upstream, raw):
    """Also when the server leaves it open."""
    async with serving(lambda peer: says(peer, raw), faithful) as server:
        for _ in range(2):
            assert await outcome(ask(upstream, opening(server.url))) == (200, b"{}", END)
        assert server.connections == 2


async def test_what_comes_after_an_answer_is_nobodys(upstream):
    """Some servers say 408 before they close an idle connection: it must not answer the next request."""

    async def conversation(peer):
        await peer.request()
        await peer.says(answered(), answered(b"late", "408 Request Timeout"))
        await peer.left()

    async with serving(conversation, faithful) as server:
        assert await outcome(ask(upstream, opening(server.url))) == (200, b"{}", END)
        await asyncio.sleep(0.05)
        assert await outcome(ask(upstream, opening(server.url))) == (200, b"{}", END)
        assert server.connections == 2


async def test_the_end_of_the_connection_is_the_end_of_an_answer_without_length(upstream):
    """A reset is not."""

    async def ends(peer):
        await peer.request()
        await peer.says(b"HTTP/1.1 200 OK\r\n\r\n", b"all")

    async def breaks(peer):
        await ends(peer)
        peer.resets()

    async with serving(ends, breaks) as server:
        assert await outcome(ask(upstream, opening(server.url))) == (200, b"all", END)
        assert await outcome(ask(upstream, opening(server.url))) == (200, b"all", LOST)


async def test_a_request_that_meets_a_closed_idle_connection_is_sent_again(upstream):
    """On a new one, whole: the server never read it."""
    again = []

    async def closes_on_the_second(peer):
        await peer.request()
        await peer.answers()
        await peer.request()
        peer.resets()

    async def takes_it(peer):
        again.append(await peer.request())
        await peer.answers(b"again")

    async with serving(closes_on_the_second, takes_it) as server:
        await outcome(ask(upstream, opening(server.url)))
        assert await outcome(ask(upstream, opening(server.url, b"[1]"))) == (200, b"again", END)
    assert [body for _, body in again] == [b"[1]"]


async def test_a_request_is_not_sent_a_third_time(upstream):
    """Nor to another idle connection: one that was just made tells."""

    async def closes(peer):
        await peer.request()

    async def closes_on_the_second(peer):
        await peer.request()
        await peer.answers()
        await peer.request()

    async with serving(closes_on_the_second, closes) as server:
        await outcome(ask(upstream, opening(server.url)))
        assert await outcome(ask(upstream, opening(server.url))) == (None, b"", UNANSWERED)
        assert server.connections == 2


@pytest.mark.parametrize("first_bytes", [b"H", b"HTTP/1.1 100 Continue\r\n\r\n", b"no HTTP"])
async def test_after_a_byte_of_an_answer_a_request_is_not_sent_again(upstream, first_bytes):
    """Somebody read it, and may be at work."""

    async def begins_the_second(peer):
        await peer.request()
        await peer.answers()
        await peer.request()
        await peer.says(first_bytes)

    async with serving(begins_the_second) as server:
        await outcome(ask(upstream, opening(server.url)))
        assert await outcome(ask(upstream, opening(server.url))) == (None, b"", UNANSWERED)
        assert server.connections == 1


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ((), (None, b"", UNANSWERED)),
        ((b"HTTP/1.1 200",), (None, b"", UNANSWERED)),
        ((b"SSH-2.0-OpenSSH\r\n",), (None, b"", UNANSWERED)),
        ((STREAM,), (200, b"", LOST)),
        ((STREAM, b"3\r\none\r\n"), (200, b"one", LOST)),
        ((STREAM, b"3\r\none\r\n", b"what?"), (200, b"one", LOST)),
        ((answered(b"12345")[:-1],), (200, b"1234", LOST)),
    ],
)
async def test_a_loss_is_named_by_what_was_answered_before(upstream, said, expected):
    """What came is given first; a new connection is not tried twice."""

    async def conversation(peer):
        await peer.request()
        await peer.says(*said)

    async with serving(conversation) as server:
        assert await outcome(ask(upstream, opening(server.url))) == expected
        assert server.connections == 1


async def test_waiting_ends_at_its_time_and_goes_on_where_it_was(upstream):
    """So does waiting that was cancelled: no event is lost."""
    go_on = asyncio.Event()

    async def conversation(peer):
        await peer.request()
        await peer.says(STREAM)
        await go_on.wait()
        await peer.says(b"3\r\none\r\n0\r\n\r\n")

    async with serving(conversation) as server:
        call, now = ask(upstream, opening(server.url)), asyncio.get_running_loop().time
        assert isinstance(await call.next(None), Head)
        began = now()
        assert await call.next(began + 0.05) is None
        assert 0.045 < now() - began < 1
        waiting = asyncio.create_task(call.next(None))
        await asyncio.sleep(0.01)
        waiting.cancel()
        await asyncio.wait({waiting})
        go_on.set()
        assert await outcome(call) == (None, b"one", END)


async def in_pieces(peer):
    await peer.request()
    await peer.says(STREAM, b"3\r\none\r\n", b"3\r\ntwo\r\n", b"5\r\nthree\r\n", b"0\r\n\r\n")


async def test_events_come_straight_while_they_are_wanted_so(upstream):
    """From the socket's callback, in their order; then by waiting, with none lost in between."""
    straight = []

    def until_two(event):
        straight.append(event)
        return event != b"two"

    async with serving(in_pieces) as server:
        call = ask(upstream, opening(server.url))
        assert await call.next(None, until_two) is None
        assert [straight[0].status, *straight[1:]] == [200, b"one", b"two"]
        assert await outcome(call) == (None, b"three", END)


async def test_nothing_comes_straight_behind_the_end(upstream):
    """However much more is wanted."""
    straight = []

    async with serving(in_pieces) as server:
        call = ask(upstream, opening(server.url))
        assert await call.next(None, lambda event: straight.append(event) or True) is None
        assert straight[1:] == [b"one", b"two", b"three", END]
        call.close()


async def test_a_call_may_be_closed_by_who_takes_its_events_straight(upstream):
    """As an exchange does at its end; whoever waits for more of it waits no longer, and its bell is free again."""

    def closes(_):
        call.close()
        return False

    async with serving(in_pieces) as server:
        call = ask(upstream, opening(server.url))
        assert await call.next(None, closes) is None
        assert len(upstream._bells._free) == 1


async def test_a_fault_in_who_takes_an_event_straight_is_raised_where_it_waits(upstream):
    """A callback of the event loop has nobody else to tell."""

    def fails(event):
        if event == b"one":
            raise RuntimeError("ours")
        return True

    async with serving(in_pieces) as server:
        call = ask(upstream, opening(server.url))
        with pytest.raises(RuntimeError, match="ours"):
            await call.next(None, fails)
        call.close()


async def test_nothing_comes_straight_behind_a_cancellation(upstream):
    """Who was cancelled has left, though it may not have run since."""
    straight = []

    async def conversation(peer):
        await peer.request()
        await peer.says(STREAM)
        await peer.left()

    async with serving(conversation) as server:
        call = ask(upstream, opening(server.url))
        waiting = asyncio.create_task(call.next(None, lambda event: straight.append(event) or True))
        await eventually(lambda: straight)
        waiting.cancel()
        call._connection.data_received(b"3\r\none\r\n0\r\n\r\n")
        await asyncio.wait({waiting})
        assert (len(straight), await outcome(call)) == (1, (None, b"one", END))


async def test_closing_twice_is_closing_once(upstream):
    """What a call gave back is not given to two others."""

    async def late(peer):
        while True:
            await peer.request()
            await asyncio.sleep(0.03)
            await peer.answers()

    async with serving(faithful, late) as server:
        call = ask(upstream, opening(server.url))
        await outcome(call)
        call.close()
        both = [ask(upstream, opening(server.url)) for _ in range(2)]
        assert await asyncio.gather(*map(outcome, both)) == [(200, b"{}", END)] * 2


async def test_a_server_that_speaks_first_is_none_of_ours(upstream):
    """Whatever it greets us with is no answer to what was not asked yet."""

    async def greets(peer):
        await peer.answers()
        await peer.left()

    async with serving(greets) as server:
        assert await outcome(ask(upstream, opening(server.url))) == (None, b"", UNANSWERED)


async def test_a_deadline_in_the_past_still_gives_what_has_come(upstream):
    """An answer that waits to be read is not late."""
    async with serving(faithful) as server:
        await outcome(ask(upstream, opening(server.url)))
        call = ask(upstream, opening(server.url))
        await asyncio.sleep(0.1)
        assert isinstance(await call.next(0.0), Head)
        call.close()


async def test_a_large_body_is_sent_whole_to_a_server_that_reads_slowly(upstream):
    """Twelve megabytes; in pieces, as the socket takes them."""
    body = bytes(range(256)) * 49_152
    received = []

    async def conversation(peer):
        await asyncio.sleep(0.05)
        received.append((await peer.request())[1])
        await peer.answers()
        received.append((await peer.request())[1])
        await peer.answers()

    async with serving(conversation, limit=4096) as server:
        for _ in range(2):
            assert await outcome(ask(upstream, opening(server.url, body))) == (200, b"{}", END)
        assert server.connections == 1
    assert received == [body, body]


async def test_an_answer_before_the_body_was_read_is_the_answer(upstream):
    """A server that refuses large bodies does not read them; the connection is of no more use."""

    async def refuses(peer):
        await peer.head()
        await peer.says(answered(b"too large", "413 Content Too Large"))
        await peer.left()

    async with serving(refuses, faithful) as server:
        assert await outcome(ask(upstream, opening(server.url, bytes(12 << 20)))) == (413, b"too large", END)
        assert await outcome(ask(upstream, opening(server.url))) == (200, b"{}", END)
        assert server.connections == 2


async def test_an_answer_and_a_closed_connection_before_the_body_was_read(upstream):
    """The kernel answers what is still sent with a reset; the answer has come all the same."""

    async def refuses_and_closes(peer):
        await peer.head()
        await peer.says(answered(b"too large", "413 Content Too Large"))

    async with serving(refuses_and_closes) as server:
        for _ in range(20):
            assert await outcome(ask(upstream, opening(server.url, bytes(12 << 20)))) == (413, b"too large", END)
