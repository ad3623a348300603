"""The route table: all that a proxy must know to serve one policy.

It comes from specs alone; nothing in it moves by itself. Tiers are named `namespace/name`, policies too. Money is in
pico-dollars (1e-12 USD): a price of six decimals per million tokens is an exact whole number of them per token.
"""

from typing import Literal

from pydantic import Field

from tierway_proxy.contract.base import Message, RequestClass
from tierway_proxy.contract.own_model import OwnModel

Preset = Literal["Balanced", "Safe", "Thrifty"]


class Price(Message):
    """Pico-dollars: per token, and per answered request."""

    input: int = Field(ge=0)
    cached_input: int = Field(ge=0)
    output: int = Field(ge=0)
    request: int = Field(default=0, ge=0)


class Limits(Message):
    """What a model must hold. None: no limit of that kind."""

    max_ttft_ms: int | None = None
    max_ttft_per_1k_input_ms: int = 0
    min_output_tokens_per_second: int | None = None


class Header(Message):
    name: str
    value: str


class Provider(Message):
    """Where requests go and how. `credential` is an opaque id into the release's key Secret, never a key."""

    base_url: str
    region: str | None = None
    credential: str | None = None
    auth_header: str = "Authorization"
    auth_prefix: str = "Bearer "
    headers: tuple[Header, ...] = ()
    ca_bundle: str | None = Field(default=None, description="PEM text; None trusts the system's authorities.")
    max_concurrent_requests: int | None = None
    stream_usage: bool = Field(default=True, description="Answers `stream_options.include_usage`.")
    output_limit_parameter: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"


class Endpoint(Message):
    """A model at a provider of its tier."""

    provider: str
    upstream_model: str
    price: Price


class Model(Message):
    name: str
    endpoints: tuple[Endpoint, ...]
    limits: Limits = Limits()
    context_window_tokens: int | None = None
    max_output_tokens: int | None = None
    capabilities: tuple[Literal["Tools", "Vision", "JSONSchema"], ...] = ()
    reasoning: Literal["None", "Optional", "Always"] = "None"


class Tier(Message):
    providers: dict[str, Provider]
    models: tuple[Model, ...]


class Choice(Message):
    """One entry of a route: a tier, and which of its models (empty: all)."""

    tier: str
    models: tuple[str, ...] = ()


class Route(Message):
    candidates: tuple[Choice, ...]
    max_output_tokens: int | None = None


class HeaderMatch(Message):
    name: str
    value: str
    regular_expression: bool = False


class Match(Message):
    """All that is set must hold. Token bounds are inclusive and compared with the estimate.

    `callers` are ServiceAccounts as `namespace/name` and names of static keys, `namespaces` those of ServiceAccounts.
    """

    headers: tuple[HeaderMatch, ...] = ()
    callers: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    tools: bool | None = None
    images: bool | None = None
    min_input_tokens: int | None = None
    max_input_tokens: int | None = None


class Use(Message):
    """Where a matched rule sends a request: exactly one of the three; `model` may stand beside `tier` to say whose."""

    request_class: RequestClass | None = None
    tier: str | None = None
    model: str | None = None


class Rule(Message):
    name: str
    match: Match
    use: Use


class Pins(Message):
    """What a caller may choose: the class by header, a tier or a model by `model`.

    `callers`, `namespaces`: who may, by one or the other; both empty: everybody.
    """

    request_class: bool = True
    tier: bool = True
    model: bool = True
    callers: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()


class Boundaries(Message):
    """The least probability, in percent, from which a request is taken to be more than Simple, and to be Complex."""

    moderate_percent: int = Field(ge=1, le=99)
    complex_percent: int = Field(ge=1, le=99)


class Classifier(Message):
    """`boundaries` win over `preset`. `model` None: the general one alone. `model_name`: of its ConfigMap."""

    preset: Preset = "Balanced"
    boundaries: Boundaries | None = None
    on_uncertain: Literal["Promote", "AsClassified"] = "Promote"
    model: OwnModel | None = None
    model_name: str | None = None


class Fallback(Message):
    """`max_attempts` None: every candidate. The delay is served only after 429 and 5xx."""

    max_attempts: int | None = None
    delay_ms: int = 100


class Streaming(Message):
    upstream: Literal["WhenPossible", "AsRequested"] = "WhenPossible"
    first_token_timeout_ms: int = 30_000
    stall_ms: int = 30_000
    buffer_bytes: int = 65_536


class Baseline(Message):
    """What savings are measured against."""

    tier: str
    model: str


class RouteTable(Message):
    version: Literal[1] = 1
    policy: str
    generation: int
    tiers: dict[str, Tier]
    routes: dict[RequestClass, Route]
    rules: tuple[Rule, ...] = ()
    pins: Pins = Pins()
    unknown_models: Literal["Reject", "Classify"] = "Reject"
    classifier: Classifier = Classifier()
    fallback: Fallback = Fallback()
    streaming: Streaming = Streaming()
    output_limit: Literal["Clamp", "Reject"] = "Clamp"
    baseline: Baseline | None = None
