"""Failures of an attempt, named by what one may do about them.

Nothing was sent: free to try elsewhere. Sent, then lost: trying again may cost twice. The request's own fault: trying
elsewhere is waste. Something that we added: ours, try without it.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from math import isfinite
from typing import Any

from tierway_proxy.core.refusal import Refusal, Tried, unavailable
from tierway_proxy.core.upstream_words import without_secrets


class Next(Enum):
    """What may follow a failed attempt."""

    ELSEWHERE = "the next candidate, at once"
    LATER = "the next candidate, after the policy's delay"
    WITHOUT = "the same candidate, without what we added"
    LARGER = "the next candidate with a larger context window"
    CAPABLE = "the next candidate, whose provider may know how"
    NOWHERE = "the client: it is the request's fault"


@dataclass(frozen=True, slots=True)
class Failure:
    """`reason` is a metric label and a word in a log; `sent` is False when no byte of the request left us."""

    reason: str
    next: Next
    sent: bool = True
    status: int | None = None
    retry_after: float | None = None
    message: str = ""
    param: str | None = None
    billed: bool = False
    """Whether the provider is likely to charge for the prompt: it accepted the request and we, or the wire, cut it."""


REFUSED = Failure("ConnectionRefused", Next.ELSEWHERE, sent=False)
LOST = Failure("ConnectionLost", Next.ELSEWHERE, billed=True)
UNANSWERED = Failure("ConnectionLost", Next.ELSEWHERE)
"""Lost before a status line came: nothing says that the provider took the request."""
SLOW = Failure("SlowFirstToken", Next.ELSEWHERE, billed=True)
STALLED = Failure("Stalled", Next.ELSEWHERE, billed=True)
ERROR_FRAME = Failure("ErrorFrame", Next.ELSEWHERE)
NO_CONTENT = Failure("NoContent", Next.ELSEWHERE, billed=True)
NOT_A_STREAM = Failure("NotAStream", Next.ELSEWHERE, billed=True)

_TOO_LONG = re.compile(
    r"(?i)context.{0,3}(length|window|size)|maximum context|prompt is too long|too many (input )?tokens"
)
_UNABLE = re.compile(r"(?i)(not|n't|does no|un)\s*support|not enabled|requires? .*(tool|vision|image)")
_ABILITY = re.compile(r"(?i)tool|function|image|vision|multimodal|response_format|json_schema|json schema")


_TRANSIENT = frozenset({408, 409, 425})
_OURS = frozenset({401, 402, 403, 404, 405, 407, 410})


def judge(status: int, headers: Mapping[str, str], body: bytes, added: frozenset[str]) -> Failure:
    """What an upstream's error status means. `added`: the parameters that we put into the request."""
    message, code, param = _said(body)
    retry_after = _seconds(headers.get("Retry-After"))
    if status == 429:
        return Failure("RateLimited", Next.LATER, status=status, retry_after=retry_after)
    if status >= 500:
        reason = "Unavailable" if status == 503 else "ServerError"
        return Failure(reason, Next.LATER, status=status, retry_after=retry_after)
    if status in _TRANSIENT:
        return Failure("ServerError", Next.LATER, status=status, retry_after=retry_after)
    if status in _OURS or status < 400:
        return Failure("Misconfigured", Next.ELSEWHERE, status=status)
    if code == "context_length_exceeded" or _TOO_LONG.search(message):
        return Failure("ContextTooLong", Next.LARGER, status=status, message=without_secrets(message))
    longest_first = sorted(added, key=len, reverse=True)
    ours = next((name for name in longest_first if name == param or re.search(rf"\b{name}\b", message)), None)
    if ours:
        return Failure("ParameterRejected", Next.WITHOUT, status=status, param=ours, message=without_secrets(message))
    if _UNABLE.search(message) and _ABILITY.search(message):
        return Failure("CapabilityMissing", Next.CAPABLE, status=status, message=without_secrets(message))
    param = param and without_secrets(param)
    return Failure("RequestFault", Next.NOWHERE, status=status, message=without_secrets(message), param=param)


def _said(body: bytes) -> tuple[str, str | None, str | None]:
    """Message, code and parameter of an error body in any of the shapes that servers use."""
    try:
        value: Any = json.loads(body)
    except (ValueError, RecursionError):
        return body[:2000].decode(errors="replace"), None, None
    error = value.get("error") or value if isinstance(value, dict) else value
    if not isinstance(error, dict):
        return str(error or ""), None, None
    message = error.get("message") or error.get("detail") or error.get("msg") or ""
    code, param = error.get("code"), error.get("param")
    return (
        message if isinstance(message, str) else json.dumps(message),
        code if isinstance(code, str) else None,
        param if isinstance(param, str) else None,
    )


def _seconds(value: str | None) -> float | None:
    """Retry-After in seconds; its date form is rare among model servers and read as absent."""
    try:
        seconds = float(value or "")
    except ValueError:
        return None
    return max(0.0, seconds) if isfinite(seconds) else None


def refusal_for(failure: Failure, retry_after: float | None, tried: Sequence[Tried]) -> Refusal:
    """What the caller reads when the last attempt failed so; `retry_after` is the soonest that the chain named."""
    if failure.next in (Next.NOWHERE, Next.LARGER, Next.CAPABLE, Next.WITHOUT):
        said = failure.message or "The model's server refused the request."
        code = "context_length_exceeded" if failure.next is Next.LARGER else "invalid_request"
        return Refusal(failure.status or 400, said, "invalid_request_error", code, failure.param)
    if failure.reason == "RateLimited":
        message = "Every model that may serve this request is rate limited by its provider. Try again later."
        return Refusal(429, message, "rate_limit_error", "rate_limit_exceeded", retry_after=retry_after)
    return unavailable(503 if failure.reason in ("Unavailable", "ConnectionRefused") else 502, tried, retry_after)
