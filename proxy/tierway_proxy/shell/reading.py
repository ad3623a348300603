"""The text of a route table and its state -> values, or one sentence that says what is wrong.

The one gate between what was published and what is served. It refuses versions that this proxy does not read, fields
that it does not know, a state of another policy, and a table that names a tier, model or provider which it does not
carry: whatever passes here can be looked up without a KeyError on the request path. Sentences name fields and reasons,
never what stands in a header: that may be a secret.
"""

import json
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from tierway_proxy.contract.base import CLASSES, READS
from tierway_proxy.contract.state import State
from tierway_proxy.contract.table import Choice, RouteTable, Tier

_SHOWN_ERRORS = 3


class UnusableError(ValueError):
    """A payload that must not be served. Its text is one sentence for people."""


def read(table_text: str, state_text: str) -> tuple[RouteTable, State]:
    """Both parts of a policy's payload; raises UnusableError unless both are good and belong together."""
    _check_version("table.json", table_text)
    _check_version("state.json", state_text)
    try:
        table = RouteTable.model_validate_json(table_text)
    except ValidationError as error:
        raise UnusableError(_sentence("table.json", error)) from None
    try:
        state = State.model_validate_json(state_text)
    except ValidationError as error:
        raise UnusableError(_sentence("state.json", error)) from None
    if state.policy != table.policy:
        raise UnusableError(f"state.json: policy is {state.policy!r}, the table's is {table.policy!r}")
    for flaw in _flaws(table):
        raise UnusableError(f"table.json: {flaw}")
    return table, state


def claimed_policy(table_text: str) -> str | None:
    """Return the policy that even an unusable table says it is for; None when it does not say."""
    policy = _object(table_text).get("policy")
    return policy if isinstance(policy, str) else None


def credentials(table_text: str) -> set[str]:
    """Return the ids of all provider keys that a table names; of an unusable one none."""
    try:
        table = RouteTable.model_validate_json(table_text)
    except ValidationError:
        return set()
    named = {provider.credential for tier in table.tiers.values() for provider in tier.providers.values()}
    return {name for name in named if name is not None}


def _check_version(part: str, text: str) -> None:
    # before validation: of a newer version we may know no field at all, and its number is the reason worth telling
    version = _object(text).get("version", READS[0])
    if version not in READS:
        readable = " and ".join(map(str, READS))
        raise UnusableError(f"{part}: version {version!r} is not one that this proxy reads ({readable})")


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}  # validation says where the text is broken
    return value if isinstance(value, dict) else {}


def _sentence(part: str, error: ValidationError) -> str:
    errors = error.errors(include_url=False, include_input=False, include_context=False)
    told = ["{}: {}".format(".".join(map(str, e["loc"])) or "text", e["msg"]) for e in errors[:_SHOWN_ERRORS]]
    more = len(errors) - len(told)
    return f"{part}: " + "; ".join(told) + (f"; and {more} more" if more else "")


def _flaws(table: RouteTable) -> Iterator[str]:
    for request_class in CLASSES:
        if request_class not in table.routes:
            yield f"routes.{request_class}: missing"
    for request_class, route in table.routes.items():
        for index, choice in enumerate(route.candidates):
            yield from _choice_flaws(f"routes.{request_class}.candidates.{index}", choice, table)
    for name, tier in table.tiers.items():
        yield from _tier_flaws(f"tiers.{name}", tier)
    if table.baseline:
        choice = Choice(tier=table.baseline.tier, models=(table.baseline.model,))
        yield from _choice_flaws("baseline", choice, table)


def _choice_flaws(where: str, choice: Choice, table: RouteTable) -> Iterator[str]:
    tier = table.tiers.get(choice.tier)
    if tier is None:
        yield f"{where}: tier {choice.tier!r} is not in the table"
        return
    known = {model.name for model in tier.models}
    for model in choice.models:
        if model not in known:
            yield f"{where}: model {model!r} is not in tier {choice.tier!r}"


def _tier_flaws(where: str, tier: Tier) -> Iterator[str]:
    for model in tier.models:
        for endpoint in model.endpoints:
            if endpoint.provider not in tier.providers:
                yield f"{where}.models.{model.name}: provider {endpoint.provider!r} is not in the tier"
