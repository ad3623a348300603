"""The status of both kinds: conditions for machines, figures for people; the operator writes it, nobody else.

No floats: money is a decimal string, rates are whole numbers. What nobody observed is absent, never zero.
"""

from typing import Annotated, Literal

from pydantic import Field

from tierway_operator.resources.common import Count32, Count64, ModelName, Money, Timestamp
from tierway_operator.resources.model import Limits
from tierway_operator.resources.schema import Format, Shape, keyed

ConditionStatus = Literal["True", "False", "Unknown"]
Breaker = Literal["Closed", "Partial", "Open"]

Short = Annotated[str, Field(max_length=32)]
Date = Annotated[str, Field(pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}$", max_length=10)]


class Condition(Shape):
    type: Annotated[str, Field(pattern="^[A-Z][A-Za-z]*$", max_length=64)]
    """What the condition is about, e.g. `Ready`."""
    status: ConditionStatus
    """`True`, `False` or `Unknown`."""
    observed_generation: Count64
    """Generation of the spec that the condition is about; older than `metadata.generation` means not yet looked
    at."""
    last_transition_time: Timestamp
    """When `status` changed last."""
    reason: Annotated[str, Field(pattern="^[A-Z][A-Za-z0-9]*$", max_length=128)]
    """Why, in one word for machines."""
    message: Annotated[str, Field(max_length=4096)]
    """Why, and what to change, in a sentence for people."""


Conditions = Annotated[tuple[Condition, ...], Field(max_length=16), keyed("type")]


class FirstToken(Shape):
    """Time to first token. A percentile that falls among cut attempts is absent: no first token was seen."""

    p50_milliseconds: Count32 | None = None
    """Half of the attempts had their first token within this many milliseconds."""
    p95_milliseconds: Count32 | None = None
    """95% of the attempts had their first token within this many milliseconds."""
    p99_milliseconds: Count32 | None = None
    """99% of the attempts had their first token within this many milliseconds."""
    censored_percent: Annotated[int, Field(ge=0, le=100), Format("int32")] | None = None
    """Share of the attempts that were cut for slowness, in percent. They rank above every measured time."""


class LastToken(Shape):
    """Time from a request's arrival to the last byte of its answer, in the observation window."""

    p50_milliseconds: Count32 | None = None
    """Half of the answers were complete within this many milliseconds."""
    p95_milliseconds: Count32 | None = None
    """95% of the answers were complete within this many milliseconds."""
    p99_milliseconds: Count32 | None = None
    """99% of the answers were complete within this many milliseconds."""


class OutputSpeed(Shape):
    """Output tokens a second, from the first token to the last, in the observation window."""

    p50: Count32 | None = None
    """Half of the answers were at least this fast."""
    p5: Count32 | None = None
    """95% of the answers were at least this fast."""


class ModelStatus(Shape):
    name: ModelName
    """Name of the model."""
    requests: Count64 | None = None
    """Attempts that were sent to the model today (UTC), whatever became of them."""
    errors: Count64 | None = None
    """Those that failed, today (UTC)."""
    fallbacks: Count64 | None = None
    """Those after which another candidate was tried, today (UTC)."""
    ttft: FirstToken | None = None
    """Time to first token of the attempts in the observation window. A percentile that falls among attempts which
    were cut for slowness is absent: no first token was seen, and `summary` shows it as at least the limit."""
    output_tokens_per_second: OutputSpeed | None = None
    """Output speed, in the observation window."""
    ttlt: LastToken | None = None
    """Time from a request's arrival to the last byte of the answer, in the observation window: with the check of the
    caller's key, the upload, and what was tried before."""
    cost: Money | None = None
    """What the model cost today (UTC), abandoned attempts included."""
    output_tokens: Count64 | None = None
    """Output tokens that were paid for today (UTC)."""
    cost_per_million_output_tokens: Money | None = None
    """`cost` for each million of `outputTokens`: what the model's output costs in practice, input included."""
    effective_limits: Limits | None = None
    """The limits that proxies hold the model to now."""
    breaker: Breaker | None = None
    """Whether proxies pass the model over after failures. `Closed`: none does. `Partial`: some, or at some of its
    providers. `Open`: all of them at all of its providers."""


class TierToday(Shape):
    date: Date
    """The day, in UTC, that the figures are of."""
    requests: Count64
    """Attempts that were sent to the tier's models."""
    cost: Money
    """What they cost, abandoned attempts included."""
    output_tokens: Count64
    """Output tokens that were paid for."""


class TierSummary(Shape):
    """Figures as text for people and for kubectl's columns."""

    models: Short | None = None
    """Models that can be used, of all, e.g. `2/2`."""
    ttft_p95: Short | None = None
    """The tier's 95th percentile of time to first token, e.g. `118ms`; `≥160ms` when it falls among attempts that
    were cut."""
    limit: Short | None = None
    """The greatest limit of the tier's models for the time to first token, e.g. `160ms`."""
    tokens_per_second: Short | None = None
    """Output tokens a second, median, e.g. `72`."""
    errors: Short | None = None
    """Share of attempts that failed today, e.g. `0.4%`."""
    cost_today: Short | None = None
    """What the tier cost today (UTC), e.g. `0.24`."""


class ModelTierStatus(Shape):
    conditions: Conditions | None = None
    """`Ready` (Accepted and ResolvedRefs), `Accepted` (the spec can be used), `ResolvedRefs` (its Secrets and
    ConfigMaps exist and may be used), `Available` (some provider answers) and `WithinThresholds` (the models hold
    their limits); the last two are Unknown with reason NoTraffic while nothing is sent."""
    observed_generation: Count64 | None = None
    """Generation of the spec that the operator looked at last."""
    models: Annotated[tuple[ModelStatus, ...], Field(max_length=64), keyed("name")] | None = None
    """What was observed of each model."""
    today: TierToday | None = None
    """Totals of the current day, in UTC."""
    summary: TierSummary | None = None
    """Figures as text, made for people and for kubectl's columns."""


class RequestsByClass(Shape):
    simple: Count64 | None = None
    """Requests that were served as Simple."""
    moderate: Count64 | None = None
    """Requests that were served as Moderate."""
    complex: Count64 | None = None
    """Requests that were served as Complex."""
    pinned: Count64 | None = None
    """Requests that named a tier or a model, and so had no class."""


class Today(Shape):
    date: Date
    """The day, in UTC, that the figures are of; a request belongs to the day on which it ended."""
    requests: RequestsByClass | None = None
    """Requests by class."""
    cost: Money | None = None
    """What was spent, abandoned attempts included."""
    baseline_cost: Money | None = None
    """What the same answers would have cost from the model of `spec.baseline`; abandoned attempts are not in it."""
    saved_percent: Annotated[int, Field(ge=-(2**31), le=100), Format("int32")] | None = None
    """How much less `cost` is than `baselineCost`, in percent; negative when it is more."""
    fallbacks: Count64 | None = None
    """Requests that were answered by a later candidate than the first."""
    shed: Count64 | None = None
    """Requests that were refused because no candidate could take them."""
    incomplete_since: Timestamp | None = None
    """Since when the figures may miss requests, because a proxy vanished before its last counts were read."""


class Proxies(Shape):
    desired: Count32
    """Proxies that serve requests."""
    programmed: Count32
    """Those of them that have loaded the table of `tableHash`."""


class ClassifierStatus(Shape):
    """What the published route table classifies with; older than the spec when the newest edit was refused."""

    model: Annotated[str, Field(max_length=253)]
    """`general`, or the name of the ConfigMap that this policy's own model is from."""
    labels: Count64 | None = None
    """How many labelled requests the policy's own model was made from."""


class PolicySummary(Shape):
    """Figures as text for people and for kubectl's columns."""

    requests: Short | None = None
    """Requests of today (UTC), e.g. `12.4k`."""
    spend_today: Short | None = None
    """What they cost, e.g. `1.02`."""
    saved: Short | None = None
    """How much less than the baseline, e.g. `81%`."""
    programmed: Short | None = None
    """Proxies that have loaded the newest table, of all that serve, e.g. `2/2`."""


class RoutingPolicyStatus(Shape):
    conditions: Conditions | None = None
    """`Ready` (Accepted, ResolvedRefs and Programmed), `Accepted` (the newest spec is the one in force or on its
    way), `ResolvedRefs` (its tiers and models exist and may be used) and `Programmed` (every serving proxy has loaded
    it)."""
    observed_generation: Count64 | None = None
    """Generation of the spec that the operator looked at last."""
    programmed_generation: Count64 | None = None
    """Generation of the spec that proxies serve; older than `observedGeneration` when the newest edit was refused."""
    table_hash: Annotated[str, Field(pattern="^[0-9a-f]{64}$", max_length=64)] | None = None
    """SHA-256 of the published route table, as the response header `X-Tierway-Table` begins with it."""
    classifier: ClassifierStatus | None = None
    """The model that requests are classified with."""
    proxies: Proxies | None = None
    """How many proxies serve, and how many of them have loaded the table."""
    today: Today | None = None
    """Totals of the current day, in UTC."""
    summary: PolicySummary | None = None
    """Figures as text, made for people and for kubectl's columns."""
