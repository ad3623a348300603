"""What became of requests, by policy."""

from collections.abc import Collection, Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric

from tierway_proxy.contract.base import CLASSES
from tierway_proxy.core.counters import Failed, PolicyTotals
from tierway_proxy.core.ledger import OUTCOMES
from tierway_proxy.shell.metrics import buckets

PICO = 1e-12
# OpenTelemetry's advice for a time to first token, with more bounds where limits usually are
FIRST_TOKEN_BOUNDS = (
    *(0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.12, 0.14, 0.16, 0.18, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6),
    *(0.75, 1.0, 1.5, 2.5, 5.0, 7.5, 10.0),
)


def policies(
    totals: Mapping[str, PolicyTotals], failed: Mapping[Failed, int], compared: Collection[str]
) -> Iterator[Metric]:
    """`compared`: the policies that have a baseline; any other has nothing that it saved of."""
    yield from _requests(totals, failed)
    yield from _money(totals, compared)
    first = HistogramMetricFamily(
        "tierway_first_token_seconds", "From request to first content token, fallbacks included.", labels=("policy",)
    )
    for policy, counts in totals.items():
        buckets.add(first, (policy,), buckets.seconds([counts.first_token]), FIRST_TOKEN_BOUNDS)
    yield first


def _requests(totals: Mapping[str, PolicyTotals], failures: Mapping[Failed, int]) -> Iterator[Metric]:
    requests = CounterMetricFamily(
        "tierway_requests", "Requests, by class; Pinned named a tier or model.", labels=("policy", "class")
    )
    outcomes = CounterMetricFamily(
        "tierway_request_outcomes", "Requests, by how they ended.", labels=("policy", "outcome")
    )
    fallbacks = CounterMetricFamily(
        "tierway_fallbacks", "Requests that a later candidate than the first answered.", labels=("policy",)
    )
    shed = CounterMetricFamily(
        "tierway_shed_requests", "Requests refused because no candidate could take them.", labels=("policy",)
    )
    failed = CounterMetricFamily(
        "tierway_failed_requests",
        "Requests that Failed or were Cut, by class and the status that the caller got; 502 when the answer was cut.",
        labels=("policy", "class", "status"),
    )
    for policy, counts in totals.items():
        for klass in CLASSES:
            requests.add_metric((policy, klass), counts.requests[klass])
        requests.add_metric((policy, "Pinned"), counts.pinned)
        for outcome in OUTCOMES:
            outcomes.add_metric((policy, outcome), counts.outcomes[outcome])
        fallbacks.add_metric((policy,), counts.fallbacks)
        shed.add_metric((policy,), counts.shed)
    for each, count in failures.items():
        failed.add_metric((each.policy, each.klass, str(each.status)), count)
    yield from (requests, outcomes, fallbacks, shed, failed)


def _money(totals: Mapping[str, PolicyTotals], compared: Collection[str]) -> Iterator[Metric]:
    cost = CounterMetricFamily("tierway_cost_usd", "Money spent, abandoned attempts too.", labels=("policy",))
    baseline = CounterMetricFamily(
        "tierway_baseline_cost_usd",
        "What the baseline model would have cost, of policies that have a baseline.",
        labels=("policy",),
    )
    for policy, counts in totals.items():
        cost.add_metric((policy,), counts.cost * PICO)
        if counts.baseline_cost or policy in compared:
            baseline.add_metric((policy,), counts.baseline_cost * PICO)
    yield from (cost, baseline)
