"""The alerts by Prometheus's own tool: what makes each fire, what does not, and how it reads when it does."""

import re
from pathlib import Path

import pytest
import yaml

from monitoring import RULES
from tests.monitoring.prometheus import alerts, promtool

HERE = Path(__file__).parent / "rules"
FILES = sorted(HERE.glob("*.yaml"))
CASES = [
    (file, test, asked)
    for file in FILES
    for test in yaml.safe_load(file.read_text())["tests"]
    for asked in test["promql_expr_test"]
]


def test_the_rules_are_rules():
    """Names, expressions and templates."""
    status, said = promtool("check", "rules", "--lint=all", "--lint-fatal", str(RULES))
    assert status == 0, said


@pytest.mark.parametrize("file", FILES, ids=lambda each: each.stem)
def test_alerts_fire_when_they_should_and_only_then(file):
    """Each file says over which figures."""
    status, said = promtool("test", "rules", file.name, cwd=HERE)
    assert status == 0, said


@pytest.mark.parametrize("alert", [each["alert"] for each in alerts()])
def test_each_alert_is_seen_firing_and_silent(alert):
    """One that cannot fire protects nobody, one that always does is turned off."""
    seen = {bool(asked.get("exp_samples")) for _, _, asked in CASES if f'alertname="{alert}"' in asked["expr"]}
    assert seen == {True, False}


@pytest.mark.parametrize("file", FILES, ids=lambda each: each.stem)
def test_each_alert_reads_well_when_it_fires(file, tmp_path):
    """No template fails: promtool shows the text when none is expected."""
    document = yaml.safe_load(file.read_text())
    document["rule_files"] = [str(RULES)]
    for test in document["tests"]:
        test["alert_rule_test"] = [
            {"eval_time": asked["eval_time"], "alertname": re.search('alertname="(.*?)"', asked["expr"])[1]}
            for asked in test.pop("promql_expr_test")
            if asked.get("exp_samples")
        ]
    expected = [each["alertname"] for test in document["tests"] for each in test["alert_rule_test"]]
    (tmp_path / "shown.yaml").write_text(yaml.safe_dump(document))
    _, said = promtool("test", "rules", str(tmp_path / "shown.yaml"))
    shown = re.findall(r'Annotations:\{(description="(?:[^"\\]|\\.)*".*?runbook_url=.*?)\}', said)
    assert len(shown) >= len(expected) > 0, said
    for text in shown:
        assert not re.search(r"<error|<no value>|%!", text), text


@pytest.mark.parametrize("alert", alerts(), ids=lambda each: each["alert"])
def test_each_alert_speaks_only_of_labels_that_it_has(alert):
    """A label that is not there is an empty word."""
    used = set(re.findall(r"\$labels\.(\w+)", " ".join(alert["annotations"].values())))
    fired = [
        set(re.findall(r'(\w+)="', sample["labels"]))
        for _, _, asked in CASES if f'alertname="{alert["alert"]}"' in asked["expr"]
        for sample in asked.get("exp_samples", ())
    ]  # fmt: skip
    assert all(used <= labels for labels in fired)
