"""What people and machines read of a proxy: one JSON line a request, and Prometheus metrics.

Metrics are a view of the same counters as `/observations`, made when they are asked for: the request path pays for
counting once. Names follow OpenTelemetry's GenAI semantic conventions where those have one (`gen_ai.*`).
"""

import json
import logging
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import BinaryIO

import orjson
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from tierway_proxy.contract.histogram import middle
from tierway_proxy.contract.observations import Histogram
from tierway_proxy.core.catalog import place
from tierway_proxy.core.counters import DayTotals, EndpointTotals
from tierway_proxy.core.ledger import Settlement
from tierway_proxy.shell.serving import Serving

PICO = 1e-12
_MOST_WAITING = 64
_TROUBLE = frozenset({"Failed", "Cut"})
"""Outcomes that were nobody's wish: not the caller's fault, and not their leaving."""
# OpenTelemetry's advice for gen_ai.server.time_to_first_token and gen_ai.client.operation.duration, in seconds
_TTFT_BOUNDS = (0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
_DURATION_BOUNDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
_ENDPOINT = ("tier_namespace", "tier", "gen_ai_request_model", "gen_ai_provider_name")


class JSONFormatter(logging.Formatter):
    """A log record as one JSON line, with whatever `extra` it carries."""

    _KNOWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

    def format(self, record: logging.LogRecord) -> str:
        line = {"time": _timestamp(record.created), "level": record.levelname.lower(), "message": record.getMessage()}
        line |= {key: value for key, value in vars(record).items() if key not in self._KNOWN}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


def log_json(level: int = logging.INFO) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JSONFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.getLogger("watchfiles").setLevel(logging.WARNING)  # it reports every change of a folder, ours included


def _timestamp(seconds: float) -> str:
    whole = int(seconds)
    return f"{_second(whole)}.{int((seconds - whole) * 1000):03d}Z"


@lru_cache(maxsize=4)
def _second(whole: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole))


class AccessLog:
    """One JSON line a request, gathered for a moment: `flush` is called by a timer of the shell.

    Lines are made when they are flushed: many in a row cost half of what each would between two requests.
    """

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._waiting: list[tuple[float, Settlement, str]] = []

    def write(self, request: Settlement, request_id: str) -> None:
        self._waiting.append((time.time(), request, request_id))
        if len(self._waiting) >= _MOST_WAITING:
            self.flush()

    def flush(self) -> None:
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            self._out.write(b"".join([_line(*each) for each in waiting]))
            self._out.flush()


def _line(now: float, request: Settlement, request_id: str) -> bytes:
    last = request.attempts[-1] if request.attempts else None
    line = {
        "time": _timestamp(now),
        "level": "warning" if request.outcome in _TROUBLE else "info",
        "message": "request",
        "request_id": request_id,
        "policy": request.policy or None,  # none: refused before one was found
        "class": request.klass,
        "outcome": request.outcome,
        "status": request.status,
        "duration_ms": round(request.duration * 1000, 1),
        "first_token_ms": None if request.first_token is None else round(request.first_token * 1000, 1),
        "input_tokens": last.usage.input if last else request.input_tokens,
        "output_tokens": last.usage.output if last else 0,
        "cost_usd": f"{request.cost * PICO:.9f}",
        "attempts": [_attempt(entry.candidate.key, entry.reason, entry.ttft) for entry in request.attempts],
        "reason": request.reason,
        "table": request.table[:12],
    }
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


def _attempt(key: str, reason: str | None, ttft: float | None) -> dict[str, str | float | None]:
    return {"endpoint": key, "failed": reason, "ttft_ms": None if ttft is None else round(ttft * 1000, 1)}


class Metrics(Collector):
    """`/metrics` from the counters, as they are at the moment of asking."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving

    def collect(self) -> Iterator[Metric]:
        totals = self._serving.counters.since_start()
        yield from _policies(totals)
        yield from _endpoints(totals)
        yield from self._process()

    def _process(self) -> Iterator[Metric]:
        yield GaugeMetricFamily("tierway_requests_in_flight", "Requests under way.", value=self._serving.in_flight)
        unrouted = CounterMetricFamily(
            "tierway_unrouted_requests", "Requests refused before a policy was found for them.", labels=("code",)
        )
        for code, count in self._serving.unrouted.items():
            unrouted.add_metric((code,), count)
        yield unrouted
        yield self._recorded()
        tables = GaugeMetricFamily(
            "tierway_table_info", "Route tables served, by hash.", labels=("policy", "hash", "generation")
        )
        refused = GaugeMetricFamily(
            "tierway_table_refused", "1: a newer table was refused, the last good one serves.", labels=("policy",)
        )
        for table in self._serving.tables.loaded():
            tables.add_metric((table.policy, table.hash[:12], str(table.generation)), 1)
            refused.add_metric((table.policy,), float(table.refused is not None))
        yield tables
        yield refused
        yield GaugeMetricFamily(
            "tierway_open_breakers", "Endpoints passed over for now.", value=len(self._serving.health.open_breakers())
        )

    def _recorded(self) -> Metric:
        recorded = CounterMetricFamily(
            "tierway_recorded_requests",
            "Requests sampled for labelling: written, or dropped by a full queue, a full directory, a failing disk.",
            labels=("policy", "outcome"),
        )
        for labels, count in self._serving.recorded.items():
            recorded.add_metric(labels, count)
        return recorded


def _policies(totals: DayTotals) -> Iterator[Metric]:
    requests = CounterMetricFamily(
        "tierway_requests", "Requests, by class; Pinned named a tier or model.", labels=("policy", "class")
    )
    outcomes = CounterMetricFamily(
        "tierway_request_outcomes", "Requests, by how they ended.", labels=("policy", "outcome")
    )
    cost = CounterMetricFamily("tierway_cost_usd", "Money spent, abandoned attempts too.", labels=("policy",))
    baseline = CounterMetricFamily(
        "tierway_baseline_cost_usd", "What the baseline model would have cost.", labels=("policy",)
    )
    fallbacks = CounterMetricFamily(
        "tierway_fallbacks", "Requests that a later candidate than the first answered.", labels=("policy",)
    )
    first = HistogramMetricFamily(
        "tierway_first_token_seconds", "From request to first content token, fallbacks included.", labels=("policy",)
    )
    for policy, counts in totals.policies.items():
        for klass, count in (*counts.requests.items(), ("Pinned", counts.pinned)):
            requests.add_metric((policy, klass), count)
        for outcome, count in counts.outcomes.items():
            outcomes.add_metric((policy, outcome), count)
        cost.add_metric((policy,), counts.cost * PICO)
        baseline.add_metric((policy,), counts.baseline_cost * PICO)
        fallbacks.add_metric((policy,), counts.fallbacks)
        _add(first, (policy,), [counts.first_token], _TTFT_BOUNDS, 1000)
    yield from (requests, outcomes, cost, baseline, fallbacks, first)


def _endpoints(totals: DayTotals) -> Iterator[Metric]:
    attempts = CounterMetricFamily(
        "tierway_attempts", "Attempts; reason is empty for those that answered.", labels=(*_ENDPOINT, "reason")
    )
    cost = CounterMetricFamily("tierway_endpoint_cost_usd", "Money spent at an endpoint.", labels=_ENDPOINT)
    tokens = CounterMetricFamily("gen_ai_client_token_usage", "Tokens used.", labels=(*_ENDPOINT, "gen_ai_token_type"))
    ttft = HistogramMetricFamily(
        "gen_ai_server_time_to_first_token_seconds",
        "From sending an attempt to its first content token.",
        labels=_ENDPOINT,
    )
    duration = HistogramMetricFamily(
        "gen_ai_client_operation_duration_seconds", "From request to last byte.", labels=_ENDPOINT
    )
    for key, counts in totals.endpoints.items():
        labels = place(key)
        for reason, count in (("", counts.committed), *counts.errors.items()):
            attempts.add_metric((*labels, reason), count)
        cost.add_metric(labels, counts.cost * PICO)
        _add_tokens(tokens, labels, counts)
        _add(ttft, labels, counts.ttft.values(), _TTFT_BOUNDS, 1000)
        _add(duration, labels, [counts.ttlt], _DURATION_BOUNDS, 1000)
    yield from (attempts, cost, tokens, ttft, duration)


def _add_tokens(family: CounterMetricFamily, labels: Sequence[str], counts: EndpointTotals) -> None:
    family.add_metric((*labels, "input"), counts.input_tokens)
    family.add_metric((*labels, "output"), counts.output_tokens)


def _add(
    family: HistogramMetricFamily,
    labels: Sequence[str],
    parts: Iterable[Histogram],
    bounds: tuple[float, ...],
    scale: float,
) -> None:
    """Our logarithmic buckets as Prometheus's: each sample counts at the value that stands for its bucket."""
    values = sorted((middle(index) / scale, count) for part in parts for index, count in part.items())
    buckets = [(f"{bound:g}", float(sum(count for value, count in values if value <= bound))) for bound in bounds]
    buckets.append(("+Inf", float(sum(count for _, count in values))))
    family.add_metric(labels, buckets, sum(value * count for value, count in values))
