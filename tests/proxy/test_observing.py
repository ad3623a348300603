"""What the admin port says: to anybody that the proxy lives and what it measures, to the operator what it counted."""

import asyncio
import json
import logging
from argparse import Namespace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.provider.wire import ask, connected, ended, request
from tests.proxy.asks import ASK, answer
from tests.proxy.harness import AUTHORIZED, TOKEN
from tests.proxy.tables import MODEL, POLICY, chain, key, tier
from tierway_cli import version
from tierway_proxy.contract.base import canonical, digest
from tierway_proxy.core.health import FAILURES_TO_OPEN, FIRST_OPEN_SECONDS
from tierway_proxy.shell.telemetry import JSONFormatter

PICO = 1e-12


async def samples(proxy):
    """Every sample of /metrics, by name and labels."""
    _, text = await proxy.get("/metrics")
    families = text_string_to_metric_families(text)
    return {(s.name, *sorted(s.labels.values())): s.value for family in families for s in family.samples}


@pytest.fixture
async def busy(start, sdk, front, back):
    """A proxy that has answered, fallen back, refused and failed."""
    proxy = await start(chain(front.url, back.url, fallback={"delay_ms": 0}))
    client = await sdk(proxy)
    await answer(client, stream=True)
    front.set_fault("rate_limited", count=1, retry_after=0)
    await answer(client)
    front.set_fault("error_string", count=1)
    with pytest.raises(Exception, match="the model refused"):
        await answer(client)
    return proxy


@pytest.mark.parametrize("given", [None, "Bearer wrong", TOKEN, f"bearer {TOKEN}x"])
async def test_observations_want_the_releases_token(proxy, given):
    """They are the operator's; a wrong or missing token is told what is wanted, in OpenAI's shape."""
    status, text = await proxy.get("/observations", **({"Authorization": given} if given else {}))
    assert (status, json.loads(text)["error"]["code"]) == (401, "unauthorized")


async def test_health_and_metrics_are_open(proxy):
    """Kubelets and Prometheus hold no token."""
    assert [(await proxy.get(path))[0] for path in ("/healthz", "/readyz", "/metrics")] == [200, 200, 200]


async def test_reading_changes_nothing(busy):
    """Whoever reads, and how often: counts are cumulative."""
    await busy.idle()
    first = await busy.observations()
    await busy.get("/metrics")
    assert await busy.observations() == first


async def test_observations_name_the_proxy_its_version_and_its_tables(start, front):
    """What the operator needs for `Programmed`: the hash that requests are really routed by."""
    table = chain(front.url, generation=7)
    said = await (await start(table)).observations()
    assert (said.version, said.reads, said.draining, said.final) == (1, (1,), False, False)
    (loaded,) = said.tables
    assert (loaded.policy, loaded.hash, loaded.generation) == (POLICY, digest(canonical(table)), 7)
    assert (loaded.state_sequence, loaded.refused) == (1, None)


async def test_another_version_of_observations_is_refused_by_name(proxy):
    """Readers ask for the version that they know."""
    assert (await proxy.get("/observations?version=1", **AUTHORIZED))[0] == 200
    status, text = await proxy.get("/observations?version=2", **AUTHORIZED)
    assert (status, json.loads(text)["error"]["code"]) == (400, "unknown_version")


async def test_metrics_agree_with_observations(busy):
    """Both are views of the same counters."""
    day, seen = await busy.counted(), await samples(busy)
    policy, first = day.policies[POLICY], day.endpoints[key("first")]
    labels = ("first", "llm", "qwen3-8b", "sim")
    for outcome, count in policy.outcomes.items():
        assert seen["tierway_request_outcomes_total", *sorted((POLICY, outcome))] == count
    assert seen["tierway_requests_total", *sorted((POLICY, "Simple"))] == policy.requests["Simple"] == 3
    assert seen["tierway_cost_usd_total", POLICY] == pytest.approx(policy.cost * PICO)
    assert seen["tierway_fallbacks_total", POLICY] == policy.fallbacks == 1
    assert seen["tierway_endpoint_cost_usd_total", *labels] == pytest.approx(first.cost * PICO)
    assert seen["gen_ai_client_token_usage_total", *sorted((*labels, "output"))] == first.output_tokens
    assert seen["tierway_attempts_total", *sorted((*labels, "RateLimited"))] == first.errors["RateLimited"] == 1
    assert seen["gen_ai_server_time_to_first_token_seconds_count", *labels] == sum(first.ttft["1K"].values()) == 1


async def test_a_models_name_with_slashes_is_one_label(start, sdk, front):
    """`Qwen/Qwen3:8b` is how many servers call it; the labels hold it whole, and no series comes twice."""
    named = [tier(front.url, name=name) for name in ("Qwen/Qwen3:8b", "Qwen/Qwen3:14b/chat")]
    client = await sdk(proxy := await start(chain(*named)))
    for each in ("llm/first", "llm/second"):
        await answer(client, extra_body={"model": each})
    _, text = await proxy.get("/metrics")
    found = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    attempts = [sample.labels for sample in found if sample.name == "tierway_attempts_total"]
    assert [(each["tier"], each["gen_ai_request_model"], each["gen_ai_provider_name"]) for each in attempts] == [
        ("first", "Qwen/Qwen3:8b", "sim"),
        ("second", "Qwen/Qwen3:14b/chat", "sim"),
    ]
    series = [(sample.name, *sample.labels.items()) for sample in found]
    assert len(series) == len(set(series))


async def test_metrics_are_there_before_any_traffic(proxy):
    """Which tables are served, and that none was refused."""
    seen = await samples(proxy)
    assert seen["tierway_requests_in_flight",] == 0
    assert seen["tierway_table_refused", POLICY] == 0
    assert any(name == "tierway_table_info" for name, *_ in seen)


async def test_metrics_say_which_version_runs(proxy, capsys):
    """The one that `tierway version` prints: during an upgrade both are there, and a graph can tell them apart."""
    version.run(Namespace())
    printed = capsys.readouterr().out.strip()
    assert (await samples(proxy))["tierway_build_info", printed] == 1


async def test_cost_and_baseline_are_told_apart(start, sdk, front, back):
    """Savings are what the baseline model would have cost less what was spent, abandoned attempts too."""
    dear = tier(back.url, price={"input": 100_000, "cached_input": 100_000, "output": 300_000})
    baseline = {"tier": "llm/second", "model": "qwen3-8b"}
    proxy = await start(chain(front.url, dear, baseline=baseline))
    await answer(await sdk(proxy))
    policy = (await proxy.counted()).policies[POLICY]
    assert policy.cost > 0
    assert policy.baseline_cost == policy.cost * 10


async def _logged(capsys, lines=2):
    """So many lines, once they were written: they are gathered for a moment."""
    out = ""
    async with asyncio.timeout(5):
        while out.count("\n") < lines:
            await asyncio.sleep(0.01)
            out += capsys.readouterr().out
    return out.splitlines()


async def test_each_request_leaves_one_line_of_json_with_its_id(start, sdk, front, back, capsys):
    """And no word of the prompt, nor of the answer."""
    front.set_fault("forbidden")
    proxy = await start(chain(front.url, back.url), access_log=True)
    client = await sdk(proxy)
    text, _ = await answer(client, stream=True, extra_headers={"X-Request-Id": "r-1"})
    with pytest.raises(Exception, match="does not exist"):
        await client.chat.completions.create(**{**ASK, "model": "gpt-9"}, extra_headers={"X-Request-Id": "r-2"})
    lines = await _logged(capsys)
    first, second = (json.loads(line) for line in lines)
    assert (first["request_id"], first["outcome"], first["status"], first["policy"]) == ("r-1", "Answered", 200, POLICY)
    assert [each["endpoint"] for each in first["attempts"]] == [key("first"), key("second")]
    assert [(each["failed"], each["status"]) for each in first["attempts"]] == [("Misconfigured", 403), (None, None)]
    assert (second["request_id"], second["outcome"], second["status"]) == ("r-2", "Rejected", 404)
    assert (first["level"], second["level"]) == ("info", "info")
    assert "refunds" not in "".join(lines)
    assert text[:20] not in "".join(lines)


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (request({}, path="/v9/chat/completions"), "unknown_url"),
        (request({}, path="/llm/nowhere/v1/chat/completions"), "policy_not_found"),
        (request({}), "default_policy_missing"),
        (request({}, path="/llm/default/v1/models"), "method_not_allowed"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: abc\r\n\r\n", "invalid_http"),
    ],
    ids=["path", "policy", "default", "method", "head"],
)
async def test_what_no_policy_answers_for_is_logged_and_counted(start, front, capsys, sent, code):
    """Else a caller with a wrong address, or an outage of the default policy, is nowhere to be seen."""
    proxy = await start(chain(front.url), access_log=True, default_policy="llm/later")
    async with connected(proxy.url) as (reader, writer):
        writer.write(sent)
        await ended(reader)
    (line,) = map(json.loads, await _logged(capsys, lines=1))
    assert (line["policy"], line["reason"]) == (None, code)
    assert line["outcome"] == ("Failed" if line["status"] == 503 else "Rejected")
    assert (await samples(proxy))["tierway_unrouted_requests_total", code] == 1
    assert (await proxy.observations()).days == {}


@pytest.mark.parametrize("body", [b"{", b'{"model": "auto"}', b'{"model": "gpt-9", "messages": [{}]}'])
async def test_what_the_proxy_refuses_is_counted_as_refused(proxy, body):
    """Outcomes add up to all requests of a policy, those that could not be read among them."""
    await ask(proxy, body)
    assert (await proxy.counted()).policies[POLICY].outcomes == {"Rejected": 1}


async def test_a_request_that_nobody_could_answer_is_a_warning(start, front, capsys):
    """Among lines that are all of one level the one that matters is not found."""
    front.set_fault("forbidden")
    await ask(await start(chain(front.url), access_log=True), ASK)
    (line,) = map(json.loads, await _logged(capsys, lines=1))
    assert (line["outcome"], line["level"]) == ("Failed", "warning")


async def test_a_breaker_that_opens_and_closes_is_in_the_log(start, front, back, caplog):
    """Who, why and for how long: what a person asks when a provider is suddenly left out."""
    caplog.set_level(logging.INFO, "tierway_proxy.shell.breakers")
    front.set_fault("forbidden", count=FAILURES_TO_OPEN)
    proxy = await start(chain(front.url, back.url))
    for _ in range(FAILURES_TO_OPEN):
        await ask(proxy, ASK)
    await ask(proxy, {**ASK, "model": "first"})
    lines = [json.loads(JSONFormatter().format(each)) for each in caplog.records if "breaker" in each.message]
    who = {"tier": "llm/first", "model": MODEL, "provider": "sim"}
    assert [{key: line[key] for key in who} for line in lines] == [who, who]
    opened, closed = lines
    assert (opened["level"], opened["reason"], opened["status"], opened["failures"], opened["seconds"]) == (
        "warning", "Misconfigured", 403, FAILURES_TO_OPEN, FIRST_OPEN_SECONDS,
    )  # fmt: skip
    assert closed["message"].startswith("breaker closed")
    assert 0 <= closed["open_seconds"] < 5
