"""What is asked of the API server about callers, and what its answers mean: with the wire played."""

import asyncio
import json
from base64 import b64encode

import pytest
from aiohttp import web
from kubernetes.aio.client.api_client import ApiClient

from tests.provider.wire import eventually
from tests.proxy.test_tables_cluster import kubeconfig
from tests.proxy.tokens import FRONTEND, bearer, token
from tierway_proxy.core.caller import Caller
from tierway_proxy.shell.authentication import reviews as module
from tierway_proxy.shell.authentication.gate import Gate
from tierway_proxy.shell.authentication.questions import ReviewError
from tierway_proxy.shell.authentication.reviews import TokenReviews, connect
from tierway_proxy.shell.kubernetes_api import KubernetesApi, configuration

SECRETS = "/api/v1/namespaces/llm/secrets"
KEY, OTHER = "a-key-of-sixteen-characters", "another-key-of-sixteen-characters"
ACCOUNT = "system:serviceaccount:web:frontend"


def said(**status):
    return {"status": {"authenticated": True, "user": {"username": ACCOUNT}, "audiences": ["tierway"]} | status}


class Api:
    """`answer` to each TokenReview, with `status`; `secret` is what a LIST finds, `send` is an event of its watch."""

    def __init__(self):
        self.answer, self.status = said(), 201
        self.asked, self.lists = [], []
        self.secret = None
        self._events = asyncio.Queue()

    def application(self):
        app = web.Application()
        app.add_routes([web.post("/apis/authentication.k8s.io/v1/tokenreviews", self._review)])
        app.add_routes([web.get(SECRETS, self._secrets)])
        return app

    def send(self, kind, **keys):
        self._events.put_nowait({"type": kind, "object": secret("2", **keys)})

    async def _review(self, request):
        self.asked.append(await request.json())
        return web.json_response(self.answer, status=self.status)

    async def _secrets(self, request):
        if "watch" not in request.query:
            self.lists.append(dict(request.query))
            items = [] if self.secret is None else [self.secret]
            return web.json_response({"metadata": {"resourceVersion": "1"}, "items": items})
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(json.dumps(await self._events.get()).encode() + b"\n")


def secret(version="1", **keys):
    data = {name: b64encode(key.encode()).decode() for name, key in keys.items()}
    return {"metadata": {"name": "callers", "resourceVersion": version}, "data": data}


@pytest.fixture
async def api(monkeypatch, tmp_path):
    api = Api()
    runner = web.AppRunner(api.application(), shutdown_timeout=0.01)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    kubeconfig(runner.addresses[0][1], monkeypatch, tmp_path)
    yield api
    await runner.cleanup()


@pytest.fixture
async def reviews(api):  # noqa: ARG001 (it says where to ask)
    async with ApiClient(await configuration()) as client:
        yield TokenReviews(KubernetesApi(client), "tierway")


@pytest.fixture
async def connected(api):  # noqa: ARG001 (it says where to ask)
    """A function that connects a gate."""
    running = []

    async def connecting(keys_secret=None):
        gate = Gate("tierway")
        running.append(asyncio.create_task(connect(gate, "llm", keys_secret)))
        return gate

    yield connecting
    for each in running:
        each.cancel()
    await asyncio.gather(*running, return_exceptions=True)


async def test_a_service_accounts_token_is_its_callers(api, reviews):
    """Asked for our audience, as what it is."""
    assert await reviews.review("t") == FRONTEND
    [asked] = api.asked
    assert asked["spec"] == {"token": "t", "audiences": ["tierway"]}
    assert (asked["apiVersion"], asked["kind"]) == ("authentication.k8s.io/v1", "TokenReview")


@pytest.mark.parametrize(
    ("status", "why"),
    [
        ({"authenticated": False, "error": "[invalid bearer token]"}, "does not accept this token"),
        ({"authenticated": None}, "does not accept this token"),
        ({"audiences": []}, "was made for 'tierway'"),
        ({"audiences": None}, "was made for 'tierway'"),
        ({"audiences": ["https://kubernetes.default.svc"]}, "was made for 'tierway'"),
        ({"user": {"username": "admin"}}, "is no ServiceAccount's"),
        ({"user": {}}, "is no ServiceAccount's"),
        ({"user": None}, "is no ServiceAccount's"),
    ],
)
async def test_everything_else_is_nobodys(api, reviews, status, why):
    """Also a yes that does not say for whom: an authenticator that knows no audiences says it to any token."""
    api.answer = said(**status)
    found = await reviews.review("t")
    assert isinstance(found, str)
    assert why in found


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 503])
async def test_an_answer_that_is_no_verdict_is_no_verdict(api, reviews, status):
    """Without the right to ask, nobody may be turned away as if their token were bad."""
    api.status, api.answer = status, {"message": "no"}
    with pytest.raises(ReviewError, match=str(status)):
        await reviews.review("t")


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"status": None},
        {"status": "Success"},
        {"ok": True},
        said(audiences="for-tierway-and-all"),
        said(audiences=3),
        said(user="admin"),
    ],
)
async def test_what_is_no_review_is_no_verdict(api, reviews, answer):
    """A proxy between us and the API server may answer anything; nobody is turned away by it."""
    api.answer = answer
    with pytest.raises(ReviewError, match="no verdict"):
        await reviews.review("t")


async def test_the_log_says_of_refused_tokens_at_most_once_a_second_and_how_many(api, reviews, caplog, monkeypatch):
    """Whoever sends forged ones must not fill it."""
    caplog.set_level("INFO")
    now = iter([100.0, 100.5, 100.9, 101.0])
    monkeypatch.setattr(module, "monotonic", lambda: next(now))
    api.answer = said(authenticated=False, error="[invalid bearer token]")
    for _ in range(4):
        await reviews.review("t")
    told = [(each.refused, each.error) for each in caplog.records if "refused" in each.message]
    assert told == [(1, "[invalid bearer token]"), (3, "[invalid bearer token]")]


async def test_an_api_server_that_is_gone_is_no_verdict(reviews, monkeypatch):
    """Its port is closed."""
    monkeypatch.setattr(reviews._api._client.configuration, "host", "http://127.0.0.1:9")
    with pytest.raises(ReviewError):
        await reviews.review("t")


async def test_a_connected_gate_asks(connected):
    """From the first moment on."""
    gate = await connected()
    await eventually(lambda: gate.reviewer.__name__ == "review")
    assert await gate.admit(bearer(token(ends=4_000_000_000))) == FRONTEND


async def test_static_keys_follow_their_secret_by_its_name(api, connected):
    """An edit is live at once, a removed key is out at once, and so are all when the Secret goes."""
    api.secret = secret(batch=KEY)
    gate = await connected("callers")

    async def callers():
        return [each if isinstance(each, Caller) else each.status for each in await asyncio.gather(
            gate.admit(bearer(KEY)), gate.admit(bearer(OTHER)))]  # fmt: skip

    async def become(*wanted):
        async with asyncio.timeout(3):
            while await callers() != list(wanted):  # noqa: ASYNC110 (its wire)
                await asyncio.sleep(0.01)

    await become(Caller("batch"), 401)
    assert api.lists == [{"fieldSelector": "metadata.name=callers"}]
    api.send("MODIFIED", batch=KEY, night=OTHER)
    await become(Caller("batch"), Caller("night"))
    api.send("MODIFIED", night=OTHER)
    await become(401, Caller("night"))
    api.send("DELETED")
    await become(401, 401)


async def test_a_short_key_is_not_taken_and_named_in_the_log(api, connected, caplog):
    """Its name, never itself."""
    caplog.set_level("INFO")
    api.secret = secret(batch="short-secret", night=OTHER)
    gate = await connected("callers")
    await eventually(lambda: "callers' keys loaded" in caplog.text)
    record = next(each for each in caplog.records if "too short" in each.message)
    assert (record.callers, record.least_characters) == (["batch"], 16)
    assert "short-secret" not in caplog.text
    assert await gate.admit(bearer(OTHER)) == Caller("night")


async def test_a_key_that_is_no_text_is_not_taken(api, connected, caplog):
    """No header can carry it, and read with its faults replaced it would be easier to guess."""
    api.secret = secret(night=OTHER)
    api.secret["data"]["batch"] = b64encode(b"\xff" * 32).decode()
    caplog.set_level("INFO")
    gate = await connected("callers")
    await eventually(lambda: "callers' keys loaded" in caplog.text)
    assert (await gate.admit(bearer("\N{REPLACEMENT CHARACTER}" * 32))).status == 401
    assert await gate.admit(bearer(OTHER)) == Caller("night")
    assert next(each for each in caplog.records if "not taken" in each.message).callers == ["batch"]


async def test_a_secret_that_is_not_there_is_said(connected, caplog):
    """Nobody can have such a key, and a typing error in a value is found."""
    await connected("callers")
    await eventually(lambda: "the Secret of callers' keys does not exist" in caplog.text)
