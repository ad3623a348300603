"""A real Prometheus that scrapes real proxies and the operator's loop, while callers call and providers fail."""

import asyncio
import json
import re
from dataclasses import dataclass

import aiohttp
import pytest
import pytest_asyncio

from monitoring import DASHBOARD
from tests.monitoring.prometheus import (
    Prometheus,
    alerts,
    dashboard_queries,
    filled,
    needed,
    prometheus,
    promtool,
    static,
)
from tests.monitoring.scene import PROXIES, Scene, playing

pytestmark = pytest.mark.asyncio(loop_scope="module")
SECONDS = 60.0
NAMELESS = {"Requests by caller", "Spend by caller"}
"""On a folder nobody proves who they are. On real pods these are asked too: tests/e2e/test_monitoring.py."""


@dataclass(frozen=True)
class Played:
    """`statuses`: what the callers of policies got."""

    scene: Scene
    prometheus: Prometheus
    session: aiohttp.ClientSession
    statuses: list[int]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def played(tmp_path_factory):
    """Good times, one provider dead, both dead, good again; and a caller with a wrong path."""
    needed("prometheus")
    work, own = tmp_path_factory.mktemp("scene"), tmp_path_factory.mktemp("prometheus")
    async with (
        playing(work) as scene,
        prometheus(own, static(scene.targets())) as found,
        aiohttp.ClientSession() as session,
    ):
        statuses = await scene.ask(session, 48)
        scene.providers[0].fail()
        statuses += await scene.ask(session, 48)
        scene.providers[1].fail()
        statuses += await scene.ask(session, 12)
        for each in scene.providers:
            each.recover()
        statuses += await scene.ask(session, 24)
        async with session.post(f"{scene.proxies[0]}/v1/nothing", json={}) as answer:
            assert answer.status == 404
        yield Played(scene, found, session, statuses)


async def test_every_query_of_the_dashboard_has_an_answer(played):
    """No panel is empty on a release that has had traffic and trouble."""
    queries = [each for each in dashboard_queries() if each.panel not in NAMELESS]
    assert len(queries) > 40
    await played.prometheus.answers(queries, SECONDS)


async def test_the_choices_of_the_dashboard_are_there(played):
    """Grafana asks for the series, and offers the values of their label."""
    variables = json.loads(DASHBOARD.read_text())["templating"]["list"]
    asked = [
        re.fullmatch(r"label_values\((.*), (\w+)\)", each["definition"]) for each in variables if "definition" in each
    ]
    offered = {}
    for selector, label in (each.groups() for each in asked):
        series = await played.prometheus.api("series", **{"match[]": filled(selector)})
        offered[label] = {each[label] for each in series}
    assert offered == {
        "namespace": {"llm"},
        "release": {"tierway"},
        "policy": {"llm/default", "llm/legal-finance"},
    }


async def test_every_rule_is_evaluated_without_an_error(played):
    """Alerts and recording rules, over the series that there really are."""
    rules = [rule for group in (await played.prometheus.api("rules"))["groups"] for rule in group["rules"]]
    assert {rule["name"] for rule in rules if rule["type"] == "alerting"} == {each["alert"] for each in alerts()}
    async with asyncio.timeout(SECONDS):
        while any(rule["health"] == "unknown" for rule in rules):
            await asyncio.sleep(0.2)
            rules = [rule for group in (await played.prometheus.api("rules"))["groups"] for rule in group["rules"]]
    assert [(rule["name"], rule.get("lastError")) for rule in rules if rule["health"] != "ok"] == []


async def test_prometheus_counts_what_the_callers_saw(played):
    """Requests, failures, answers, and that some were saved by another candidate."""
    statuses = played.statuses

    async def total(metric):
        return sum((await played.prometheus.values(f"sum({metric})")).values())

    async with asyncio.timeout(SECONDS):
        while await total("tierway_request_outcomes_total") < len(statuses):  # noqa: ASYNC110
            await asyncio.sleep(0.2)
    assert await total("tierway_request_outcomes_total") == len(statuses)
    assert await total('tierway_attempts_total{reason=""}') == statuses.count(200) > 100
    assert await total("tierway_failed_requests_total") == len([each for each in statuses if each >= 500]) > 0
    assert await total("tierway_fallbacks_total") > 5
    assert await total('tierway_unrouted_requests_total{code="unknown_url"}') == 1
    assert await total("tierway_ready") == await total("tierway_operator_heard_proxies") == PROXIES


async def test_the_pages_are_as_prometheus_wants_them(played):
    """Units, suffixes, help texts: promtool has nothing to say."""
    for address in (*played.scene.admin, played.scene.operator):
        async with played.session.get(f"http://{address}/metrics") as answer:
            status, said = promtool("check", "metrics", given=await answer.text())
        assert (status, said) == (0, ""), address
