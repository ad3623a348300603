"""What a request cost, once it is over: its answer, every abandoned attempt, and the same on the baseline."""

from collections.abc import Sequence

from tierway_proxy.core import outcome
from tierway_proxy.core.attempt import Attempt
from tierway_proxy.core.ledger import AttemptEntry, Settlement
from tierway_proxy.core.meter import Usage
from tierway_proxy.core.plan import Plan


def settle(
    plan: Plan,
    attempts: Sequence[Attempt],
    kind: str,
    status: int,
    arrived: float,
    first_token: float | None,
    now: float,
) -> Settlement:
    """Times in monotonic seconds. `first_token` is from the request's arrival; None when there was none."""
    prompt = _prompt_tokens(plan, attempts)
    entries = tuple([_entry(each, prompt, arrived, whole=kind == "Answered") for each in attempts])
    answer = entries[-1] if entries and entries[-1].reason is None else None
    baseline, klass = plan.catalog.baseline, plan.klass
    return Settlement(
        policy=plan.catalog.table.policy,
        klass=klass,
        pinned=klass is None,
        outcome=kind,
        status=status,
        duration=now - arrived,
        first_token=first_token,
        attempts=entries,
        baseline_cost=answer.usage.cost(baseline.price) if answer and baseline else 0,
        input_tokens=plan.ask.input_tokens,
        reason=plan.reason,
        table=plan.catalog.hash,
    )


def _prompt_tokens(plan: Plan, attempts: Sequence[Attempt]) -> int:
    """The prompt's size: as an upstream counted it, else our estimate. An attempt that we cut read the same prompt."""
    for each in reversed(attempts):
        if each.meter.usage is not None:
            return each.meter.usage.input
    return plan.ask.input_tokens


def _entry(attempt: Attempt, prompt: int, arrived: float, *, whole: bool) -> AttemptEntry:
    """An answer that was cut, or whose reader left, has no last byte: it adds no sample of that time."""
    usage, failure, meter = attempt.usage(prompt), attempt.failure, attempt.meter
    slow = failure is not None and failure.reason in (outcome.SLOW.reason, "FirstTokenTimeout")
    return AttemptEntry(
        candidate=attempt.candidate,
        usage=usage,
        cost=_cost(attempt, usage),
        reason=failure.reason if failure else None,
        followed=attempt.followed,
        ttft=meter.first_at - attempt.started if meter.first_at is not None else None,
        waited=attempt.ended - attempt.started if slow else None,
        limit=attempt.limit,
        output_tokens_per_second=meter.tokens_per_second(usage.output),
        ttlt=attempt.ended - arrived if failure is None and whole else None,
        status=failure.status if failure else None,
    )


def _cost(attempt: Attempt, usage: Usage) -> int:
    """Pico-dollars; a price per request is due for an answer only."""
    price = attempt.candidate.price
    return usage.cost(price) - (price.request if attempt.failure is not None else 0)
