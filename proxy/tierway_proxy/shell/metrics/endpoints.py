"""What attempts came to, by endpoint: a model at a provider of a tier; and the limits that it must hold."""

from collections.abc import Collection, Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from tierway_proxy.core.catalog import Candidate, Place, place
from tierway_proxy.core.counters import EndpointTotals
from tierway_proxy.shell.metrics import buckets
from tierway_proxy.shell.metrics.policies import FIRST_TOKEN_BOUNDS, PICO

_ENDPOINT = ("tier_namespace", "tier", "gen_ai_request_model", "gen_ai_provider_name")
# OpenTelemetry's advice for an operation's duration
_DURATION_BOUNDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
# and for a time per output token, with more bounds between 25 and 200 tokens a second
_PER_TOKEN_BOUNDS = (
    *(0.005, 0.0075, 0.01, 0.0125, 0.015, 0.0175, 0.02, 0.025, 0.03, 0.04, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5),
    *(0.75, 1.0, 2.5),
)
_Totals = Mapping[Place, EndpointTotals]


def by_place(totals: Mapping[str, EndpointTotals]) -> _Totals:
    return {place(key): counts for key, counts in totals.items()}


def endpoints(totals: _Totals) -> Iterator[Metric]:
    yield from _attempts(totals)
    yield from _money_and_tokens(totals)
    yield from _times(totals)


def limits(candidates: Collection[Candidate]) -> Iterator[Metric]:
    """What is in force now, by the tables and states that are served. A limit that is not set has no series."""
    first = GaugeMetricFamily(
        "tierway_time_to_first_token_limit_seconds",
        "The longest time to a first content token that is within the limit, without what input tokens add to it.",
        labels=_ENDPOINT,
    )
    speed = GaugeMetricFamily(
        "tierway_output_tokens_per_second_limit",
        "The fewest output tokens a second within the limit.",
        labels=_ENDPOINT,
    )
    for each in candidates:
        if each.max_ttft_ms is not None:
            first.add_metric(place(each.key), each.max_ttft_ms / 1000)
        if each.min_output_tokens_per_second is not None:
            speed.add_metric(place(each.key), each.min_output_tokens_per_second)
    yield from (first, speed)


def breakers(candidates: Collection[Candidate], open_ones: Collection[str]) -> Metric:
    family = GaugeMetricFamily(
        "tierway_breaker_open", "1: it failed so often in a row that it is tried last.", labels=_ENDPOINT
    )
    for each in candidates:
        family.add_metric(place(each.key), float(each.key in open_ones))
    return family


def _attempts(totals: _Totals) -> Iterator[Metric]:
    attempts = CounterMetricFamily(
        "tierway_attempts", "Attempts; reason is empty for those that answered.", labels=(*_ENDPOINT, "reason")
    )
    followed = CounterMetricFamily(
        "tierway_attempt_fallbacks",
        "Failed attempts that another candidate followed, by the reason of the failure.",
        labels=(*_ENDPOINT, "reason"),
    )
    late = CounterMetricFamily(
        "tierway_late_first_tokens",
        "Attempts whose first content token came later than its limit, those that were cut for it too.",
        labels=_ENDPOINT,
    )
    for labels, counts in totals.items():
        for reason, count in (("", counts.committed), *counts.errors.items()):
            attempts.add_metric((*labels, reason), count)
        for reason, count in counts.fallbacks.items():
            followed.add_metric((*labels, reason), count)
        late.add_metric(labels, counts.breaches)
    yield from (attempts, followed, late)


def _money_and_tokens(totals: _Totals) -> Iterator[Metric]:
    cost = CounterMetricFamily("tierway_endpoint_cost_usd", "Money spent at an endpoint.", labels=_ENDPOINT)
    abandoned = CounterMetricFamily(
        "tierway_abandoned_cost_usd", "The part of it that bought no answer.", labels=_ENDPOINT
    )
    tokens = CounterMetricFamily("gen_ai_client_token_usage", "Tokens used.", labels=(*_ENDPOINT, "gen_ai_token_type"))
    for labels, counts in totals.items():
        cost.add_metric(labels, counts.cost * PICO)
        abandoned.add_metric(labels, counts.abandoned_cost * PICO)
        tokens.add_metric((*labels, "input"), counts.input_tokens)
        tokens.add_metric((*labels, "output"), counts.output_tokens)
    yield from (cost, abandoned, tokens)


def _times(totals: _Totals) -> Iterator[Metric]:
    first = _histogram("gen_ai_server_time_to_first_token", "From sending an attempt to its first content token.")
    each = _histogram("gen_ai_server_time_per_output_token", "Between output tokens, the first one left out.")
    duration = _histogram("gen_ai_client_operation_duration", "From request to last byte.")
    for labels, counts in totals.items():
        buckets.add(first, labels, buckets.seconds(counts.ttft.values()), FIRST_TOKEN_BOUNDS)
        buckets.add(each, labels, buckets.seconds_per([counts.output_tokens_per_second]), _PER_TOKEN_BOUNDS)
        buckets.add(duration, labels, buckets.seconds([counts.ttlt]), _DURATION_BOUNDS)
    yield from (first, each, duration)


def _histogram(name: str, says: str) -> HistogramMetricFamily:
    return HistogramMetricFamily(f"{name}_seconds", says, labels=_ENDPOINT)
