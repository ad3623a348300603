"""Callers' authentication as they see it: the real OpenAI client against a proxy that wants a key."""

import asyncio
import json
from argparse import ArgumentParser
from contextlib import asynccontextmanager

import pytest
from openai import AuthenticationError, InternalServerError, PermissionDeniedError

from tests.core.tables import CLASSES
from tests.proxy.tables import chain
from tests.proxy.tokens import ApiServer, bearer, token
from tierway_proxy.contract.table import Match, Pins, Rule, Use
from tierway_proxy.core.caller import Caller
from tierway_proxy.core.caller_counts import CallerCounts
from tierway_proxy.core.ledger import Settlement
from tierway_proxy.core.static_keys import StaticKeys
from tierway_proxy.shell.authentication.memory import Memory
from tierway_proxy.shell.process import _gate as gate_of
from tierway_proxy.shell.settings import Authentication, add_arguments, from_arguments

LATER = 4_000_000_000
GOOD = f"Bearer {token(ends=LATER)}".encode()
HELLO = {"model": "auto", "messages": [{"role": "user", "content": "Say hello."}]}


@pytest.fixture
def api():
    return ApiServer()


@pytest.fixture
async def guarded(start, front, back, api):
    """A function that starts a proxy which wants keys, and asks the played API server about them."""

    async def starting(**table):
        changed = chain(front.url, back.url).model_copy(update=table)
        proxy = await start(changed, authentication=Authentication(audience="tierway", keys_secret=None))
        proxy.gate.reviewer = api.review
        return proxy

    return starting


@pytest.fixture
def client(sdk):
    """A function that makes the SDK's client, with a good token unless told otherwise."""
    return lambda proxy, key=None, **options: sdk(proxy, api_key=key or token(ends=LATER), **options)


async def test_the_plain_client_with_a_token_as_its_key_is_served(guarded, client, front):
    """And the provider never sees that token."""
    proxy = await guarded()
    answer = await (await client(proxy)).chat.completions.create(**HELLO)
    assert answer.choices[0].message.content
    [received] = front.requests()
    assert token(ends=LATER) not in str(received)


@pytest.mark.parametrize("call", ["chat", "models", "one model", "route"])
async def test_without_a_good_key_every_path_is_closed(guarded, client, call):
    """The sentence says how to get one."""
    proxy = await guarded()
    stranger = await client(proxy, "unused")
    calls = {
        "chat": lambda: stranger.chat.completions.create(**HELLO),
        "models": stranger.models.list,
        "one model": lambda: stranger.models.retrieve("auto"),
        "route": lambda: stranger.post("/route", body=HELLO, cast_to=object),
    }
    with pytest.raises(AuthenticationError) as refused:
        await calls[call]()
    assert refused.value.code == "invalid_api_key"
    assert "kubectl create token NAME --audience=tierway" in refused.value.message
    assert refused.value.response.headers["WWW-Authenticate"] == "Bearer"


async def test_a_client_that_reads_its_file_again_sends_the_token_that_is_there_now(guarded, client, api, tmp_path):
    """As `docs/callers.md` says: the kubelet writes a new one before the old one ends."""
    proxy, file = await guarded(), tmp_path / "token"

    async def key():
        return file.read_text()

    made = await client(proxy, key)
    for name in ("old", "new"):
        file.write_text(token(name, ends=LATER))
        await made.models.list()
    assert api.asked == [token("old", ends=LATER), token("new", ends=LATER)]


async def test_a_key_that_no_token_is_as_long_as_is_refused_unread(guarded, client, api):
    """Before it is hashed."""
    with pytest.raises(AuthenticationError, match="longer than 8000 characters"):
        await (await client(await guarded(), "a" * 8_001)).models.list()
    assert api.asked == []


async def test_a_stranger_does_not_learn_which_policies_there_are(guarded, client):
    """The key is looked at before the path."""
    proxy = await guarded()
    stranger = await client(proxy, "unused", base_url=f"{proxy.root}/no/such/v1")
    with pytest.raises(AuthenticationError):
        await stranger.models.list()


async def test_while_nobody_can_be_asked_a_new_key_gets_503_with_when_to_come_again(guarded, client, api):
    """The SDK tries again by itself."""
    proxy, api.says = await guarded(), None
    with pytest.raises(InternalServerError) as refused:
        await (await client(proxy)).chat.completions.create(**HELLO)
    assert (refused.value.status_code, refused.value.response.headers["Retry-After"]) == (503, "1")


async def test_health_and_metrics_want_no_key(guarded):
    """Kubelet and Prometheus have none."""
    proxy = await guarded()
    assert [(await proxy.get(path))[0] for path in ("/healthz", "/readyz", "/metrics")] == [200] * 3


async def test_identity_reaches_rules_pins_and_the_whole_decision(guarded, client):
    """The same request, another caller, another class."""
    rule = Rule(name="ours", match=Match(callers=("web/frontend",)), use=Use(request_class="Complex"))
    proxy = await guarded(rules=(rule,), pins=Pins(callers=("batch",)))
    answer = await (await client(proxy)).chat.completions.with_raw_response.create(**HELLO)
    assert answer.headers["X-Tierway-Class"] == "Complex"
    decision = await (await client(proxy)).post("/route", body=HELLO, cast_to=object)
    assert (decision["caller"], decision["reason"]) == ("web/frontend", "rule ours")
    assert decision["note"] is None


async def test_a_decision_says_that_rules_for_callers_match_nobody_while_nobody_is_asked(start, front, sdk):
    """Else one looks for the fault in the rule."""
    rule = Rule(name="ours", match=Match(namespaces=("web",)), use=Use(request_class="Complex"))
    proxy = await start(chain(front.url).model_copy(update={"rules": (rule,)}))
    decision = await (await sdk(proxy)).post("/route", body=HELLO, cast_to=object)
    assert decision["caller"] is None
    assert decision["note"] == "No caller is known (authentication is off), and so these rules match nobody: ours."


async def test_a_pin_of_others_is_refused_by_the_callers_name(guarded, client):
    """A class hint costs money."""
    proxy = await guarded(pins=Pins(namespaces=("legal",)))
    with pytest.raises(PermissionDeniedError, match="does not let caller 'web/frontend' choose the class"):
        await (await client(proxy)).chat.completions.create(**HELLO, extra_headers={"X-Tierway-Class": "Complex"})


async def test_callers_are_counted_by_name(guarded, client):
    """With the money that they spent: here all that was."""
    proxy = await guarded()
    for _ in range(2):
        await (await client(proxy)).chat.completions.create(**HELLO)
    await proxy.idle()
    _, text = await proxy.get("/metrics")
    found = dict(line.rsplit(" ", 1) for line in text.splitlines())
    assert found['tierway_caller_requests_total{caller="web/frontend",policy="llm/default"}'] == "2.0"
    spent = float(found['tierway_caller_cost_usd_total{caller="web/frontend",policy="llm/default"}'])
    assert spent == pytest.approx(float(found['tierway_cost_usd_total{policy="llm/default"}']))
    assert spent > 0
    assert found['tierway_authentications_total{outcome="Accepted"}'] == "2.0"
    assert found['tierway_authentications_total{outcome="Unavailable"}'] == "0.0"
    assert found['tierway_token_reviews_total{outcome="Answered"}'] == "1.0"


async def test_a_key_that_is_too_long_for_a_header_is_not_repeated_to_whoever_sent_it(guarded):
    """Nor to a log that has the answer."""
    async with wire(await guarded()) as (reader, writer):
        writer.write(head("GET /v1/models", b"Bearer sk-secret" + b"a" * 9_000))
        answer = await reader.read()
    assert b" 400 " in answer.partition(b"\r\n")[0]
    assert b"sk-secret" not in answer


@pytest.mark.parametrize(
    "keys",
    [(b"Bearer unused", GOOD), (GOOD, b"Bearer unused"), (GOOD, GOOD), (b"Bearer \xff\xfe",), (b"Bearer\t\xc0",)],
)
async def test_several_keys_and_bytes_that_are_no_text_are_no_key(guarded, keys):
    """Which of two counts nobody here may guess: another server on the way may have read the other one."""
    async with wire(await guarded()) as (reader, writer):
        writer.write(head("GET /v1/models", *keys))
        assert b" 401 " in await reader.readline()


async def test_who_asks_before_sending_a_body_is_refused_without_it(guarded):
    """No `100 Continue` comes before the 401."""
    async with wire(await guarded()) as (reader, writer):
        writer.write(head("POST /v1/chat/completions", more=b"Expect: 100-continue\r\nContent-Length: 60000000\r\n"))
        assert b" 401 " in await reader.readline()


async def test_a_large_upload_without_a_key_is_refused_at_its_head_and_its_connection_lives(guarded):
    """The client reads its 401 at once, or when it has sent everything; the next request is not taken for a body."""
    async with wire(await guarded()) as (reader, writer):
        writer.write(head("POST /v1/chat/completions", more=b"Content-Length: 60000000\r\n"))
        assert b" 401 " in await reader.readline()
        await reader.readuntil(b"}}")
        for _ in range(60):
            writer.write(b"a" * 1_000_000)
            await writer.drain()
        writer.write(head("GET /v1/models", GOOD))
        assert b" 200 " in await reader.readline()


@asynccontextmanager
async def wire(proxy):
    """A connection to its callers' port, for what no client sends."""
    async with asyncio.timeout(5):
        reader, writer = await asyncio.open_connection("127.0.0.1", int(proxy.root.rpartition(":")[2]))
        try:
            yield reader, writer
        finally:
            writer.close()


def head(line, *keys, more=b""):
    lines = b"".join(b"Authorization: " + key + b"\r\n" for key in keys)
    return f"{line} HTTP/1.1\r\nHost: x\r\n".encode() + lines + more + b"\r\n"


def test_static_keys_of_an_earlier_start_are_gone_when_no_secret_is_named(tmp_path):
    """Whoever takes the value away means it."""
    keys, _ = StaticKeys.of({"batch": "a-key-of-sixteen-characters"})
    Memory(tmp_path).keep({}, keys.digests)
    for secret, kept in (("callers", True), (None, False)):
        found = gate_of(given(f"--state-dir={tmp_path}", *([f"--caller-keys-secret={secret}"] if secret else [])))
        assert bool(found._keys.digests) is kept


async def test_until_the_static_keys_are_listed_nobody_is_told_that_theirs_is_none(tmp_path):
    """A proxy may be ready before: 401 would end a client that has only to come again."""
    gate = gate_of(given(f"--state-dir={tmp_path}", "--caller-keys-secret=callers"))
    assert (await gate.admit(bearer("a-key-of-sixteen-characters"))).code == "authentication_unavailable"
    assert (await gate.admit(bearer(token(audience="vault", ends=LATER)))).status == 401
    keys, _ = StaticKeys.of({"batch": "a-key-of-sixteen-characters"})
    gate.take_keys(keys)
    assert await gate.admit(bearer("a-key-of-sixteen-characters")) == Caller("batch")
    assert (await gate.admit(bearer("another-key"))).status == 401


def given(*flags):
    parser = ArgumentParser()
    add_arguments(parser)
    return from_arguments(parser.parse_args(["--authentication=Required", *flags]))


def test_callers_beyond_a_hundred_are_counted_together():
    """A metric with a name for everybody would be the proxy's memory, and Prometheus's."""
    counts, request = CallerCounts(), Settlement("llm/default", CLASSES[0], False, "Answered", 200, 0.1)
    for number in range(1000):
        counts.record(request, Caller(f"web/{number}", "web"))
    counts.record(request, Caller("web/0", "web"))
    assert len(counts.by) == 101
    assert counts.by["llm/default", "other"].requests == 900
    assert counts.by["llm/default", "web/0"].requests == 2
    assert json.dumps(sorted(caller for _, caller in counts.by))
