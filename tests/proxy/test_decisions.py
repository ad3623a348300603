"""What was decided, told to whoever asks: in response headers, and before anybody is called by `POST …/v1/route`."""

import pytest

from tests.provider.wire import ask
from tests.proxy.asks import ASK, STREAM, answer, user
from tests.proxy.tables import POLICY, PRICE, UPSTREAM_MODEL, chain, key, tier
from tierway_proxy.contract.base import canonical, digest
from tierway_proxy.contract.table import Choice, Endpoint, HeaderMatch, Match, Model, Provider, Route, Rule, Tier, Use

HARD_PLAN = user(
    "Design a migration of our billing system to event sourcing without downtime. Consider: 1) ordering of events and "
    "idempotent consumers, 2) a backfill of seven years of invoices, 3) rollback at every step, 4) how auditors can "
    "prove that no invoice was lost. Compare two approaches, derive the failure modes of each, and give a schedule. "
    "```sql\nSELECT tenant, sum(amount) FROM invoice WHERE paid_at IS NULL GROUP BY 1 HAVING sum(amount) > 0;\n```"
)


async def route(proxy, body, headers=None):
    reply = await ask(proxy, body, headers=headers, path="/v1/route")
    assert reply.status == 200
    return reply.json


@pytest.fixture
async def by_class(start, front, back):
    """Simple requests go to the first tier, all others to the second."""
    tiers = {"Simple": "llm/first", "Moderate": "llm/second", "Complex": "llm/second"}
    routes = {klass: Route(candidates=(Choice(tier=name),)) for klass, name in tiers.items()}
    return await start(chain(front.url, back.url, routes=routes))


@pytest.mark.parametrize("stream", [True, False])
async def test_every_answer_says_who_gave_it_and_why(client, front, back, stream):
    """By headers that a person with curl reads, and a test."""
    headers = (await answer(client, stream=stream))[1]
    told = {name: value for name, value in headers.items() if name.startswith("x-tierway-")}
    table = digest(canonical(chain(front.url, back.url)))
    assert told == {
        "x-tierway-policy": POLICY,
        "x-tierway-class": "Simple",
        "x-tierway-tier": "llm/first",
        "x-tierway-model": "qwen3-8b",
        "x-tierway-attempts": "1",
        "x-tierway-reason": told["x-tierway-reason"],
        "x-tierway-table": table[:12],
    }
    assert told["x-tierway-reason"].startswith("Simple: ")


async def test_an_error_says_so_too(proxy, front, back):
    """Who was asked last, and how many were asked."""
    for provider in (front, back):
        provider.set_fault("forbidden")
    head = (await ask(proxy, STREAM)).head
    assert "x-tierway-tier: llm/second" in head
    assert "x-tierway-attempts: 2" in head


async def test_a_callers_request_id_comes_back_and_goes_on(proxy, front):
    """So that one id follows a request through all logs."""
    assert (
        "x-request-id: team-1/2024:a.b=c+d_e"
        in (await ask(proxy, STREAM, headers={"X-Request-Id": "team-1/2024:a.b=c+d_e"})).head
    )
    assert front.requests()[-1].header("x-request-id") == "team-1/2024:a.b=c+d_e"


@pytest.mark.parametrize("given", ["", "a" * 129, "two words", 'quo"te', "<script>"])
async def test_an_id_that_is_none_is_replaced(proxy, given):
    """What goes into logs and headers is short and plain."""
    head = (await ask(proxy, STREAM, headers={"X-Request-Id": given})).head
    (made,) = [line.partition(": ")[2] for line in head.split("\r\n") if line.startswith("x-request-id")]
    assert made
    assert made != given


@pytest.mark.parametrize("body", [b"{", b"{}", b'{"model": "no", "messages": [{}]}'])
async def test_every_refusal_has_a_request_id(proxy, body):
    """Given or made, it is what somebody asks about."""
    assert "x-request-id: r-1" in (await ask(proxy, body, headers={"X-Request-Id": "r-1"})).head
    ids = {(await ask(proxy, body)).head.partition("x-request-id: ")[2].partition("\r\n")[0] for _ in range(3)}
    assert len(ids) == 3


async def test_a_decision_is_explained_without_calling_anyone(proxy, front, back):
    """Class, reasons, candidates in order: all that a request would meet, and nothing is counted."""
    said = await route(proxy, STREAM)
    assert (said["policy"], said["class"]) == (POLICY, "Simple")
    assert said["confidence"] == max(said["probabilities"].values())
    assert said["reasons"]
    assert [each["tier"] for each in said["candidates"]] == ["first", "second"]
    assert front.requests() == back.requests() == []
    assert (await proxy.counted()).policies == {}


async def test_a_decision_says_whom_it_passed_over_and_why(start, front, back):
    """Here for a breaker and for a missing capability."""
    front.set_fault("forbidden")
    proxy = await start(chain(front.url, tier(back.url, capabilities=("Tools",))))
    for _ in range(5):
        await ask(proxy, STREAM)
    said = await route(proxy, STREAM)
    assert [(each["tier"], each["last_resort"]) for each in said["candidates"]] == [("second", False), ("first", True)]
    assert said["skipped"][0]["endpoint"] == key("first")
    assert said["skipped"][0]["reason"].startswith("5 failures in a row")


async def test_a_decision_says_to_what_each_candidate_would_limit_the_answer(start, front, back):
    """The least of class and model: what `X-Tierway-Output-Limit` would say, before anybody is asked."""
    routes = {"Simple": Route(candidates=(Choice(tier="llm/first"), Choice(tier="llm/second")), max_output_tokens=50)}
    tiers = (tier(front.url, max_output_tokens=7), tier(back.url))
    proxy = await start(chain(*tiers, routes=routes))
    said = await route(proxy, {**ASK, "max_tokens": 500})
    assert [each["max_output_tokens"] for each in said["candidates"]] == [7, 50]
    assert said["output_limit"] == 50
    free = await route(await start(chain(*tiers)), ASK)
    assert [each["max_output_tokens"] for each in free["candidates"]] == [7, None]


async def test_a_decision_that_is_a_refusal_is_explained_as_one(proxy):
    """With the status and sentence that the request would get."""
    said = await route(proxy, {**ASK, "model": "gpt-9"})
    assert (said["refused"]["status"], said["refused"]["code"]) == (404, "model_not_found")


async def test_classes_go_where_the_policy_sends_them(by_class, front, back):
    """A short question to the first tier, a hard plan to the second."""
    await ask(by_class, STREAM)
    await ask(by_class, {**STREAM, "messages": HARD_PLAN})
    assert [each.counts()[UPSTREAM_MODEL]["answered"] for each in (front, back)] == [1, 1]


async def test_yes_do_it_inherits_the_difficulty_of_what_it_approves(proxy):
    """The last line is short; the turn that it belongs to is not."""
    plan = (await route(proxy, {**ASK, "messages": HARD_PLAN}))["class"]
    proposal = {"role": "assistant", "content": "I would cut over tenant by tenant, with a reconciler. Shall I go on?"}
    assert plan != "Simple"
    assert (await route(proxy, {**ASK, "messages": [*HARD_PLAN, proposal, *user("Yes, do it")]}))["class"] == plan


async def test_a_class_header_decides_where_callers_may_choose(proxy):
    """Whatever the case it is written in; anything else is refused by its name."""
    assert (await route(proxy, ASK, {"X-Tierway-Class": "complex"}))["class"] == "Complex"
    refused = (await route(proxy, ASK, {"X-Tierway-Class": "hard"}))["refused"]
    assert (refused["status"], "X-Tierway-Class" in refused["message"]) == (400, True)


async def test_a_rule_comes_before_all_else(start, sdk, front, back):
    """Here by a header of the caller, to a tier; the reason names the rule."""
    match = Match(headers=(HeaderMatch(name="X-Team", value="legal"),))
    legal = Rule(name="legal", match=match, use=Use(tier="llm/second"))
    client = await sdk(await start(chain(front.url, back.url, rules=(legal,))))
    assert (await answer(client))[1]["x-tierway-tier"] == "llm/first"
    headers = (await answer(client, extra_headers={"x-team": "legal"}))[1]
    assert (headers["x-tierway-tier"], headers["x-tierway-reason"]) == ("llm/second", "rule legal")


async def test_the_own_region_comes_first_among_equals(start):
    """Within a tier, and at the same price: a Helm value says where this proxy is."""
    providers = {name: Provider(base_url="http://a.test/v1", region=name) for name in ("us-east", "ap-south")}
    endpoints = tuple(Endpoint(provider=name, upstream_model="m", price=PRICE) for name in providers)
    regional = Tier(providers=providers, models=(Model(name="m", endpoints=endpoints),))
    said = await route(await start(chain(regional), region="ap-south"), ASK)
    assert [each["region"] for each in said["candidates"]] == ["ap-south", "us-east"]
