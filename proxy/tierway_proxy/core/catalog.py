"""A route table and its state, made ready for deciding, once a table and not once a request.

Who may serve what, and in which order. Within a tier the cheaper model comes first, then the own region; tiers keep the
order of the policy, always.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from typing import NamedTuple

from tierway_proxy.contract.base import RequestClass
from tierway_proxy.contract.state import EffectiveLimits, State, Withdrawal
from tierway_proxy.contract.table import Choice, Endpoint, Model, Price, Provider, RouteTable


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A model at an endpoint. `on_request`: a reasoning model that serves only who asks for reasoning."""

    key: str
    provider_key: str
    tier: str
    model: str
    upstream_model: str
    provider: Provider
    price: Price
    max_ttft_ms: int | None
    max_ttft_per_1k_input_ms: int
    min_output_tokens_per_second: int | None
    context_window: int | None
    max_output: int | None
    capabilities: frozenset[str]
    on_request: bool

    def first_token_limit(self, input_tokens: int) -> float | None:
        """Seconds from sending an attempt of this size to its first content token; None: no limit."""
        if self.max_ttft_ms is None:
            return None
        return (self.max_ttft_ms + self.max_ttft_per_1k_input_ms * input_tokens / 1000) / 1000


class Place(NamedTuple):
    """What an endpoint's key (`namespace/tier/model/provider`) says."""

    namespace: str
    tier: str
    model: str
    provider: str


def place(key: str) -> Place:
    """Read a key, where a model's name may have slashes of its own and all else has none."""
    namespace, tier, rest = key.split("/", 2)
    model, _, provider = rest.rpartition("/")
    return Place(namespace, tier, model, provider)


class Catalog:
    """`everyone`: those who answer nobody too. `gone` has each class's sentences of withdrawn tiers and models."""

    __slots__ = (
        "_by_model",
        "_by_tier",
        "_withdrawn",
        "baseline",
        "everyone",
        "gone",
        "hash",
        "keys",
        "routes",
        "table",
    )

    def __init__(self, table: RouteTable, state: State, table_hash: str, region: str | None) -> None:
        self.table, self.hash = table, table_hash
        self._withdrawn = {(each.tier, each.model): each for each in state.withdrawn}
        limits = {(each.tier, each.model): each for each in state.limits}
        every = {name: _ordered(_of_tier(table, name, limits), region) for name in table.tiers}
        self._by_tier = {name: tuple(e for e in found if not self._is("Disabled", e)) for name, found in every.items()}
        self._by_model = _by_model(chain.from_iterable(self._by_tier.values()))
        self.routes = {klass: self._route(klass) for klass in table.routes}
        self.gone = {klass: self._sentences(route.candidates) for klass, route in table.routes.items()}
        self.everyone = tuple(chain.from_iterable(every.values()))
        self.keys = frozenset(each.key for each in self.everyone)
        self.baseline = _baseline(table, every)

    def of_tier(self, tier: str) -> tuple[Candidate, ...]:
        """Those that a pin or a rule may reach by the tier's name; draining ones still answer."""
        return self._by_tier.get(tier, ())

    def of_model(self, model: str, tier: str | None = None) -> tuple[Candidate, ...]:
        """The same by a model's name: cheapest first, whatever tier has it."""
        found = self._by_model.get(model, ())
        return found if tier is None else tuple(each for each in found if each.tier == tier)

    def tier_named(self, name: str) -> str | None:
        """The full name of a tier that a caller named `namespace/name`, or by its bare name when only one has it."""
        if name in self._by_tier:
            return name
        found = [full for full in self._by_tier if full.rpartition("/")[2] == name]
        return found[0] if len(found) == 1 else None

    def disabled(self, name: str) -> tuple[str, ...]:
        """The sentences of what answers nobody now, of those models and tiers that have this name."""
        tier = self.tier_named(name)
        return tuple(
            each.message
            for each in self._withdrawn.values()
            if each.how == "Disabled" and (each.tier == tier or name in self._models_of(each))
        )

    def _models_of(self, withdrawal: Withdrawal) -> set[str]:
        tier = self.table.tiers.get(withdrawal.tier)
        models = {each.name for each in tier.models} if tier is not None else set()
        return models if withdrawal.model is None else models & {withdrawal.model}

    def names(self) -> list[str]:
        """What `model` may be besides `auto`: tiers, then models, that answer now."""
        tiers = [name for name in self._by_tier if self.of_tier(name)]
        bare = [name.rpartition("/")[2] if self.tier_named(name.rpartition("/")[2]) else name for name in tiers]
        return bare + sorted({each.model for name in tiers for each in self.of_tier(name)})

    def _route(self, klass: RequestClass) -> tuple[Candidate, ...]:
        found: dict[str, Candidate] = {}
        for choice in self.table.routes[klass].candidates:
            for each in self._by_tier.get(choice.tier, ()):
                if choice.models and each.model not in choice.models:
                    continue
                if not self._is("Draining", each):
                    named = each.model in choice.models or klass == "Complex"
                    found.setdefault(each.key, replace(each, on_request=each.on_request and not named))
        return tuple(found.values())

    def withdrawn(self, candidate: Candidate) -> tuple[Withdrawal, ...]:
        """What keeps routed requests, or all, from it: of its tier, of its model."""
        found = (self._withdrawn.get((candidate.tier, model)) for model in (None, candidate.model))
        return tuple(each for each in found if each is not None)

    def _is(self, how: str, candidate: Candidate) -> bool:
        return any(each.how == how for each in self.withdrawn(candidate))

    def _sentences(self, choices: tuple[Choice, ...]) -> tuple[str, ...]:
        def concerns(each: Withdrawal, choice: Choice) -> bool:
            return each.tier == choice.tier and (each.model is None or not choice.models or each.model in choice.models)

        return tuple(
            each.message for each in self._withdrawn.values() if any(concerns(each, choice) for choice in choices)
        )


def _baseline(table: RouteTable, every: dict[str, tuple[Candidate, ...]]) -> Candidate | None:
    """A baseline is a price: it stands whether or not its model takes requests."""
    wanted = table.baseline
    found = [] if wanted is None else [each for each in every.get(wanted.tier, ()) if each.model == wanted.model]
    return found[0] if found else None


def _price(price: Price) -> tuple[int, int, int]:
    return price.output, price.input, price.request


def _ordered(found: list[Candidate], region: str | None) -> tuple[Candidate, ...]:
    def order(each: Candidate) -> tuple[tuple[int, int, int], bool]:
        return _price(each.price), region is not None and each.provider.region != region

    return tuple(sorted(found, key=order))


def _by_model(candidates: Iterable[Candidate]) -> dict[str, tuple[Candidate, ...]]:
    """Who names a model asks for it, a reasoning model too; cheapest first over the tiers that have it."""
    found: dict[str, list[Candidate]] = {}
    for each in sorted(candidates, key=lambda each: _price(each.price)):
        found.setdefault(each.model, []).append(replace(each, on_request=False))
    return {model: tuple(several) for model, several in found.items()}


def _of_tier(table: RouteTable, name: str, limits: Mapping[tuple[str, str], EffectiveLimits]) -> list[Candidate]:
    tier = table.tiers[name]
    return [
        _candidate(tier.providers[endpoint.provider], name, model, endpoint, limits.get((name, model.name)))
        for model in tier.models
        for endpoint in model.endpoints
    ]


def _candidate(
    provider: Provider, tier: str, model: Model, endpoint: Endpoint, limits: EffectiveLimits | None
) -> Candidate:
    moved_ttft = limits.max_ttft_ms if limits is not None else None
    moved_rate = limits.min_output_tokens_per_second if limits is not None else None
    return Candidate(
        key=f"{tier}/{model.name}/{endpoint.provider}",
        provider_key=f"{tier}/{endpoint.provider}",
        tier=tier,
        model=model.name,
        upstream_model=endpoint.upstream_model,
        provider=provider,
        price=endpoint.price,
        max_ttft_ms=moved_ttft if moved_ttft is not None else model.limits.max_ttft_ms,
        max_ttft_per_1k_input_ms=model.limits.max_ttft_per_1k_input_ms,
        min_output_tokens_per_second=moved_rate
        if moved_rate is not None
        else model.limits.min_output_tokens_per_second,
        context_window=model.context_window_tokens,
        max_output=model.max_output_tokens,
        capabilities=frozenset(model.capabilities),
        on_request=model.reasoning == "Always",
    )
