"""Route tables of simulated providers, built in one line: the chain that a test needs and nothing else."""

from typing import Any

from tierway_proxy.contract.base import CLASSES
from tierway_proxy.contract.state import State, Withdrawal
from tierway_proxy.contract.table import Choice, Endpoint, Model, Price, Provider, Route, RouteTable, Tier

POLICY = "llm/default"
MODEL, UPSTREAM_MODEL = "qwen3-8b", "Qwen3-8B"
PRICE = Price(input=10_000, cached_input=2_500, output=30_000)
"""Pico-dollars a token: 0.01, 0.0025 and 0.03 dollars a million."""

_ORDINALS = ("first", "second", "third", "fourth")


def tier(
    url: str, *, sent: str = UPSTREAM_MODEL, price: Price = PRICE, provider: dict[str, Any] | None = None, **model: Any
) -> Tier:
    """One model at one provider, `sim`, which knows it as `sent`; what else they have are fields of the contract."""
    endpoint = Endpoint(provider="sim", upstream_model=sent, price=price)
    return Tier(
        providers={"sim": Provider(base_url=url, **(provider or {}))},
        models=(Model(**({"name": MODEL, "endpoints": (endpoint,)} | model)),),
    )


def chain(*tiers: Tier | str, policy: str = POLICY, generation: int = 1, **fields: Any) -> RouteTable:
    """Tiers `llm/first`, `llm/second`, … which every class tries in this order; a URL stands for a plain tier."""
    numbered = zip(_ORDINALS, tiers, strict=False)
    named = {f"llm/{name}": each if isinstance(each, Tier) else tier(each) for name, each in numbered}
    route = Route(candidates=tuple(Choice(tier=name) for name in named))
    routes = dict.fromkeys(CLASSES, route) | fields.pop("routes", {})
    return RouteTable(policy=policy, generation=generation, tiers=named, routes=routes, **fields)


def key(tier_name: str) -> str:
    """How observations name the endpoint of a tier of `chain`."""
    return f"llm/{tier_name}/{MODEL}/sim"


def state(policy: str = POLICY, sequence: int = 1, withdrawn: tuple[Withdrawal, ...] = ()) -> State:
    return State(policy=policy, sequence=sequence, withdrawn=withdrawn)
