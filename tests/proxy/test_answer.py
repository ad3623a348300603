"""The heads of answers, which are the proxy's own, and how a connection goes on behind them."""

import asyncio
from email.utils import parsedate_to_datetime
from time import time

import pytest

from tests.provider.wire import Reply, ask, connected, request
from tests.proxy.asks import ASK, STREAM
from tests.proxy.tables import chain
from tierway_proxy.contract.table import Match, Rule, Use
from tierway_proxy.core.exchange import Exchange


def in_1_0(body, *headers):
    raw = request(body).replace(b"HTTP/1.1", b"HTTP/1.0")
    return raw.replace(b"Connection: close", "\r\n".join(headers or ("X-Nothing: 1",)).encode())


async def heard(reader):
    """All until the connection ends."""
    return Reply([await asyncio.wait_for(reader.read(-1), 5)], reset=False)


async def test_a_stream_to_a_client_of_http_1_0_ends_with_its_connection(proxy):
    """It knows no chunks: the events are the body, and the proxy hangs up behind them."""
    async with connected(proxy.url) as (reader, writer):
        writer.write(in_1_0(STREAM, "Connection: keep-alive"))
        answer = await heard(reader)
    assert (answer.status, "transfer-encoding" in answer.head) == (200, False)
    assert "connection: close" in answer.head
    assert (answer.events[0]["object"], answer.frames[-1]) == ("chat.completion.chunk", "data: [DONE]")


async def test_a_client_of_http_1_0_may_keep_its_connection_over_json(proxy):
    """When it asks for that, and is told that it is so."""
    async with connected(proxy.url) as (reader, writer):
        writer.write(in_1_0(ASK, "Connection: keep-alive"))
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        assert "connection: keep-alive" in head
        length = next(line for line in head.split("\r\n") if line.startswith("content-length: "))
        await reader.readexactly(int(length.partition(": ")[2]))
        writer.write(in_1_0(ASK))
        answer = await heard(reader)
    assert (answer.status, answer.whole, "connection: close" in answer.head) == (200, True, True)


@pytest.mark.parametrize("body", [ASK, STREAM], ids=["json", "stream"])
async def test_a_connection_serves_requests_one_after_the_other(proxy, body):
    """Also those that came before the first was answered; the last says that it is the last."""
    kept = request(body).replace(b"Connection: close\r\n", b"")
    async with connected(proxy.url) as (reader, writer):
        writer.write(kept + kept + request(body))
        raw = (await heard(reader)).raw
    assert (raw.count(b"HTTP/1.1 200 OK\r\n"), raw.count(b"Connection: close\r\n")) == (3, 1)


@pytest.mark.parametrize("body", [ASK, STREAM], ids=["json", "stream"])
async def test_an_answer_has_a_date(proxy, body):
    """As HTTP wants of whoever answers."""
    head = (await ask(proxy, body)).head
    date = next(line for line in head.split("\r\n") if line.startswith("date: "))
    assert abs(parsedate_to_datetime(date.removeprefix("date: ")).timestamp() - time()) < 5


@pytest.mark.parametrize("body", [ASK, STREAM], ids=["json", "stream"])
async def test_no_name_in_a_table_breaks_a_head(start, front, body):
    """Control characters become spaces, letters that a head cannot hold question marks."""
    rule = Rule(name="a\r\nX-Evil: 1\r\n\r\nb\u20ac", match=Match(models=("auto",)), use=Use(request_class="Simple"))
    reply = await ask(await start(chain(front.url, rules=(rule,))), body)
    assert "\nx-evil" not in reply.head
    assert "x-tierway-reason: rule a  x-evil: 1    b?" in reply.head


@pytest.mark.parametrize(("body", "status"), [(ASK, 500), (STREAM, 200)], ids=["json", "stream"])
async def test_a_fault_of_ours_is_seen_and_its_books_are_closed(proxy, front, monkeypatch, caplog, body, status):
    """Before an answer was begun it is a 500, after that a broken connection; nobody stays under way for ever."""
    calls, data = [], Exchange.data

    def fails_at_the_fifth(exchange, *arguments):
        calls.append(exchange)
        if len(calls) > 4:
            raise RuntimeError("ours")
        return data(exchange, *arguments)

    monkeypatch.setattr(Exchange, "data", fails_at_the_fifth)
    reply = await ask(proxy, body)
    assert (reply.status, reply.whole) == (status, status == 500)
    assert b"HTTP/1.1 500" not in reply.raw or status == 500
    await front.idle()
    await proxy.idle()
    assert proxy._proxy.serving.health.under_way("llm/first/sim") == 0
    assert "a request ended in a fault of ours" in caplog.text
