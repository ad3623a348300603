"""The status of a ModelTier, from what was compiled and what was counted. Pure.

Latency and speed are of the window; counts and money are of the UTC day, from the tally. What nobody observed is
absent, never zero.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from tierway_operator.amounts import money, per_million, percent, short_money, timestamp
from tierway_operator.compiler import TierResult
from tierway_operator.conditions import Verdict, dated, ready
from tierway_operator.counting import summed
from tierway_operator.observe import failures, first_tokens
from tierway_operator.resources.model import Limits, Model
from tierway_operator.resources.status import (
    Breaker,
    FirstToken,
    LastToken,
    ModelStatus,
    ModelTierStatus,
    OutputSpeed,
    TierSummary,
    TierToday,
)
from tierway_operator.traffic import Counts, available, breaker, within_thresholds
from tierway_proxy.contract.histogram import quantile
from tierway_proxy.contract.observations import EndpointCounts, Histogram

_OF_WINDOW = ("ttft", "outputTokensPerSecond", "ttlt")
_OF_WINDOW_IN_SUMMARY = ("ttftP95", "tokensPerSecond")


@dataclass(frozen=True)
class TierCounts:
    """Of one tier, by model: `window` and `today` (`date`). `covered`: the window was watched to its full length.

    `open_at`: each live proxy's open endpoints.
    """

    date: str
    window: Counts
    today: Counts
    covered: bool
    open_at: Sequence[AbstractSet[str]] = ()


def tier_status(
    tier: str, result: TierResult, counts: TierCounts, before: Mapping[str, Any], now: float
) -> dict[str, Any]:
    """`before`: the status as it stands; `now`: seconds since the epoch."""
    breakers = {
        each.name: breaker(tier, each.name, result.providers.get(each.name, ()), counts.open_at)
        for each in result.models
    }
    traffic: tuple[Verdict, ...] = (
        available(counts.window, breakers.values()),
        within_thresholds(result, counts.window),
    )
    figures = _figures(result, counts, breakers)
    if not counts.covered and not any(each.attempts for each in counts.window.values()):
        # an operator that has just started knows nothing yet of the last minutes: what was known stands
        traffic, figures = _still(before, traffic), _with_latency_of(before, figures)
    verdicts = (ready(result.verdicts), *result.verdicts, *traffic)
    conditions = dated(verdicts, before.get("conditions", ()), result.generation, timestamp(now))
    return {"conditions": conditions, "observedGeneration": result.generation, **figures}


def _figures(result: TierResult, counts: TierCounts, breakers: Mapping[str, Breaker | None]) -> dict[str, Any]:
    today = summed(counts.today.values())
    status = ModelTierStatus(
        models=tuple(_model(each, counts, breakers[each.name]) for each in result.models),
        today=TierToday(
            date=counts.date, requests=today.attempts, cost=money(today.cost), output_tokens=today.output_tokens
        ),
        summary=_summary(result, counts, today),
    )
    return status.model_dump(mode="json", by_alias=True, exclude_none=True)


def _model(model: Model, counts: TierCounts, state: Breaker | None) -> ModelStatus:
    window, today = counts.window.get(model.name, EndpointCounts()), counts.today.get(model.name, EndpointCounts())
    times = first_tokens(window, _limits(model))
    return ModelStatus(
        name=model.name,
        requests=today.attempts,
        errors=failures(today),
        fallbacks=sum(today.fallbacks.values()),
        ttft=None if times is None else FirstToken(
            p50_milliseconds=times.p50,
            p95_milliseconds=times.p95,
            p99_milliseconds=times.p99,
            censored_percent=times.censored_percent,
        ),
        output_tokens_per_second=_speed(window.output_tokens_per_second),
        ttlt=_last_token(window.ttlt),
        cost=money(today.cost),
        output_tokens=today.output_tokens,
        cost_per_million_output_tokens=per_million(today.cost, today.output_tokens),
        effective_limits=None if model.limits in (None, Limits()) else model.limits,
        breaker=state,
    )  # fmt: skip


def _limits(model: Model) -> tuple[int, ...]:
    limit = None if model.limits is None else model.limits.max_ttft_milliseconds
    return () if limit is None else (limit,)


def _speed(histogram: Histogram) -> OutputSpeed | None:
    if not histogram:
        return None
    return OutputSpeed(p50=_at(histogram, 0.50), p5=_at(histogram, 0.05))


def _last_token(histogram: Histogram) -> LastToken | None:
    if not histogram:
        return None
    return LastToken(
        p50_milliseconds=_at(histogram, 0.50),
        p95_milliseconds=_at(histogram, 0.95),
        p99_milliseconds=_at(histogram, 0.99),
    )


def _at(histogram: Histogram, share: float) -> int | None:
    value = quantile(histogram, share)
    return None if value is None else round(value)


def _summary(result: TierResult, counts: TierCounts, today: EndpointCounts) -> TierSummary:
    window = summed(counts.window.get(each.name, EndpointCounts()) for each in result.models)
    limits = [limit for each in result.models for limit in _limits(each)]
    times, speed = first_tokens(window, limits), _at(window.output_tokens_per_second, 0.50)
    p95 = None if times is None else f"≥{times.p95_at_least}ms" if times.p95 is None else f"{times.p95}ms"
    return TierSummary(
        models=f"{len(result.usable)}/{len(result.models)}",
        ttft_p95=p95,
        limit=f"{max(limits)}ms" if limits else None,
        tokens_per_second=None if speed is None else str(speed),
        errors=percent(failures(today), today.attempts),
        cost_today=short_money(today.cost),
    )


def _still(before: Mapping[str, Any], traffic: tuple[Verdict, ...]) -> tuple[Verdict, ...]:
    known = {each["type"]: each for each in before.get("conditions", ())}
    return tuple(
        Verdict(each.type, known[each.type]["status"], known[each.type]["reason"], known[each.type]["message"])
        if each.type in known else each
        for each in traffic
    )  # fmt: skip


def _with_latency_of(before: Mapping[str, Any], figures: dict[str, Any]) -> dict[str, Any]:
    known = {each["name"]: _picked(each, _OF_WINDOW) for each in before.get("models", ())}
    return {
        **figures,
        "models": [{**each, **known.get(each["name"], {})} for each in figures["models"]],
        "summary": {**figures["summary"], **_picked(before.get("summary", {}), _OF_WINDOW_IN_SUMMARY)},
    }


def _picked(part: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: part[name] for name in names if name in part}
