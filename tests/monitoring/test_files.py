"""The dashboard, the rules and their pages agree with each other and with the code."""

import json
import re
from itertools import combinations, pairwise

import pytest
import yaml

from monitoring import ALERTS, DASHBOARD, METRICS, ROOT, RULES, SOURCE
from monitoring.grafana import text
from monitoring.metric_tables import with_tables
from tests.monitoring.prometheus import alerts, dashboard_queries

AGAIN = "run .venv/bin/python -m monitoring"
PANELS = json.loads(DASHBOARD.read_text())["panels"]
DRAWN = [each for each in PANELS if each["type"] != "row"]
NAME = re.compile(r"\b(?:tierway|gen_ai|process)_[a-z_0-9]+\b")
LABELS = {
    "tier_namespace", "gen_ai_request_model", "gen_ai_provider_name", "gen_ai_token_type", "default_policy_missing",
}  # fmt: skip
RULE = [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
RECORDED = {rule["record"] for rule in RULE if "record" in rule}


def test_the_dashboard_is_what_its_source_makes():
    """Nobody edits the JSON."""
    assert DASHBOARD.read_text() == text(), AGAIN


def test_the_tables_of_metrics_are_what_the_programs_say():
    """A metric that is added, renamed or dropped is so on its page."""
    assert METRICS.read_text() == with_tables(METRICS.read_text()), AGAIN


def test_the_page_names_every_reason_that_an_attempt_may_fail_for():
    """They are label values; whoever writes a query looks them up."""
    core = (ROOT / "proxy/tierway_proxy/core").rglob("*.py")
    reasons = {each for file in core for each in re.findall(r'(?:Failure\(|reason = )"([A-Za-z]+)"', file.read_text())}
    said = set(re.findall(r"\b[A-Z][A-Za-z]+\b", METRICS.read_text()))
    assert len(reasons) > 15
    assert reasons - said == set()


def test_each_panel_says_what_it_shows_and_in_which_unit():
    """A figure without a unit is a riddle."""
    assert len(DRAWN) > 30
    for panel in DRAWN:
        assert panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert {each["datasource"]["uid"] for each in panel["targets"]} == {"${datasource}"}, panel["title"]


def test_panels_have_numbers_and_places_of_their_own():
    """Grafana draws what overlaps on top of each other, and confuses equal numbers."""
    assert len({each["id"] for each in PANELS}) == len(PANELS)
    cells = [_cells(each["gridPos"]) for each in PANELS]
    assert all(place["x"] + place["w"] <= 24 for place in (each["gridPos"] for each in PANELS))
    assert not [pair for pair in combinations(cells, 2) if pair[0] & pair[1]]
    assert all(before["gridPos"]["y"] <= after["gridPos"]["y"] for before, after in pairwise(PANELS))


def _cells(place):
    return {
        (x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])
    }


def test_no_query_is_asked_twice():
    """Of two panels with one query one is forgotten when it changes."""
    queries = [each.expression for each in dashboard_queries()]
    assert len(set(queries)) == len(queries)


def test_every_query_asks_for_the_chosen_release():
    """Two releases in one Prometheus are not mixed up."""
    chosen = re.compile(r'(:\w+)?\{namespace=~"\$namespace", release=~"\$release"')
    for expression in [target["expr"] for panel in DRAWN for target in panel["targets"]]:
        names = [each for each in NAME.finditer(expression) if each[0] not in LABELS]
        assert names
        assert [each[0] for each in names if not chosen.match(expression, each.end())] == []


@pytest.mark.parametrize("file", [SOURCE, RULES], ids=lambda each: each.name)
def test_queries_name_only_metrics_that_there_are(file):
    """A misspelt metric is a panel that is always empty, and an alert that never fires."""
    asked = {re.sub(r"_(bucket|count|sum)$", "", name) for name in NAME.findall(file.read_text())} - LABELS
    there = set(re.findall(r"`([a-z_0-9]+)`", METRICS.read_text())) | set(NAME.findall(" ".join(RECORDED)))
    assert len(asked) > 10
    assert asked - there - {"process_resident_memory_bytes", "process_cpu_seconds_total"} == set()


@pytest.mark.parametrize("alert", alerts(), ids=lambda each: each["alert"])
def test_each_alert_says_what_happened_and_leads_to_its_steps(alert):
    """At three in the morning nobody searches."""
    said = alert["annotations"]
    assert alert["labels"]["severity"] in ("critical", "warning")
    assert 100 < len(said["description"]) < 600
    assert len(said["summary"]) < 120
    assert said["runbook_url"].endswith(f"/docs/alerts.md#{alert['alert'].lower()}")
    _, _, steps = ALERTS.read_text().partition(f"\n## {alert['alert']}\n")
    assert re.search(r"^1\. ", steps.partition("\n## ")[0], re.MULTILINE), (
        f"no steps for {alert['alert']} in docs/alerts.md"
    )


def test_the_page_of_alerts_has_none_that_there_is_not():
    """An alert that is renamed takes its steps along."""
    assert re.findall(r"^## (\w+)$", ALERTS.read_text(), re.MULTILINE) == [
        each["alert"] for each in sorted(alerts(), key=lambda each: _place(each["alert"]))
    ]


def _place(name):
    return ALERTS.read_text().find(f"\n## {name}\n")


def test_the_page_of_alerts_names_only_panels_that_there_are():
    """*Like this* it points to them."""
    named = set(re.findall(r"(?<![*\w])\*([A-Z][^*]+)\*", ALERTS.read_text()))
    descriptions = " ".join(each["annotations"]["description"] for each in alerts())
    in_alerts = set(re.findall(r'"([A-Z][^"]+)"', descriptions))
    titles = {each["title"] for each in PANELS}
    assert len(named) > 5
    assert {each.replace("\n", " ") for each in named | in_alerts - {"Usual"}} - titles == set()
