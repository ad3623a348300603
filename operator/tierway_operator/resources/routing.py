"""The parts of a RoutingPolicy's spec: routes and rules, what callers may choose, falling back and streaming."""

from typing import Annotated, Literal

from pydantic import Field

from tierway_operator.resources.common import (
    CallerName,
    Count32,
    HeaderName,
    Label,
    ModelName,
    ObjectName,
    Positive32,
    PositiveMilliseconds,
    TierRef,
)
from tierway_operator.resources.schema import ATOMIC, SET, Format, Rule, Shape, keyed
from tierway_proxy.contract.base import RequestClass

HeaderMatchType = Literal["Exact", "RegularExpression"]
Pin = Literal["Allow", "Deny"]
UnknownModels = Literal["Reject", "Classify"]
Percent = Annotated[int, Field(ge=1, le=99), Format("int32")]
ClassifierPreset = Literal["Balanced", "Safe", "Thrifty"]
OnUncertain = Literal["Promote", "AsClassified"]
OnSlowFirstToken = Literal["NextCandidate"]
UpstreamStreaming = Literal["WhenPossible", "AsRequested"]
OnOutputLimitExceeded = Literal["Clamp", "Reject"]


class Candidate(Shape):
    """A tier, or some of its models, that may serve a class."""

    tier_ref: TierRef
    """The ModelTier to send requests to. Required."""
    models: Annotated[tuple[ModelName, ...], Field(min_length=1, max_length=32), SET] | None = None
    """Names of the tier's models to use here, at most 32. Default: all models of the tier."""


class Route(Shape):
    class_: RequestClass
    """The class of requests: Simple, Moderate or Complex. Required."""
    candidates: Annotated[
        tuple[Candidate, ...],
        Field(min_length=1, max_length=16),
        ATOMIC,
        Rule("self.all(a, self.exists_one(b, a == b))", "a candidate stands twice in this route; remove one"),
    ]
    """Tiers in the order in which they are tried, at least one, at most 16. Required. Within a tier the cheapest
    model that can serve the request and holds its limits comes first."""
    max_output_tokens: Positive32 | None = None
    """How many tokens an answer to a request of this class may have at most. The smaller of this and the model's own
    `maxOutputTokens` counts; `outputLimit` says what becomes of a request for more. Default: the model's own
    limit."""


class HeaderMatch(Shape):
    cel = (
        Rule(
            "self.type != 'RegularExpression' || 'x'.matches(self.value) in [true, false]",
            "value must be a regular expression in RE2 syntax",
            ".value",
        ),
        # The API server compiles it with RE2, the proxy with Python's re: what only one of them knows is refused here.
        Rule(
            r"self.type != 'RegularExpression' || !self.value.matches("
            r"'\\\\[pPQECz]|\\\\x\\{|\\[\\[:|\\(\\?<|.\\(\\?[a-zA-Z-]+\\)|^\\(\\?[a-z]*[-U]')",
            "value may use only what RE2 and Python have in common: no \\p, \\P, \\Q, \\E, \\C, \\z, \\x{},"
            " [[:class:]] or (?<name>), and flags such as (?i) only at its start",
            ".value",
        ),
    )

    name: HeaderName
    """Name of the request's header; upper and lower case are the same. Required. A header that is absent does not
    match."""
    type: HeaderMatchType = "Exact"
    """How `value` is compared. `Exact`: the header's whole value, case counts. `RegularExpression`: the whole value
    must match the expression. Default: Exact."""
    value: Annotated[str, Field(min_length=1, max_length=512)]
    """The value, or a regular expression in RE2 syntax. Required."""


class InputTokens(Shape):
    cel = (
        Rule("has(self.min) || has(self.max)", "give min, max or both"),
        Rule("!has(self.min) || !has(self.max) || self.min <= self.max", "min cannot be greater than max", ".min"),
    )

    min: Count32 | None = None
    """Fewest input tokens that match, itself included. Default: no lower bound."""
    max: Count32 | None = None
    """Most input tokens that match, itself included. Default: no upper bound."""


class Match(Shape):
    cel = (
        Rule(
            "has(self.headers) || has(self.callers) || has(self.namespaces) || has(self.models) || has(self.tools)"
            " || has(self.images) || has(self.inputTokens)",
            "a rule must match something: give headers, callers, namespaces, models, tools, images or inputTokens",
        ),
    )

    headers: Annotated[tuple[HeaderMatch, ...], Field(min_length=1, max_length=16), keyed("name")] | None = None
    """Headers that the request must carry, all of them; at most 16. Default: any. Whoever may call can send any header:
    where that costs money, say here too who may, by `callers` or `namespaces`."""
    callers: Annotated[tuple[CallerName, ...], Field(min_length=1, max_length=64), SET] | None = None
    """Who must have sent the request, one of these: a ServiceAccount as `namespace/name`, or the name of a static key;
    at most 64. Nobody matches while the release does not authenticate callers. Default: anybody."""
    namespaces: Annotated[tuple[Label, ...], Field(min_length=1, max_length=64), SET] | None = None
    """Namespaces, one of which must be that of the ServiceAccount that sent the request; at most 64. A static key has
    none. Nobody matches while the release does not authenticate callers. Default: any."""
    models: Annotated[tuple[ModelName, ...], Field(min_length=1, max_length=32), SET] | None = None
    """What the request's `model` must be, one of these, as the client wrote it: `auto`, a tier's name or a model's;
    at most 32. Default: any."""
    tools: bool | None = None
    """`true`: only requests that offer tools. `false`: only those that do not. Default: both."""
    images: bool | None = None
    """`true`: only requests that carry images. `false`: only those that do not. Default: both."""
    input_tokens: InputTokens | None = None
    """How long the request must be, by the proxy's estimate of its input tokens. Default: any length."""


class Use(Shape):
    cel = (
        Rule(
            "[has(self.class), has(self.tierRef), has(self.model)].exists_one(x, x)",
            "give exactly one of class, tierRef and model",
        ),
    )

    class_: RequestClass | None = None
    """Serve the request as one of this class, without classifying it."""
    tier_ref: TierRef | None = None
    """Send the request to this ModelTier only."""
    model: ModelName | None = None
    """Send the request to this model only; a tier of one of this policy's routes must have it."""


class RoutingRule(Shape):
    """Sends requests that match to a class, a tier or a model before anybody's choice or the classifier is asked."""

    name: Label
    """Name of the rule, as reasons and metrics call it. Required, unique in the policy."""
    match: Match
    """Which requests the rule is for: everything that is given here must hold. Required, not empty."""
    use: Use
    """What becomes of them: exactly one of `class`, `tierRef` and `model`. Required."""


class Pins(Shape):
    """What a caller may choose: `Allow` obeys, `Deny` refuses the request with a sentence that says so."""

    class_: Pin | None = None
    """Whether a caller may name the class in the header `X-Tierway-Class`. Default: Allow."""
    tier: Pin | None = None
    """Whether a caller may name one of the policy's tiers in `model`. Default: Allow."""
    model: Pin | None = None
    """Whether a caller may name a model of the policy's tiers in `model`. Default: Allow."""
    callers: Annotated[tuple[CallerName, ...], Field(min_length=1, max_length=64), SET] | None = None
    """Who may choose what is allowed here: ServiceAccounts as `namespace/name`, names of static keys; at most 64.
    Others are refused with a sentence that says so. Default: everybody, or those of `namespaces`."""
    namespaces: Annotated[tuple[Label, ...], Field(min_length=1, max_length=64), SET] | None = None
    """Namespaces whose ServiceAccounts may choose what is allowed here, beside `callers`; at most 64. Default: all, or
    nobody but `callers`."""


class Boundaries(Shape):
    """The least probabilities of the classes; both or none. `tierway calibrate` finds them for an application."""

    moderate_percent: Percent
    """The least probability of being more than Simple, in percent, from which a request is at least Moderate.
    Required. Lower: more requests leave Simple."""
    complex_percent: Percent
    """The least probability of being Complex, in percent, from which a request is Complex. Required. Lower: more
    requests are Complex."""


class ModelRef(Shape):
    name: ObjectName
    """Name of the ConfigMap, in the namespace of this policy. Required."""


class Classifier(Shape):
    preset: ClassifierPreset | None = None
    """Where the lines between the classes are drawn. `Balanced`: where mistakes of both sorts are rare. `Safe`: more
    requests go to higher classes. `Thrifty`: more go to lower ones. Default: Balanced."""
    boundaries: Boundaries | None = None
    """Where the lines between the classes are drawn, as probabilities in percent, instead of where `preset` draws
    them. With `onUncertain: Promote` a request just below a line is served as one above it. Default: by `preset`."""
    model_ref: ModelRef | None = None
    """The ConfigMap that holds this policy's own model, made by `tierway calibrate` from labels of its traffic, under
    the key `model.json`. It must carry the label `tierway.dev/classifier-model: "true"`, otherwise `ResolvedRefs` turns
    False. A changed model is served without an edit of this policy. Default: the general model alone."""
    on_uncertain: OnUncertain | None = None
    """What becomes of a request at most 3 percentage points below a line. `Promote`: it is served as one above it.
    `AsClassified`: as one below it. Default: Promote."""


class Fallback(Shape):
    max_attempts: Annotated[int, Field(ge=1, le=64), Format("int32")] | None = None
    """How many candidates one request may be sent to. An attempt on which nothing was sent is not counted. Default:
    as many as there are."""
    delay_milliseconds: Annotated[int, Field(ge=0, le=60_000), Format("int32")] | None = None
    """How long to wait before the next candidate, in milliseconds, after an answer 429 or 5xx; after anything else
    the next is tried at once. Default: 100."""
    on_slow_first_token: OnSlowFirstToken | None = None
    """What happens when a candidate's first token is later than its limit. `NextCandidate`: the attempt is cut, what
    it used is charged, and the next candidate is tried. Default: NextCandidate."""


class Streaming(Shape):
    upstream: UpstreamStreaming | None = None
    """Whether providers are asked to stream. `WhenPossible`: also when the client wants JSON, so that its first token
    is held to the limits and measured; the client gets what it asked for. `AsRequested`: only when the client
    streams. Default: WhenPossible."""
    first_token_timeout_milliseconds: PositiveMilliseconds | None = None
    """How long all attempts of a request together may take to the first token of content, in milliseconds; then the
    client gets 504. Nothing limits the time of a whole answer. Default: 30000."""
    stall_milliseconds: PositiveMilliseconds | None = None
    """How long a running answer may be silent, in milliseconds, before it is ended with an error. Default: 30000."""
    buffer_bytes: Annotated[int, Field(ge=1024, le=16_777_216), Format("int32")] | None = None
    """How many bytes may wait for a client that reads slowly before reading from the provider is paused. It never
    delays a token. Default: 65536."""


class OutputLimit(Shape):
    on_exceeded: OnOutputLimitExceeded | None = None
    """What becomes of a request that asks for more output tokens than its class and model allow. `Clamp`: it is
    lowered to the limit, and a response header says so. `Reject`: it is answered 400. Default: Clamp."""


class Baseline(Shape):
    """What the same answers would have cost had one model given them all."""

    tier_ref: TierRef
    """The ModelTier to compare with, usually the dearest one. Required."""
    model: ModelName | None = None
    """The tier's model to compare with. Default: the tier's model with the cheapest output, so that savings are never
    overstated."""
