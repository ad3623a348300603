"""Tables as kubectl prints them. The long texts were printed by kubectl 1.37 for the same objects."""

from datetime import UTC, datetime

import pytest

from tierway_cli.table import age, aligned, at, cell, kind_of, table
from tierway_operator.crds import committed_crds

KINDS = {each.kind: each for each in map(kind_of, committed_crds())}
NOW = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)

SERVED = {
    "metadata": {"name": "ultra-budget", "namespace": "llm", "creationTimestamp": "2026-11-24T12:00:00Z"},
    "status": {
        "conditions": [
            {"type": "Ready", "status": "True", "reason": "Ready"},
            {"type": "Available", "status": "Unknown", "reason": "NoTraffic"},
        ],
        "today": {"requests": 7, "outputTokens": 12},
        "summary": {
            "models": "2/2", "ttftP95": "≥160ms", "limit": "160ms", "tokensPerSecond": "72", "errors": "0.4%",
            "costToday": "0.24",
        },
    },
}  # fmt: skip
NEW = {"metadata": {"name": "b", "namespace": "llm", "creationTimestamp": "2026-11-24T12:00:00Z"}}
POLICY = {
    "metadata": {"name": "default", "namespace": "shared", "creationTimestamp": "2026-11-24T12:00:00Z"},
    "status": {
        "conditions": [{"type": "Ready", "status": "True"}],
        "summary": {"requests": "12.4k", "spendToday": "1.02", "saved": "81%", "programmed": "2/2"},
    },
}

NARROW = """\
NAME           MODELS   TTFT-P95   LIMIT   TOK/S   ERRORS   COST-TODAY   READY   AGE
b                                                                                0s
ultra-budget   2/2      ≥160ms     160ms   72      0.4%     0.24         True    0s
"""
WIDE = (
    "NAME           MODELS   TTFT-P95   LIMIT   TOK/S   ERRORS   COST-TODAY   READY   AGE   ATTEMPTS   OUTPUT-TOKENS   "
    "AVAILABLE   WITHIN-LIMITS   REASON\n"
    "b                                                                                0s                             "
    "                              \n"
    "ultra-budget   2/2      ≥160ms     160ms   72      0.4%     0.24         True    0s    7          12              "
    "Unknown                     Ready\n"
)
OF_ALL = """\
NAMESPACE   NAME                                REQUESTS   SPEND   SAVED   PROGRAMMED   READY   AGE
shared      routingpolicy.tierway.dev/default   12.4k      1.02    81%     2/2          True    0s
"""


def test_columns_and_spacing_are_kubectls():
    """Byte for byte: three blanks, a missing figure is blank, the last column is not padded."""
    assert table(KINDS["ModelTier"], [NEW, SERVED], NOW) == NARROW


def test_wide_columns_show_on_demand():
    """`-o wide`."""
    assert table(KINDS["ModelTier"], [NEW, SERVED], NOW, wide=True) == WIDE


def test_several_kinds_and_namespaces_are_told_apart():
    """As `kubectl get modeltiers,routingpolicies -A` does."""
    assert table(KINDS["RoutingPolicy"], [POLICY], NOW, with_kind=True, with_namespace=True) == OF_ALL


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "<invalid>"), (-0.5, "0s"), (0, "0s"), (119, "119s"), (120, "2m"), (150, "2m30s"), (600, "10m"),
        (10_799, "179m"), (10_800, "3h"), (18_720, "5h12m"), (28_800, "8h"), (172_799, "47h"), (172_800, "2d"),
        (273_600, "3d4h"), (691_200, "8d"), (63_071_999, "729d"), (63_072_000, "2y"), (64_540_800, "2y17d"),
        (252_288_000, "8y"),
    ],
)  # fmt: skip
def test_ages_are_kubectls(seconds, text):
    """One or two units, fewer with age."""
    assert age(seconds) == text


def test_a_path_finds_the_first_of_what_it_names():
    """Fields, and a filter by one field."""
    found = {"status": {"conditions": [{"type": "A", "status": "no"}, {"type": "Ready", "status": "yes"}]}}
    assert at(found, '.status.conditions[?(@.type=="Ready")].status') == "yes"
    assert at(found, '.status.conditions[?(@.type=="B")].status') is None
    assert at(found, ".status.missing.deeper") is None
    assert at({}, '.status.conditions[?(@.type=="Ready")].status') is None


def test_every_committed_column_is_one_that_we_can_print():
    """A path that our evaluator reads only in part would print another field."""
    for kind in KINDS.values():
        for column in kind.wide:
            fields = {"status": {"summary": {}, "today": {}, "conditions": []}, "metadata": {}}
            assert cell(fields, column, NOW) == ""
            assert column.type in {"string", "integer", "date"}
            assert column.path.count("[?(") == column.path.count("[?(@.type==")


def test_short_columns_are_six_wide():
    """The least that kubectl makes of a column."""
    assert aligned([["A", "B"], ["x", "y"]]) == "A     B\nx     y\n"
