"""What of a table takes no requests now, and why: the part of publishing that never waits for an edit.

It is found from any table, the one of a refused edit's predecessor too, and from the tiers as they are now.
"""

from collections.abc import Iterator, Mapping
from typing import Literal

from tierway_operator.compiler.tiers import TierFacts
from tierway_proxy.contract.base import CLASSES, RequestClass
from tierway_proxy.contract.state import State, Withdrawal
from tierway_proxy.contract.table import Choice, Model, RouteTable, Tier


def departed(table: RouteTable, facts: Mapping[str, TierFacts]) -> tuple[Withdrawal, ...]:
    """Return the tiers of a table that are deleted or no longer permitted. An unreadable one stays: nobody knows."""
    namespace = table.policy.partition("/")[0]
    found = []
    for key in sorted(table.tiers):
        if key not in facts:
            found.append(_withdrawn(key, None, f"Tier {key} was deleted."))
        elif facts[key].permits(namespace) is False:
            message = f"Tier {key} does not let policies of namespace {namespace} use it any more."
            found.append(_withdrawn(key, None, message))
    return tuple(found)


def withdrawals(table: RouteTable, facts: Mapping[str, TierFacts], keys: Mapping[str, str]) -> tuple[Withdrawal, ...]:
    """Return all that takes no routed requests, in a fixed order. `keys`: the credentials that can be sent."""
    whole = departed(table, facts)
    gone = {each.tier for each in whole}
    parts = (
        each
        for key in sorted(table.tiers.keys() - gone)
        for model in table.tiers[key].models
        for each in _of_model(key, model, table.tiers[key], facts[key], keys)
    )
    return (*whole, *parts)


def _of_model(key: str, model: Model, tier: Tier, facts: TierFacts, keys: Mapping[str, str]) -> Iterator[Withdrawal]:
    state, said = facts.states.get(model.name), f"Model {model.name} of tier {key}"
    if facts.spec is not None and state is None:
        yield _withdrawn(key, model.name, f"{said} was deleted.")
    elif state == "Disabled":
        yield _withdrawn(key, model.name, f"{said} is disabled.")
    elif unsendable(tier, model, keys):
        yield _withdrawn(key, model.name, f"{said} has no provider whose key can be sent.")
    elif state == "Draining":
        yield _withdrawn(key, model.name, f"{said} is draining.", "Draining")


def unsendable(tier: Tier, model: Model, keys: Mapping[str, str]) -> bool:
    """Whether every provider of a model wants a key, and none can be sent."""
    wanted = [tier.providers[each.provider].credential for each in model.endpoints]
    return all(each is not None and each not in keys for each in wanted)


def _withdrawn(
    tier: str, model: str | None, message: str, how: Literal["Draining", "Disabled"] = "Disabled"
) -> Withdrawal:
    return Withdrawal(tier=tier, model=model, how=how, message=message)


def empty_classes(table: RouteTable, withdrawn: tuple[Withdrawal, ...]) -> Iterator[RequestClass]:
    """Yield the classes of which no model of any candidate is left."""
    gone = {(each.tier, each.model) for each in withdrawn}
    for request_class in CLASSES:
        left = (
            model
            for choice in table.routes[request_class].candidates
            for model in table.tiers[choice.tier].models
            if (not choice.models or model.name in choice.models)
            and not {(choice.tier, None), (choice.tier, model.name)} & gone
        )
        if next(left, None) is None:
            yield request_class


def why_empty(candidates: tuple[Choice, ...], withdrawn: tuple[Withdrawal, ...], facts: Mapping[str, TierFacts]) -> str:
    """Say what helps a class that nobody serves, and what takes its candidates out."""
    gone = [each for each in withdrawn if any(_concerns(each, choice) for choice in candidates)]
    keyless = dict.fromkeys(each.tier for each in gone if _is_keyless(each, facts))
    look = f"see the condition ResolvedRefs of ModelTier {', '.join(keyless)}" if keyless else "add one"
    return f"{look}. {' '.join(each.message for each in gone)}"


def _concerns(withdrawal: Withdrawal, choice: Choice) -> bool:
    of_it = withdrawal.model is None or not choice.models or withdrawal.model in choice.models
    return withdrawal.tier == choice.tier and of_it


def _is_keyless(withdrawal: Withdrawal, facts: Mapping[str, TierFacts]) -> bool:
    """Whether a model is out for want of a key, of which its tier's ResolvedRefs says more."""
    tier, model = facts.get(withdrawal.tier), withdrawal.model
    return tier is not None and model in tier.unsendable and tier.states.get(model) != "Disabled"


def next_state(policy: str, withdrawn: tuple[Withdrawal, ...], before: State | None) -> State:
    """Return the state to publish; its number grows only when its content changes."""
    if before is not None and before.policy == policy and before.withdrawn == withdrawn and not before.limits:
        return before
    return State(policy=policy, sequence=1 if before is None else before.sequence + 1, withdrawn=withdrawn)
