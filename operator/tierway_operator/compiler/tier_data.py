"""The spec of a ModelTier as the data that route tables carry. Defaults that may change one day are applied here.

It refuses nothing: what cannot be used is found before.
"""

from decimal import Decimal

from tierway_operator.compiler.credentials import credential_id, host_of
from tierway_operator.resources import defaults
from tierway_operator.resources import model as spec_of
from tierway_operator.resources.modeltier import ModelTierSpec
from tierway_operator.resources.provider import Provider as ProviderSpec
from tierway_operator.store import ConfigMaps
from tierway_proxy.contract.table import Endpoint, Header, Limits, Model, Price, Provider, Tier

_PICO = 10**12
_PER_MILLION = 10**6


def served_by(model: spec_of.Model, spec: ModelTierSpec) -> list[tuple[str, spec_of.Endpoint | None]]:
    """Return the providers of a model, with what the model says of each."""
    if model.endpoints is None:
        return [(each.name, None) for each in spec.providers]
    return [(each.provider, each) for each in model.endpoints]


def bundle(provider: ProviderSpec, namespace: str, maps: ConfigMaps) -> str | None:
    wanted = provider.ca_bundle_ref
    return None if wanted is None else maps.data.get((namespace, wanted.name), {}).get(wanted.key) or None


def tier_data(spec: ModelTierSpec, namespace: str, maps: ConfigMaps) -> Tier:
    return Tier(
        providers={each.name: _provider(each, namespace, maps) for each in spec.providers},
        models=tuple(_model(each, spec) for each in spec.models),
    )


def _provider(spec: ProviderSpec, namespace: str, maps: ConfigMaps) -> Provider:
    wanted, auth, differs = spec.credential_ref, spec.auth, spec.compatibility
    bare = auth is not None and (auth.scheme or defaults.AUTH_SCHEME) == "Header"
    return Provider(
        base_url=spec.base_url,
        region=spec.region,
        credential=None
        if wanted is None
        else credential_id(namespace, wanted.name, wanted.key, host_of(spec.base_url)),
        auth_header=(auth.header_name if auth and bare else None) or "Authorization",
        auth_prefix="" if bare else "Bearer ",
        headers=tuple(Header(name=each.name, value=each.value) for each in spec.headers or ()),
        ca_bundle=bundle(spec, namespace, maps),
        max_concurrent_requests=spec.max_concurrent_requests,
        stream_usage=((differs and differs.stream_usage) or defaults.STREAM_USAGE) == "Supported",
        output_limit_parameter=(differs and differs.output_limit_parameter) or defaults.OUTPUT_LIMIT_PARAMETER,
    )


def _model(spec: spec_of.Model, tier: ModelTierSpec) -> Model:
    return Model(
        name=spec.name,
        endpoints=tuple(_endpoint(provider, of_it, spec) for provider, of_it in served_by(spec, tier)),
        limits=_limits(spec.limits),
        context_window_tokens=spec.context_window_tokens,
        max_output_tokens=spec.max_output_tokens,
        capabilities=spec.capabilities or (),
        reasoning=spec.reasoning or defaults.REASONING,
    )


def _endpoint(provider: str, spec: spec_of.Endpoint | None, model: spec_of.Model) -> Endpoint:
    return Endpoint(
        provider=provider,
        upstream_model=(spec and spec.upstream_model) or model.upstream_model or model.name,
        price=_price((spec and spec.price) or model.price),
    )


def _price(spec: spec_of.Price) -> Price:
    fresh = spec.input_per_million_tokens
    return Price(
        input=_per_token(fresh),
        cached_input=_per_token(
            fresh if spec.cached_input_per_million_tokens is None else spec.cached_input_per_million_tokens
        ),
        output=_per_token(spec.output_per_million_tokens),
        request=int(Decimal(spec.per_request or "0") * _PICO),
    )


def _per_token(per_million: str) -> int:
    """Return pico-dollars a token; exact, as prices have at most six decimals."""
    return int(Decimal(per_million) * _PICO / _PER_MILLION)


def _limits(spec: spec_of.Limits | None) -> Limits:
    if spec is None:
        return Limits()
    per_1k = spec.max_ttft_per_1k_input_tokens_milliseconds
    return Limits(
        max_ttft_ms=spec.max_ttft_milliseconds,
        max_ttft_per_1k_input_ms=defaults.MAX_TTFT_PER_1K_INPUT_TOKENS_MILLISECONDS if per_1k is None else per_1k,
        min_output_tokens_per_second=spec.min_output_tokens_per_second,
    )
