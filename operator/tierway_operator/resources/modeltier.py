"""The kind `ModelTier`: a price class of models, the providers that serve them, and who may use it."""

from typing import Annotated, Literal

from pydantic import Field

from tierway_operator.resources.common import API_VERSION, Label, Metadata
from tierway_operator.resources.model import Model
from tierway_operator.resources.provider import Provider
from tierway_operator.resources.schema import SET, Rule, Shape, keyed
from tierway_operator.resources.status import ModelTierStatus

AllowedFrom = Literal["Same", "All", "Namespaces"]


class AllowedPolicies(Shape):
    cel = (
        Rule(
            "(has(self.namespaces) && size(self.namespaces) > 0) == (self.from == 'Namespaces')",
            "list namespaces when, and only when, from is Namespaces",
            ".namespaces",
        ),
    )

    from_: AllowedFrom = "Same"
    """Which namespaces' policies may send requests to this tier. `Same`: only those of the tier's own namespace.
    `All`: those of every namespace. `Namespaces`: those of the tier's own and of the listed ones. Default: Same."""
    namespaces: Annotated[tuple[Label, ...], Field(max_length=64), SET] | None = None
    """The namespaces whose policies may use this tier, at most 64. For `from: Namespaces` only, and needed there."""


class ModelTierSpec(Shape):
    cel = (
        Rule(
            "self.models.all(m, !has(m.endpoints)"
            " || m.endpoints.all(e, self.providers.exists(p, p.name == e.provider)))",
            "each endpoint must name a provider of spec.providers",
            ".models",
        ),
    )

    allowed_policies: AllowedPolicies | None = None
    """Which namespaces' policies may send requests to this tier. Default: only those of its own namespace."""
    providers: Annotated[tuple[Provider, ...], Field(min_length=1, max_length=16), keyed("name")]
    """The OpenAI-compatible APIs that serve this tier's models, at most 16. Required."""
    models: Annotated[tuple[Model, ...], Field(min_length=1, max_length=64), keyed("name")]
    """The models of this tier, at most 64. Required. Among those that can serve a request and hold their limits, the
    cheapest is tried first."""


class ModelTier(Shape):
    """A price class of language models: what they cost, who serves them and what they must hold.

    RoutingPolicies send requests to it; its status shows the latency, speed and money that real traffic had.
    """

    cel = (
        Rule(
            "self.metadata.name != 'auto'",
            "a tier cannot be called auto: that is what clients write to have a request classified",
            ".metadata",
        ),
    )

    api_version: Literal["tierway.dev/v1alpha1"] = API_VERSION
    kind: Literal["ModelTier"] = "ModelTier"
    metadata: Metadata
    spec: ModelTierSpec
    """What the tier is. Required."""
    status: ModelTierStatus | None = None
    """What was observed. Written by the operator; edits are overwritten."""
