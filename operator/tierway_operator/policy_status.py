"""The status of a RoutingPolicy, from what was compiled, loaded and counted. Pure.

Counts and money are of the UTC day, from the tally: requests by the class as which they were served.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tierway_operator.amounts import money, saved_percent, short_count, short_money, timestamp
from tierway_operator.compiler import PolicyResult
from tierway_operator.conditions import dated, ready
from tierway_operator.programmed import Progress
from tierway_operator.resources.status import (
    ClassifierStatus,
    PolicySummary,
    Proxies,
    RequestsByClass,
    RoutingPolicyStatus,
    Today,
)
from tierway_proxy.contract.observations import PolicyCounts
from tierway_proxy.contract.own_model import GENERAL
from tierway_proxy.contract.table import RouteTable


@dataclass(frozen=True)
class PolicyTotals:
    """Of one policy and day. `incomplete_since`: seconds since the epoch; None when nothing can be missing."""

    date: str
    counts: PolicyCounts
    incomplete_since: float | None = None


def policy_status(
    result: PolicyResult, progress: Progress, totals: PolicyTotals, before: Mapping[str, Any], now: float
) -> dict[str, Any]:
    """`before`: the status as it stands; `now`: seconds since the epoch."""
    verdicts = (*result.verdicts, progress.verdict)
    conditions = dated((ready(verdicts), *verdicts), before.get("conditions", ()), result.generation, timestamp(now))
    status = RoutingPolicyStatus(
        observed_generation=result.generation,
        programmed_generation=_programmed_generation(result, progress, before),
        table_hash=result.hash if result.table is not None else None,
        classifier=None if result.table is None else _classifier(result.table),
        proxies=Proxies(desired=progress.desired, programmed=progress.loaded),
        today=_today(result, totals),
        summary=_summary(progress, totals.counts),
    )
    return {"conditions": conditions, **status.model_dump(mode="json", by_alias=True, exclude_none=True)}


def _programmed_generation(result: PolicyResult, progress: Progress, before: Mapping[str, Any]) -> int | None:
    """Return the generation that every proxy has loaded; while they load a new one, it is the one before."""
    if progress.complete and result.table is not None and result.own:
        return result.table.generation
    known = before.get("programmedGeneration")
    return known if isinstance(known, int) else None


def _classifier(table: RouteTable) -> ClassifierStatus:
    """A model over other general weights than ours is in the table, and proxies of this release do not use it."""
    model, name = table.classifier.model, table.classifier.model_name
    if model is None or name is None or model.over != GENERAL:
        return ClassifierStatus(model="general")
    return ClassifierStatus(model=name, labels=model.labels)


def _today(result: PolicyResult, totals: PolicyTotals) -> Today:
    counts, compared = totals.counts, _is_compared(result, totals.counts)
    return Today(
        date=totals.date,
        requests=RequestsByClass(
            simple=counts.requests.get("Simple", 0),
            moderate=counts.requests.get("Moderate", 0),
            complex=counts.requests.get("Complex", 0),
            pinned=counts.pinned,
        ),
        cost=money(counts.cost),
        baseline_cost=money(counts.baseline_cost) if compared else None,
        saved_percent=saved_percent(counts.cost, counts.baseline_cost),
        fallbacks=counts.fallbacks,
        shed=counts.shed,
        incomplete_since=None if totals.incomplete_since is None else timestamp(totals.incomplete_since),
    )


def _is_compared(result: PolicyResult, counts: PolicyCounts) -> bool:
    return counts.baseline_cost > 0 or (result.table is not None and result.table.baseline is not None)


def _summary(progress: Progress, counts: PolicyCounts) -> PolicySummary:
    saved = saved_percent(counts.cost, counts.baseline_cost)
    return PolicySummary(
        requests=short_count(sum(counts.requests.values()) + counts.pinned),
        spend_today=short_money(counts.cost),
        saved=None if saved is None else f"{saved}%",
        programmed=f"{progress.loaded}/{progress.desired}",
    )
