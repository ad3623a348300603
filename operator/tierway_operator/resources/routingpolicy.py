"""The kind `RoutingPolicy`: which tiers serve which class of requests, and everything that bends it."""

from typing import Annotated, Literal

from pydantic import Field

from tierway_operator.resources.common import API_VERSION, Metadata
from tierway_operator.resources.routing import (
    Baseline,
    Classifier,
    Fallback,
    OutputLimit,
    Pins,
    Route,
    RoutingRule,
    Streaming,
    UnknownModels,
)
from tierway_operator.resources.schema import ATOMIC, Rule, Shape, keyed
from tierway_operator.resources.status import RoutingPolicyStatus

EVERY_CLASS = Rule(
    "['Simple', 'Moderate', 'Complex'].all(c, self.exists_one(r, r.class == c))",
    "give one route for each of the classes Simple, Moderate and Complex",
)
NAMES_DIFFER = Rule("self.all(a, self.exists_one(b, a.name == b.name))", "two rules have the same name; rename one")


class RoutingPolicySpec(Shape):
    routes: Annotated[tuple[Route, ...], Field(max_length=3), keyed("class"), EVERY_CLASS]
    """Which tiers serve which class of requests, one route for each of Simple, Moderate and Complex. Required."""
    rules: Annotated[tuple[RoutingRule, ...], Field(max_length=32), ATOMIC, NAMES_DIFFER] | None = None
    """Rules that decide before anything else, tried in order, the first that matches wins; at most 32. Default:
    none."""
    pins: Pins | None = None
    """What callers may choose for themselves. Default: class, tier and model."""
    unknown_models: UnknownModels | None = None
    """What becomes of a request whose `model` is neither `auto` nor a tier or model of this policy. `Reject`: it is
    answered 404 `model_not_found`. `Classify`: it is served as if it had said `auto`. Default: Reject."""
    classifier: Classifier | None = None
    """How requests that say `auto` are told simple from complex."""
    fallback: Fallback | None = None
    """What happens when a candidate fails before its first token of content; after it nothing is retried."""
    streaming: Streaming | None = None
    """How answers are read from providers and passed on."""
    output_limit: OutputLimit | None = None
    """What becomes of requests for more output tokens than their class and model allow."""
    baseline: Baseline | None = None
    """What savings are measured against. Default: nothing, and no savings are shown."""


class RoutingPolicy(Shape):
    """Which model tiers serve simple, moderate and complex requests, and every rule of choosing and falling back.

    Its status shows what was served, what it cost, and what it saved.
    """

    api_version: Literal["tierway.dev/v1alpha1"] = API_VERSION
    kind: Literal["RoutingPolicy"] = "RoutingPolicy"
    metadata: Metadata
    spec: RoutingPolicySpec
    """How requests are routed. Required."""
    status: RoutingPolicyStatus | None = None
    """What is in force and what was observed. Written by the operator; edits are overwritten."""
