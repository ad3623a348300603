"""What a proxy counted since it started: cumulative, mergeable, by UTC day of the request's end.

Distributions are histograms over logarithmic buckets (a bucket's index is the key), never percentiles: they add up.
Reading changes nothing.
"""

from typing import Literal

from pydantic import Field

from tierway_proxy.contract.base import Message, RequestClass

Histogram = dict[int, int]
SIZES = ("1K", "8K", "32K", "more")
"""Input-size buckets, named by their upper bound in tokens (1,000, 8,000, 32,000)."""


class EndpointCounts(Message):
    """One model at one provider. Costs in pico-dollars; TTFT in ms, throughput in tokens/s, TTLT in ms."""

    attempts: int = Field(default=0, description="All that were sent, whatever became of them.")
    committed: int = Field(default=0, description="Those whose answer went to the client.")
    errors: dict[str, int] = Field(default_factory=dict, description="Attempts that failed, by reason.")
    fallbacks: dict[str, int] = Field(default_factory=dict, description="Attempts that another followed, by reason.")
    cost: int = 0
    abandoned_cost: int = Field(default=0, description="The part of `cost` that bought no answer.")
    input_tokens: int = 0
    cached_input_tokens: int = 0
    output_tokens: int = 0
    estimated: int = Field(default=0, description="Attempts whose tokens are an estimate, no usage having come.")
    ttft: dict[str, Histogram] = Field(default_factory=dict, description="By input size.")
    censored: dict[str, Histogram] = Field(
        default_factory=dict,
        description="By input size: attempts cut before a first token, at the time when they were cut.",
    )
    output_tokens_per_second: Histogram = Field(default_factory=dict)
    ttlt: Histogram = Field(default_factory=dict)
    breaches: int = Field(default=0, description="First tokens later than the limit of their attempt, cut ones too.")


class PolicyCounts(Message):
    """One policy. `outcomes` sums to all requests: Answered, Rejected (4xx of ours), Failed, Cut, ClientLeft."""

    requests: dict[RequestClass, int] = Field(default_factory=dict)
    pinned: int = Field(default=0, description="Requests that named a tier or model; they have no class.")
    outcomes: dict[str, int] = Field(default_factory=dict)
    cost: int = 0
    baseline_cost: int = 0
    fallbacks: int = Field(default=0, description="Requests that were answered by a later candidate than the first.")
    shed: int = Field(default=0, description="Requests refused because no candidate could take them.")
    first_token: Histogram = Field(default_factory=dict, description="From request to first content token, ms.")


class Day(Message):
    """Keys: `namespace/policy`, and `namespace/tier/model/provider`."""

    policies: dict[str, PolicyCounts] = Field(default_factory=dict)
    endpoints: dict[str, EndpointCounts] = Field(default_factory=dict)


class LoadedTable(Message):
    """A table that this proxy serves, and why it refused a newer one, if it did."""

    policy: str
    hash: str
    generation: int
    state_sequence: int = 0
    refused: str | None = None


class Observations(Message):
    version: Literal[1] = 1
    reads: tuple[int, ...]
    instance: str
    started_at: float = Field(description="Seconds since the epoch.")
    draining: bool = False
    final: bool = Field(default=False, description="The last stream has ended: nothing will be added.")
    tables: tuple[LoadedTable, ...] = ()
    days: dict[str, Day] = Field(default_factory=dict, description="By UTC date: today and yesterday.")
    open_breakers: tuple[str, ...] = Field(default=(), description="Endpoints that are passed over for now.")
