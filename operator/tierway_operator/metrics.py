"""What the loop knows of policies, objects and proxies, for Prometheus: read from it when it is asked for.

How the loop itself fares is in `health`. Label values are names of objects and words of closed sets.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Protocol

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from tierway_operator.observing import Seen
from tierway_operator.reporting import Standing
from tierway_operator.store import Ref


class Loop(Protocol):
    """The part of the reconciler that is asked."""

    @property
    def seen(self) -> Seen: ...

    def standing(self) -> Mapping[str, Standing]: ...

    def statuses(self) -> Mapping[Ref, Mapping[str, Any]]: ...


class Metrics(Collector):
    def __init__(self, loop: Loop) -> None:
        self._loop = loop

    def collect(self) -> Iterator[Metric]:
        yield from _policies(self._loop.standing())
        yield _conditions(self._loop.statuses())
        yield from _proxies(self._loop.seen)


def _policies(standing: Mapping[str, Standing]) -> Iterator[Metric]:
    desired = GaugeMetricFamily(
        "tierway_operator_policy_desired_proxies", "Proxies that should serve the policy's table.", labels=("policy",)
    )
    programmed = GaugeMetricFamily(
        "tierway_operator_policy_programmed_proxies", "Those of them that have loaded it.", labels=("policy",)
    )
    pending = GaugeMetricFamily(
        "tierway_operator_policy_pending_seconds",
        "For how long some proxy has lacked the policy's table; 0: all have it.",
        labels=("policy",),
    )
    for policy, each in standing.items():
        desired.add_metric((policy,), each.desired)
        programmed.add_metric((policy,), each.programmed)
        pending.add_metric((policy,), each.pending)
    yield from (desired, programmed, pending)


def _conditions(statuses: Mapping[Ref, Mapping[str, Any]]) -> Metric:
    family = GaugeMetricFamily(
        "tierway_operator_condition_timestamp_seconds",
        "When each condition of an object took the status that it has.",
        labels=("kind", "object", "type", "status"),
    )
    for ref, status in statuses.items():
        for each in status.get("conditions", ()):
            since = datetime.fromisoformat(each["lastTransitionTime"]).timestamp()
            family.add_metric((ref.kind, f"{ref.namespace}/{ref.name}", each["type"], each["status"]), since)
    return family


def _proxies(seen: Seen) -> Iterator[Metric]:
    yield GaugeMetricFamily(
        "tierway_operator_known_proxies", "Proxies that have an address, leaving ones too.", value=len(seen.proxies)
    )
    yield GaugeMetricFamily(
        "tierway_operator_heard_proxies", "Those that answered in the last 30 seconds.", value=len(seen.loaded)
    )
    yield GaugeMetricFamily(
        "tierway_operator_incomplete_totals",
        "1: a proxy vanished before its last counts were read, so the day's totals may be short.",
        value=float(seen.incomplete_since is not None),
    )
