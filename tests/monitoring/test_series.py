"""However many callers send whatever they like: the series of a proxy are as many as its tables make them."""

import random
import re

from monitoring import ROOT
from tests.monitoring.pages import series
from tests.provider.wire import ask, connected, ended, request
from tests.proxy.asks import ASK
from tests.proxy.tables import MODEL, POLICY, chain
from tests.proxy.tokens import token
from tierway_proxy.contract.base import CLASSES
from tierway_proxy.core.caller import Caller
from tierway_proxy.core.caller_counts import MOST
from tierway_proxy.core.ledger import OUTCOMES
from tierway_proxy.shell.authentication.gate import OUTCOMES as AUTHENTICATED
from tierway_proxy.shell.authentication.gate import REVIEWS
from tierway_proxy.shell.settings import Authentication

MARK = "zz9"
"""In everything that a caller makes up."""
REQUESTS = 1000
OTHER = "team/other"
SOURCES = "".join(file.read_text() for file in (ROOT / "proxy/tierway_proxy").rglob("*.py"))
CLOSED = {
    "policy": {POLICY, OTHER},
    "class": {*CLASSES, "Pinned", "Unknown"},
    "outcome": {*OUTCOMES, *AUTHENTICATED, *REVIEWS, "written", "dropped", "full", "failed"},
    "status": {"429", "502", "503", "504"},
    "reason": {"", *re.findall(r'(?:Failure\(|reason = )"([A-Za-z]+)"', SOURCES)},
    "code": set(re.findall(r'"([a-z]+_[a-z_]+)"', SOURCES)),
    "tier_namespace": {"llm"},
    "tier": {"first", "second"},
    "gen_ai_request_model": {MODEL},
    "gen_ai_provider_name": {"sim"},
    "gen_ai_token_type": {"input", "output"},
    "generation": {"1"},
}
FREE = {"le", "hash", "version"}
"""Of these the tables, the code and the release have a fixed number."""
POLICIES, ENDPOINTS = 2, 2


def of_tierway(text):
    return {key for key in series(text) if key[0].startswith(("tierway_", "gen_ai_"))}


def wrong(chance):
    """A request as careless, curious or hostile callers send it."""
    made_up = f"{MARK}-{chance.getrandbits(64):x}"
    path = chance.choice([
        "/v1/chat/completions", "/llm/default/v1/chat/completions", f"/team/other/v1/chat/completions?{made_up}",
        f"/{made_up}/{made_up}/v1/chat/completions", f"/{made_up}", "/v1/models", f"/v1/models/{made_up}", "/v1/route",
    ])  # fmt: skip
    body = chance.choice([
        {"model": made_up, "messages": [{"role": "user", "content": made_up}]},
        {"model": "auto", "messages": [{"role": made_up, "content": made_up}]},
        {"model": "auto", "messages": [{"role": "user", "content": made_up}], "user": made_up, made_up: made_up},
        {"model": [made_up]}, made_up.encode(), b"{" * 50,
    ])  # fmt: skip
    headers = {
        "X-Request-Id": made_up, "X-Tierway-Class": chance.choice(["Simple", "Complex", made_up]),
        "User-Agent": made_up, "Authorization": f"Bearer {made_up}", "X-Forwarded-For": made_up,
    }  # fmt: skip
    raw = request(body, headers, path, chance.choice(["POST", "POST", "POST", "GET", "DELETE"]))
    return raw if chance.random() < 0.95 else f"{made_up}\r\n{made_up}\r\n\r\n".encode()


async def test_nothing_that_a_caller_makes_up_becomes_a_series(start, front, back):
    """A thousand requests, no two alike: label values are of tables and closed sets, and the count is what docs say."""
    proxy = await start(chain(front.url, back.url), chain(front.url, back.url, policy=OTHER))
    quiet = of_tierway((await proxy.get("/metrics"))[1])
    assert len([key for key in quiet if ("policy", POLICY) in key]) == 15
    assert len([key for key in quiet if ("tier", "first") in key]) == 7
    chance = random.Random(1)  # noqa: S311 (no secret hangs on it)
    for _ in range(REQUESTS):
        async with connected(proxy.url) as (reader, writer):
            writer.write(wrong(chance))
            await ended(reader)
    await proxy.idle()
    _, text = await proxy.get("/metrics")
    assert MARK not in text
    seen = of_tierway(text)
    assert [(key[0], label) for key in seen for label in key[1:] if not allowed(*label)] == []
    assert [key for key in seen if ("outcome", "Rejected") in key and series(text)[key] > 50]
    assert len([key for key in seen if ("policy", POLICY) in key]) <= 65
    assert len([key for key in seen if ("tier", "first") in key]) <= 115
    assert len(seen) <= 65 * POLICIES + 115 * ENDPOINTS + 30


async def test_of_all_callers_that_there_are_a_hundred_have_a_name(start, front):
    """A cluster has as many ServiceAccounts as somebody makes; the rest are together."""
    proxy = await start(chain(front.url), authentication=Authentication(audience="tierway", keys_secret=None))

    async def review(text):
        return Caller(f"web/{text[-40:]}", "web")

    proxy.gate.reviewer = review
    for number in range(MOST + 50):
        key = token(f"account-{number}", ends=4_000_000_000 + number)
        assert (await ask(proxy, ASK, headers={"Authorization": f"Bearer {key}"})).status == 200
    await proxy.idle()
    named = [key for key in of_tierway((await proxy.get("/metrics"))[1]) if key[0] == "tierway_caller_requests_total"]
    assert len(named) == MOST + 1


def allowed(name, value):
    return name in FREE or value in CLOSED[name]
