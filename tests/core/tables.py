"""Route tables for tests: a line a model, each in a tier of its own unless said otherwise."""

from dataclasses import dataclass, field
from typing import Any

from tierway_proxy.contract.state import State
from tierway_proxy.contract.table import Choice, Endpoint, Limits, Model, Price, Provider, Route, RouteTable, Tier
from tierway_proxy.core.catalog import Catalog

POLICY = "llm/default"
CLASSES = ("Simple", "Moderate", "Complex")


@dataclass(frozen=True)
class Given:
    """A model as a test gives it: at each of `providers`, for `price` or what `prices` says for a provider."""

    name: str
    tier: str
    providers: tuple[str, ...]
    price: Price
    prices: dict[str, Price]
    provider: dict[str, Any]
    regions: dict[str, str]
    fields: dict[str, Any] = field(default_factory=dict)


def price(output: int = 10, input: int = 1, cached: int | None = None, request: int = 0) -> Price:  # noqa: A002
    """Pico-dollars a token."""
    return Price(input=input, output=output, cached_input=input if cached is None else cached, request=request)


def model(
    name: str,
    tier: str | None = None,
    *,
    ttft: int | None = None,
    ttft_per_1k: int = 0,
    window: int | None = None,
    costs: Price | None = None,
    providers: tuple[str, ...] = ("p",),
    prices: dict[str, Price] | None = None,
    regions: dict[str, str] | None = None,
    provider: dict[str, Any] | None = None,
    **fields: Any,
) -> Given:
    """`ttft`: its limit in ms; `provider` has members of all its providers, `fields` of the model."""
    limits = Limits(max_ttft_ms=ttft, max_ttft_per_1k_input_ms=ttft_per_1k)
    return Given(
        name=name,
        tier=f"llm/{tier or name}",
        providers=providers,
        price=costs or price(),
        prices=prices or {},
        provider=provider or {},
        regions=regions or {},
        fields={"limits": limits, "context_window_tokens": window, **fields},
    )


def table(*given: Given | str, routes: dict[str, Any] | None = None, **options: Any) -> RouteTable:
    """All classes are routed to all tiers in the order given, but for `routes`: class -> Route or names of tiers."""
    models = [model(each) if isinstance(each, str) else each for each in given]
    tiers = list(dict.fromkeys(each.tier for each in models))
    everything = {klass: _route(tiers) for klass in CLASSES}
    said = {klass: each if isinstance(each, Route) else _route(each) for klass, each in (routes or {}).items()}
    return RouteTable(
        policy=POLICY,
        generation=1,
        tiers={name: _tier([each for each in models if each.tier == name]) for name in tiers},
        routes={**everything, **said},
        **options,
    )


def catalog(*given: Given | str, state: State | None = None, region: str | None = None, **options: Any) -> Catalog:
    return Catalog(
        table=table(*given, **options),
        state=state or State(policy=POLICY, sequence=1),
        table_hash="0123456789abcdef",
        region=region,
    )


def _route(tiers: Any) -> Route:
    return Route(candidates=tuple(Choice(tier=name if "/" in name else f"llm/{name}") for name in tiers))


def _tier(models: list[Given]) -> Tier:
    providers = {
        name: Provider(**{"base_url": f"https://{name}.example/v1", "region": each.regions.get(name), **each.provider})
        for each in models
        for name in each.providers
    }
    return Tier(providers=providers, models=tuple(_model(each) for each in models))


def _model(given: Given) -> Model:
    endpoints = tuple(
        Endpoint(provider=name, upstream_model=given.name.title(), price=given.prices.get(name, given.price))
        for name in given.providers
    )
    return Model(name=given.name, endpoints=endpoints, **given.fields)
