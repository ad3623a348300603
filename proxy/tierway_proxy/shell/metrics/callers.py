"""Who calls, and how their keys were checked: all zero while nobody is asked who they are."""

from collections import Counter
from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, Metric

from tierway_proxy.core.caller_counts import CallerCounts
from tierway_proxy.shell.authentication.gate import OUTCOMES, REVIEWS, Gate
from tierway_proxy.shell.metrics.policies import PICO


def callers(counts: CallerCounts) -> Iterator[Metric]:
    requests = CounterMetricFamily(
        "tierway_caller_requests",
        "Requests that a policy was found for, by caller; of the first hundred callers by name.",
        labels=("policy", "caller"),
    )
    cost = CounterMetricFamily("tierway_caller_cost_usd", "Money that they spent.", labels=("policy", "caller"))
    for labels, spent in counts.by.items():
        requests.add_metric(labels, spent.requests)
        cost.add_metric(labels, spent.cost * PICO)
    yield from (requests, cost)


def checks(gate: Gate | None) -> Iterator[Metric]:
    found, asked = (Counter[str](), Counter[str]()) if gate is None else (gate.outcomes, gate.reviews)
    authentications = CounterMetricFamily(
        "tierway_authentications",
        "Requests by what was found of their key; Unavailable could not be checked and got 503.",
        labels=("outcome",),
    )
    reviews = CounterMetricFamily(
        "tierway_token_reviews",
        "TokenReviews asked of the Kubernetes API; Failed gave no verdict.",
        labels=("outcome",),
    )
    for outcome in OUTCOMES:
        authentications.add_metric((outcome,), found[outcome])
    for outcome in REVIEWS:
        reviews.add_metric((outcome,), asked[outcome])
    yield from (authentications, reviews)
