"""Who learns what: a provider gets its own key and no caller's, a caller learns nothing of providers."""

import json

import pytest

from tests.provider.wire import ask
from tests.proxy.asks import ASK, STREAM, answer, error_of
from tests.proxy.scripted import HELLO, reply, scripted
from tests.proxy.tables import UPSTREAM_MODEL, chain, key, tier
from tierway_proxy.contract.table import Header

SECRET = "sk-provider-0123456789abcdef"
KEYS = {"k1": SECRET}
OURS = {"host", "content-type", "content-length", "accept", "accept-encoding", "user-agent", "connection"}


def keyed(provider, **fields):
    return tier(provider.url, provider={"credential": "k1", **fields})


def received(provider):
    return {name.lower(): value for name, value in provider.requests()[-1].headers}


async def test_a_provider_gets_its_own_key_and_not_the_callers(start, sdk, front):
    """Nor anything else that the SDK sent with the request but its body."""
    client = await sdk(await start(chain(keyed(front)), keys=KEYS))
    await client.chat.completions.create(**ASK, extra_headers={"X-Team": "blue", "Cookie": "session=1"})
    headers = received(front)
    assert headers["authorization"] == f"Bearer {SECRET}"
    assert headers.keys() <= OURS | {"authorization"}
    assert "sk-the-callers-own" not in str(headers)


async def test_without_a_credential_no_key_is_sent(client, front):
    """Least of all the caller's own."""
    await answer(client)
    assert "authorization" not in received(front)


async def test_a_key_may_go_into_a_header_of_the_providers_choice(start, sdk, front):
    """Beside the headers that the tier names; tracing headers of the caller go along."""
    scheme = {"auth_header": "api-key", "auth_prefix": "", "headers": (Header(name="X-Org", value="acme"),)}
    client = await sdk(await start(chain(keyed(front, **scheme)), keys=KEYS))
    await client.chat.completions.create(**ASK, extra_headers={"traceparent": "00-1-2-01", "X-Request-Id": "r-7"})
    headers = received(front)
    assert (headers["api-key"], headers["x-org"], headers["traceparent"]) == (SECRET, "acme", "00-1-2-01")
    assert "authorization" not in headers


async def test_a_key_that_has_not_come_yet_is_no_reason_to_ask_without(start, sdk, front, back):
    """The next candidate answers, and nothing was sent to the first."""
    client = await sdk(await start(chain(keyed(front), back.url)))
    assert (await answer(client))[1]["x-tierway-tier"] == "llm/second"
    assert front.requests() == []


async def test_a_changed_key_is_used_from_the_next_request_on(start, sdk, front):
    """No restart, no new table."""
    proxy = await start(chain(keyed(front)), keys=KEYS)
    client = await sdk(proxy)
    await answer(client)
    proxy.folder.put("keys/k1", "sk-rotated")
    for _ in range(200):
        await answer(client)
        if received(front)["authorization"] == "Bearer sk-rotated":
            return
    pytest.fail("the old key is still sent")


@pytest.mark.parametrize("stream", [True, False])
async def test_an_upstreams_echo_of_the_key_reaches_nobody(start, front, stream):
    """Some servers answer 401 with the key in the sentence: the caller reads neither key nor address nor model."""
    front.set_fault("unauthorized")
    proxy = await start(chain(keyed(front)), keys=KEYS)
    refused = await ask(proxy, {**ASK, "stream": stream})
    assert refused.status == 502
    assert error_of(refused)["code"] == "upstream_unavailable"
    assert not _leaks(refused.raw.decode(), front)


@pytest.mark.parametrize("message", ["key {key} is wrong", "see {url} for more", "Authorization: Bearer {key} failed"])
async def test_what_an_upstream_says_of_the_request_is_passed_on_without_secrets(start, message):
    """Its sentence helps the caller, its keys and addresses do not."""
    body = {"error": {"message": "bad image: " + message.format(key=SECRET, url="https://internal.example/v1")}}
    refusing = reply(json.dumps(body).encode(), status="400 Bad Request", kind="application/json")
    async with scripted(refusing) as upstream:
        refused = await ask(await start(chain(upstream.url)), STREAM)
    assert error_of(refused)["message"].startswith("bad image: ")
    assert SECRET not in refused.raw.decode()
    assert "internal.example" not in refused.raw.decode()


def _leaks(text, provider):
    address = provider.url.removeprefix("http://").removesuffix("/v1")
    return [each for each in (SECRET, address, UPSTREAM_MODEL, "sk-") if each in text]


async def test_an_upstreams_own_headers_stay_with_us(start):
    """Cookies, server names, hop-by-hop headers and an encoding that is none of the client's business."""
    own = ("Set-Cookie: a=b", "Server: vllm", "X-Internal: 10.0.0.7", "Keep-Alive: timeout=5", "Alt-Svc: h3")
    async with scripted(reply(HELLO, *own, "Content-Encoding: identity")) as upstream:
        seen = await ask(await start(chain(upstream.url)), STREAM)
    assert seen.events[-1] == "[DONE]"
    private = ("set-cookie", "vllm", "x-internal", "keep-alive", "alt-svc", "content-encoding")
    assert not [each for each in private if each in seen.head]


async def test_hop_by_hop_headers_of_the_client_end_here(proxy, front):
    """They speak of its connection to us."""
    given = {"TE": "trailers", "Keep-Alive": "timeout=9", "Proxy-Authorization": "Basic eA==", "Upgrade": "h2c"}
    assert (await ask(proxy, ASK, headers=given)).status == 200
    assert not received(front).keys() & {name.lower() for name in given}


@pytest.mark.parametrize("host", ["169.254.169.254", "[fe80::1]", "[::ffff:169.254.169.254]"])
async def test_link_local_addresses_are_never_asked(start, sdk, back, host):
    """That is where clouds keep their machines' credentials; the next candidate answers."""
    proxy = await start(chain(f"http://{host}/v1", back.url))
    assert (await answer(await sdk(proxy)))[1]["x-tierway-tier"] == "llm/second"
    assert (await proxy.counted()).endpoints[key("first")].errors == {"ForbiddenAddress": 1}


async def test_a_redirect_is_not_followed(start, sdk, front, back):
    """A provider does not choose where its key and the prompt go next."""
    away = reply(b"", f"Location: {front.url}/chat/completions", status="307 Temporary Redirect")
    async with scripted(away) as upstream:
        proxy = await start(chain(upstream.url, back.url))
        assert (await answer(await sdk(proxy)))[1]["x-tierway-tier"] == "llm/second"
    assert front.requests() == []
    assert (await proxy.counted()).endpoints[key("first")].errors == {"Misconfigured": 1}
