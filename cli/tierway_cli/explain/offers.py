"""What a request would cost with every model of its policy, and why it goes to the one and not to the others."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby
from typing import NamedTuple

from tierway_proxy.core.able import longest_answer
from tierway_proxy.core.ask import Examined
from tierway_proxy.core.catalog import Candidate, Catalog
from tierway_proxy.core.meter import Usage
from tierway_proxy.core.plan import Plan
from tierway_proxy.core.refusal import Refusal

ANSWER_TOKENS = 500
"""The length of an answer where nobody says one."""


class Offer(NamedTuple):
    """A model at those of its providers that read alike. `turn`: 1 for whom the request is sent to; None: not tried.

    `output_tokens` as limited, `cost` in pico-dollars; `why` is empty for one that is next in turn.
    """

    turn: int | None
    tier: str
    model: str
    providers: tuple[str, ...]
    output_tokens: int
    cost: int
    why: str


def offers(catalog: Catalog, decision: Plan | Refusal, ask: Examined, output_tokens: int) -> list[Offer]:
    """Return all that the policy's tiers have: first those who would be tried, in their order."""
    limit = decision.output_limit if isinstance(decision, Plan) else None
    assumed = replace(ask, output_tokens=output_tokens)
    found = [_offer(turn, candidate, assumed, limit, why) for turn, candidate, why in _ordered(catalog, decision)]
    return [
        _joined(list(alike)) for _, alike in groupby(found, lambda each: (each.tier, each.model, each.cost, each.why))
    ]


def _ordered(catalog: Catalog, decision: Plan | Refusal) -> Iterator[tuple[int | None, Candidate, str]]:
    plan = decision if isinstance(decision, Plan) else None
    reasons = {each.key: each.reason for each in plan.skipped} if plan else {}
    tried = plan.candidates if plan else ()
    for turn, each in enumerate(tried, 1):
        yield turn, each, reasons.get(each.key, "")
    left = {each.key for each in tried}
    others = [each for each in catalog.everyone if each.key not in left]
    for each in sorted(others, key=lambda each: each.key not in reasons):
        yield None, each, reasons.get(each.key) or _elsewhere(catalog, plan, each)


def _elsewhere(catalog: Catalog, plan: Plan | None, candidate: Candidate) -> str:
    """Why a model is not even looked at."""
    withdrawn = catalog.withdrawn(candidate)
    if withdrawn:
        return withdrawn[0].message
    if plan is None:
        return ""
    return f"not on the route of {plan.klass}" if plan.klass is not None else "not asked for"


def _offer(turn: int | None, candidate: Candidate, assumed: Examined, limit: int | None, why: str) -> Offer:
    output = longest_answer(candidate, assumed, limit)
    return Offer(
        turn=turn,
        tier=candidate.tier,
        model=candidate.model,
        providers=(candidate.provider_key.rpartition("/")[2],),
        output_tokens=output,
        cost=Usage(assumed.input_tokens, output).cost(candidate.price),
        why=why,
    )


def _joined(alike: list[Offer]) -> Offer:
    return alike[0]._replace(providers=tuple(name for each in alike for name in each.providers))
