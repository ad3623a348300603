"""What is said of an object: a condition's type, status, reason and sentence. Every reason that users meet stands here.

A reason is a word for machines and never changes; the sentence beside it says what to do. Nothing here decides: the
compiler, the loop and the observations do.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

Status = Literal["True", "False", "Unknown"]
MESSAGE_LENGTH: Final = 4096

# Types. Ready sums up the others: Accepted and ResolvedRefs, for a policy Programmed too.
READY: Final = "Ready"
ACCEPTED: Final = "Accepted"
RESOLVED_REFS: Final = "ResolvedRefs"
PROGRAMMED: Final = "Programmed"
AVAILABLE: Final = "Available"
WITHIN_THRESHOLDS: Final = "WithinThresholds"

# Accepted
INVALID: Final = "Invalid"
"""The spec cannot be used as it is written."""
TABLE_TOO_LARGE: Final = "TableTooLarge"
"""The policy and its tiers do not fit into what one ConfigMap carries."""

# Accepted of a refused edit, and ResolvedRefs
TIER_NOT_FOUND: Final = "TierNotFound"
"""A tier that the policy names does not exist."""
MODEL_NOT_FOUND: Final = "ModelNotFound"
"""A model that the policy names does not exist in that tier; or the ConfigMap of its own classifier's model does not
exist, or lacks the label."""
MODEL_UNUSABLE: Final = "ModelUnusable"
"""The ConfigMap holds no classifier's model that can be read."""
MODEL_OUTDATED: Final = "ModelOutdated"
"""The classifier's model was made over the general weights of another release."""
REF_NOT_PERMITTED: Final = "RefNotPermitted"
"""The tier's allowedPolicies does not let the policy's namespace in."""
TIER_NOT_USABLE: Final = "TierNotUsable"
"""The tier exists, but nothing can be sent to it; its own conditions say why."""
CLASS_EMPTY: Final = "ClassEmpty"
"""No model is left that could serve requests of a class."""

# ResolvedRefs of a tier
SECRET_NOT_FOUND: Final = "SecretNotFound"  # noqa: S105 - a reason, no secret
"""There is no such Secret, or it lacks the label."""
KEY_NOT_FOUND: Final = "KeyNotFound"
"""The Secret or ConfigMap has no such key, or its value is empty."""
INVALID_CREDENTIAL: Final = "InvalidCredential"
"""The value cannot be sent in a header."""
HOST_NOT_ALLOWED: Final = "HostNotAllowed"
"""The Secret's annotation does not let its key go to the provider's host."""
CONFIG_MAP_NOT_FOUND: Final = "ConfigMapNotFound"
"""There is no such ConfigMap."""
READ_FAILED: Final = "ReadFailed"
"""The operator could not read it, so it is unknown whether it exists."""

# Programmed
PENDING: Final = "Pending"
"""Proxies are loading the table."""
STRAGGLER: Final = "Straggler"
"""Some proxies have not loaded the table for long."""
REFUSED: Final = "Refused"
"""A proxy has read the table and refuses it."""
NO_PROXIES: Final = "NoProxies"
"""No proxy serves."""
NOT_ACCEPTED: Final = "NotAccepted"
"""The newest spec is refused, so it is not served anywhere."""

# Available and WithinThresholds
NO_TRAFFIC: Final = "NoTraffic"
"""Nothing was sent lately, so nothing is known."""
TOO_FEW_SAMPLES: Final = "TooFewSamples"
"""Too little was sent lately to judge by."""
ANSWERING: Final = "Answering"
"""Some provider of the tier answers."""
ALL_FAILING: Final = "AllFailing"
"""No provider of the tier answers."""
HOLDING: Final = "Holding"
"""The models hold their limits."""
LIMITS_MISSED: Final = "LimitsMissed"
"""A model misses a limit."""


@dataclass(frozen=True)
class Verdict:
    """One condition, as it should be now; when it became so is found out when it is written."""

    type: str
    status: Status
    reason: str
    message: str


@dataclass(frozen=True)
class Problem:
    """Something to change, and in `message` what."""

    reason: str
    message: str
    unknown: bool = False


def judged(kind: str, problems: Iterable[Problem], good: str) -> Verdict:
    """Return True with the sentence `good`, or False with the first problem's reason and all sentences.

    Unknown when all there is is not known.
    """
    found = tuple(dict.fromkeys(problems))
    if not found:
        return Verdict(kind, "True", kind, good)
    certain = [problem for problem in found if not problem.unknown]
    first, status = (certain[0], "False") if certain else (found[0], "Unknown")
    return Verdict(kind, "False" if status == "False" else "Unknown", first.reason, sentences(found))


def sentences(problems: Iterable[Problem]) -> str:
    """Return all messages as one text that a condition can hold; what does not fit is counted."""
    messages = [problem.message for problem in problems]
    shown = messages[:5]
    more = len(messages) - len(shown)
    text = " ".join([*shown, f"And {more} more."] if more else shown)
    return text if len(text) <= MESSAGE_LENGTH else text[: MESSAGE_LENGTH - 1] + "…"


def ready(parts: Iterable[Verdict]) -> Verdict:
    """Return the sum of other conditions: the first that is False decides, then the first that is Unknown.

    What to change stands there, and not a second time here.
    """
    verdicts = tuple(parts)
    for status in ("False", "Unknown"):
        for verdict in verdicts:
            if verdict.status == status:
                said = f"{verdict.type} is {verdict.status}: see there."
                return Verdict(READY, verdict.status, verdict.reason, said)
    return Verdict(READY, "True", READY, "In use.")


def dated(
    verdicts: Iterable[Verdict], before: Iterable[Mapping[str, Any]], generation: int, now: str
) -> list[dict[str, Any]]:
    """Return conditions as status carries them; the time of transition moves only when the status does."""
    known = {condition.get("type"): condition for condition in before}
    return [_condition(verdict, known.get(verdict.type, {}), generation, now) for verdict in verdicts]


def _condition(verdict: Verdict, before: Mapping[str, Any], generation: int, now: str) -> dict[str, Any]:
    same = before.get("status") == verdict.status and "lastTransitionTime" in before
    return {
        "type": verdict.type,
        "status": verdict.status,
        "observedGeneration": generation,
        "lastTransitionTime": before["lastTransitionTime"] if same else now,
        "reason": verdict.reason,
        "message": verdict.message,
    }
