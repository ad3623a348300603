"""Everything that `/metrics` says of a proxy, as it is at the moment of asking."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from tierway_proxy.core.catalog import Candidate
from tierway_proxy.shell.metrics.callers import callers, checks
from tierway_proxy.shell.metrics.endpoints import breakers, by_place, endpoints, limits
from tierway_proxy.shell.metrics.policies import policies
from tierway_proxy.shell.serving import Serving


class Metrics(Collector):
    def __init__(self, serving: Serving) -> None:
        self._serving = serving

    def collect(self) -> Iterator[Metric]:
        totals, candidates = self._serving.counters.since_start(), self._candidates()
        # what is served counts from zero: a series that begins at its first event hides that event from rate()
        compared = {name for name, served in self._serving.tables.served.items() if served.table.baseline}
        for policy in self._serving.tables.served:
            _ = totals.policies[policy]
        for key in candidates:
            _ = totals.endpoints[key]
        yield from policies(totals.policies, self._serving.counters.failed, compared)
        yield from endpoints(by_place(totals.endpoints))
        yield from limits(candidates.values())
        yield breakers(candidates.values(), self._serving.health.open_breakers())
        yield from self._tables()
        yield from self._process()
        yield from callers(self._serving.callers)
        yield from checks(self._serving.gate)

    def _candidates(self) -> dict[str, Candidate]:
        """Every endpoint of every table; of one that is in several, what the first says."""
        found: dict[str, Candidate] = {}
        for policy in self._serving.tables.served:
            catalog = self._serving.catalog(policy)
            for each in catalog.everyone if catalog is not None else ():
                found.setdefault(each.key, each)
        return found

    def _process(self) -> Iterator[Metric]:
        serving = self._serving
        yield GaugeMetricFamily("tierway_ready", "1: it takes requests, as /readyz says.", value=float(serving.ready))
        yield GaugeMetricFamily("tierway_requests_in_flight", "Requests under way.", value=serving.in_flight)
        unrouted = CounterMetricFamily(
            "tierway_unrouted_requests", "Requests refused before a policy was found for them.", labels=("code",)
        )
        for code, count in serving.unrouted.items():
            unrouted.add_metric((code,), count)
        yield unrouted
        yield CounterMetricFamily(
            "tierway_internal_errors", "Requests that ended in a fault of the proxy, with 500.", value=serving.faults
        )
        recorded = CounterMetricFamily(
            "tierway_recorded_requests",
            "Requests sampled for labelling: written, or dropped by a full queue, a full directory, a failing disk.",
            labels=("policy", "outcome"),
        )
        for labels, count in serving.recorded.items():
            recorded.add_metric(labels, count)
        yield recorded

    def _tables(self) -> Iterator[Metric]:
        tables = self._serving.tables
        info = GaugeMetricFamily(
            "tierway_table_info", "Route tables served, by hash.", labels=("policy", "hash", "generation")
        )
        refused = GaugeMetricFamily(
            "tierway_table_refused", "1: a newer table was refused, the last good one serves.", labels=("policy",)
        )
        loaded = GaugeMetricFamily(
            "tierway_table_loaded_timestamp_seconds", "When the table or its state last changed.", labels=("policy",)
        )
        for table in tables.loaded():
            info.add_metric((table.policy, table.hash[:12], str(table.generation)), 1)
            refused.add_metric((table.policy,), float(table.refused is not None))
            if table.policy in tables.loaded_at:
                loaded.add_metric((table.policy,), tables.loaded_at[table.policy])
        yield from (info, refused, loaded)
        yield GaugeMetricFamily(
            "tierway_tables_confirmed_timestamp_seconds",
            "When whoever gives the tables last answered, so that none newer was missed; 0: it never did.",
            value=tables.contact.last_heard(),
        )
