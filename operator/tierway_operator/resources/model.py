"""`spec.models` of a ModelTier: what a model costs, what it can do, and what it must hold to be used."""

from typing import Annotated, Literal

from pydantic import Field

from tierway_operator.resources.common import (
    Label,
    Milliseconds,
    ModelName,
    Money,
    Positive32,
    PositiveMilliseconds,
    UpstreamModel,
)
from tierway_operator.resources.schema import SET, Rule, Shape, keyed

ModelState = Literal["Active", "Draining", "Disabled"]
Capability = Literal["Tools", "Vision", "JSONSchema"]
Reasoning = Literal["None", "Optional", "Always"]


class Price(Shape):
    """What a model costs: decimal strings of at most six decimals, in the release's one currency (default USD)."""

    input_per_million_tokens: Money
    """Price of a million input tokens, e.g. "0.05". Required; "0" must be written out."""
    cached_input_per_million_tokens: Money | None = None
    """Price of a million input tokens that the provider reports as read from its cache. Default: the price of other
    input tokens."""
    output_per_million_tokens: Money
    """Price of a million output tokens, reasoning included, e.g. "0.25". Required; "0" must be written out."""
    per_request: Money | None = None
    """Price of each answered request on top of its tokens. Default: nothing."""


class Limits(Shape):
    """What a model must hold to be preferred."""

    max_ttft_milliseconds: PositiveMilliseconds | None = None
    """Longest time to first token, in milliseconds, from sending the request to the first token of content. A request
    that waits longer goes to the next candidate; the last candidate is never cut. Default: no limit."""
    max_ttft_per_1k_input_tokens_milliseconds: Milliseconds | None = None
    """How many milliseconds each 1,000 input tokens add to `maxTTFTMilliseconds`: reading a long prompt takes time.
    Default: 0."""
    min_output_tokens_per_second: Positive32 | None = None
    """Lowest output speed, in tokens a second from the first token to the last. A model that is observed to be slower
    is skipped while others hold their limits; a running answer is never cut for it. Default: no limit."""


class Endpoint(Shape):
    """A provider that serves this model."""

    provider: Label
    """Name of a provider of this tier. Required."""
    upstream_model: UpstreamModel | None = None
    """The model's name at this provider. Default: the model's own `upstreamModel`."""
    price: Price | None = None
    """The model's price at this provider; it replaces the model's price as a whole. Default: the model's own
    price."""


class Model(Shape):
    cel = (
        Rule(
            "!has(self.maxOutputTokens) || !has(self.contextWindowTokens)"
            " || self.maxOutputTokens <= self.contextWindowTokens",
            "maxOutputTokens cannot be greater than contextWindowTokens, which holds the question and the answer",
            ".maxOutputTokens",
        ),
    )

    name: Annotated[ModelName, Rule("self != 'auto'", "auto is what clients write to have a request classified")]
    """What people and clients call the model, e.g. `qwen3-8b`. Required. A request whose `model` is this name is
    pinned to it where the policy's `pins.model` allows."""
    upstream_model: UpstreamModel | None = None
    """What the provider is sent as `model`, e.g. `Qwen/Qwen3-8B`. Default: the name."""
    state: ModelState | None = None
    """Whether the model gets requests. `Active`: yes. `Draining`: only those that name it, running ones end.
    `Disabled`: none, and policies that name it say so in `ResolvedRefs`. It works within seconds, also on a policy
    whose last edit was refused. Default: Active."""
    endpoints: Annotated[tuple[Endpoint, ...], Field(min_length=1, max_length=16), keyed("provider")] | None = None
    """The providers that serve this model, at most 16. Default: every provider of the tier, under the model's own
    name and price."""
    price: Price
    """What the model costs. Required. Costs and savings in statuses, and the order of models in a tier, come from
    it."""
    limits: Limits | None = None
    """What the model must hold to be preferred. A first token that comes too late is cut and the next candidate is
    tried; a model that is observed to miss its limits is skipped while others hold theirs. Default: no limits."""
    context_window_tokens: Positive32 | None = None
    """How many tokens question and answer may have together. A request that needs more skips this model. Default:
    unknown, no request skips it for its length."""
    max_output_tokens: Positive32 | None = None
    """How many tokens an answer may have at most. A request that asks for more is treated as the policy's
    `outputLimit` says. Default: the provider decides."""
    capabilities: Annotated[tuple[Capability, ...], Field(max_length=16), SET] | None = None
    """What the model can do beyond text. `Tools`: it calls functions. `Vision`: it reads images. `JSONSchema`: its
    answer follows a given schema. A request that needs one which is missing here skips this model. Default: none of
    them."""
    reasoning: Reasoning | None = None
    """Whether the model thinks before it answers, which costs time and output tokens. `None`: never. `Optional`: when
    the request asks for it. `Always`: the model serves only routes whose candidate names it in `models`, and requests
    that ask for reasoning. Default: None."""
