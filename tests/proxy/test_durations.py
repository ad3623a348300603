"""A request's time and end, from its arrival: also before its key is checked and its body is there."""

import json
import time

import pytest

from tests.provider.wire import ask, connected, eventually, request
from tests.proxy.asks import ASK, STREAM
from tests.proxy.tables import POLICY, chain
from tests.proxy.test_observing import _logged, samples
from tests.proxy.tokens import FRONTEND, ApiServer, token
from tierway_proxy.shell import books, call, relay, server
from tierway_proxy.shell.settings import Authentication

SLOW = 60.0
"""Seconds; twice as long as the first token of an answer may take."""
KEY = {"Authorization": f"Bearer {token(ends=4_000_000_000)}"}


class Clock:
    """Monotonic seconds, of which a test lets some pass at once."""

    def __init__(self):
        self.passed = 0.0

    def __call__(self):
        return time.monotonic() + self.passed


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    for module in (books, call, relay, server):
        monkeypatch.setattr(module, "monotonic", clock)
    return clock


@pytest.fixture
async def checking(start, front, clock):
    """A function that starts a proxy whose callers are checked slowly, with what is found of them."""

    async def starting(found):
        async def review(_):
            clock.passed += SLOW
            return found

        required = Authentication(audience="tierway", keys_secret=None)
        proxy = await start(chain(front.url), access_log=True, authentication=required)
        proxy.gate.reviewer = review
        return proxy

    return starting


async def logged(capsys):
    (line,) = map(json.loads, await _logged(capsys, lines=1))
    return line


async def test_the_check_of_a_key_is_part_of_what_a_caller_waits_for(checking, capsys):
    """And of nothing that a model is judged by: it has all of its time."""
    proxy = await checking(FRONTEND)
    assert (await ask(proxy, STREAM, headers=KEY)).status == 200
    line, found = await logged(capsys), await samples(proxy)
    assert line["duration_ms"] >= line["first_token_ms"] >= SLOW * 1000
    sums = {name: value for (name, *_), value in found.items() if name.endswith("_seconds_sum")}
    about = SLOW * 0.9  # a histogram knows its sum by its buckets
    assert sums["tierway_first_token_seconds_sum"] > about
    assert sums["gen_ai_client_operation_duration_seconds_sum"] > about
    assert 0 < sums["gen_ai_server_time_to_first_token_seconds_sum"] < about


@pytest.mark.parametrize(
    ("found", "body", "status"),
    [("Nobody's.", ASK, 401), (FRONTEND, {**ASK, "model": "gpt-9"}, 404), (FRONTEND, b"{", 400)],
    ids=["key", "model", "body"],
)
async def test_a_refusal_is_logged_with_the_time_that_it_took(checking, capsys, found, body, status):
    """Whoever refuses it, and however early."""
    assert (await ask(await checking(found), body, headers=KEY)).status == status
    line = await logged(capsys)
    assert (line["status"], line["duration_ms"] >= SLOW * 1000) == (status, True)


async def test_who_does_not_wait_for_the_check_of_a_key_is_logged(start, front, clock, capsys):
    """Else a slow API server is nowhere to be seen when clients are less patient than the proxy."""
    required, api = Authentication(audience="tierway", keys_secret=None), ApiServer()
    proxy = await start(chain(front.url), access_log=True, authentication=required)
    api.hold.clear()
    proxy.gate.reviewer = api.review
    async with connected(proxy.url) as (_, writer):
        writer.write(request(ASK, KEY))
        await eventually(lambda: api.asked)
        clock.passed += SLOW
    line = await logged(capsys)
    assert (line["caller"], line["policy"], line["outcome"], line["status"]) == (None, None, "ClientLeft", 499)
    assert (line["reason"], line["duration_ms"] >= SLOW * 1000) == ("client_left", True)
    api.hold.set()


@pytest.mark.parametrize(("path", "outcomes"), [("/v1/chat/completions", {"ClientLeft": 1}), ("/v1/route", {})])
async def test_who_leaves_while_sending_is_counted(start, front, path, outcomes):
    """Outcomes add up to all requests of a policy; what only asked for a decision is none."""
    proxy = await start(chain(front.url))
    async with connected(proxy.url) as (_, writer):
        writer.write(request(ASK, path=path)[:-10])
        await eventually(lambda: proxy._proxy.serving.in_flight)
    policies = (await proxy.counted()).policies
    assert (policies[POLICY].outcomes if policies else {}) == outcomes


async def test_a_slow_upload_is_no_models_fault(start, front, clock, capsys):
    """It is in the duration, and the request is answered when it is there: nobody was asked before."""
    proxy = await start(chain(front.url), access_log=True)
    raw = request(ASK)
    async with connected(proxy.url) as (reader, writer):
        writer.write(raw[:-10])
        await eventually(lambda: proxy._proxy.serving.in_flight)
        clock.passed += SLOW
        writer.write(raw[-10:])
        assert b" 200 " in await reader.readline()
    line = await logged(capsys)
    assert (line["outcome"], line["duration_ms"] >= SLOW * 1000) == ("Answered", True)
