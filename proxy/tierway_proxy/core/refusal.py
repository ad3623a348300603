"""The errors that a caller may read: all of them, and nothing that an upstream said unfiltered.

Tiers and models are named as `GET /v1/models` and the answers' headers name them; providers, their addresses and keys
never are. OpenAI-shaped, so that every SDK shows the sentence. An upstream's own words reach a caller only for a fault
of the request itself, and only as `upstream_words` lets them.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from tierway_proxy.contract.base import RequestClass

_SHOWN_TRIED = 4

Tried = tuple[str, str, str]
"""Tier, model, and a word for how an attempt there failed."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer of ours that is an error. `retry_after` is in seconds.

    `klass` and `pinned` say as what the request is counted; neither: it was refused before anybody knew.
    """

    status: int
    message: str
    type: str
    code: str
    param: str | None = None
    retry_after: float | None = None
    klass: RequestClass | None = None
    pinned: bool = False

    def body(self) -> bytes:
        error = {"message": self.message, "type": self.type, "param": self.param, "code": self.code}
        return json.dumps({"error": error}, ensure_ascii=False).encode()


def bad_request(message: str, code: str = "invalid_request", param: str | None = None) -> Refusal:
    return Refusal(400, message, "invalid_request_error", code, param)


def model_not_found(model: str, policy: str, why: Sequence[str] = ()) -> Refusal:
    """`why`: the sentences of what has this name and answers nobody now."""
    lacking = f"The model {model[:100]!r} does not exist in routing policy {policy!r}."
    message = f"{' '.join(why) or lacking} Use 'auto', or one of the names that GET /v1/models lists."
    return Refusal(404, message, "invalid_request_error", "model_not_found", "model")


def not_allowed(message: str, param: str | None = None) -> Refusal:
    return Refusal(403, message, "invalid_request_error", "pin_not_allowed", param)


def unauthenticated(why: str, audience: str) -> Refusal:
    message = (
        f"{why} Give a ServiceAccount token made for the audience {audience!r} as your API key: a projected volume of"
        f" your pod, or `kubectl create token NAME --audience={audience}` to try."
    )
    return Refusal(401, message, "invalid_request_error", "invalid_api_key")


def nobody_to_ask() -> Refusal:
    message = "The Kubernetes API does not answer, so this API key, which was not seen lately, cannot be checked."
    return Refusal(503, message, "server_error", "authentication_unavailable", retry_after=1)


def unknown_policy(policy: str) -> Refusal:
    where = "Paths are /NAMESPACE/POLICY/v1/…, or /v1/… for the default policy."
    message = f"No routing policy {policy[:200]!r} is served here. {where}"
    return Refusal(404, message, "invalid_request_error", "policy_not_found")


def no_default_policy(name: str | None) -> Refusal:
    if name is None:
        message = "This release has no default policy: call /NAMESPACE/POLICY/v1/…, or set the `defaultPolicy` value."
    else:
        message = f"The default policy {name!r} does not exist yet: apply it, or call /NAMESPACE/POLICY/v1/…"
    return Refusal(503, message, "server_error", "default_policy_missing", retry_after=5)


def no_candidate(message: str) -> Refusal:
    return Refusal(503, message, "server_error", "no_candidate", retry_after=5)


def first_token_timeout(seconds: float) -> Refusal:
    message = f"No model began its answer within {seconds:g} s (streaming.firstTokenTimeoutMilliseconds of the policy)."
    return Refusal(504, message, "server_error", "first_token_timeout")


def unavailable(status: int, tried: Sequence[Tried], retry_after: float | None) -> Refusal:
    message = f"No model that may serve this request could answer. Tried, in this order: {_listed(tried)}."
    return Refusal(status, message, "server_error", "upstream_unavailable", retry_after=retry_after)


def answer_cut(tier: str, model: str, reason: str) -> Refusal:
    message = f"The server of model {model} (tier {tier}) ended this answer before it was finished ({reason})."
    return Refusal(502, message, "server_error", "answer_cut")


def _listed(tried: Sequence[Tried]) -> str:
    """The attempts, those in a row that read alike as one; of a long chain the last ones."""
    told = []
    for (tier, model, reason), alike in groupby(tried):
        times = len(list(alike))
        told.append(f"{model} of tier {tier} ({reason}{f', {times} times' if times > 1 else ''})")
    more = len(told) - _SHOWN_TRIED
    return ", ".join([*([f"{more} others"] if more > 0 else []), *told[-_SHOWN_TRIED:]])
