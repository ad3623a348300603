"""A decision as JSON, for whoever asks before a request is sent: `POST …/v1/route`, `tierway explain -o json`."""

from typing import Any

from tierway_proxy.contract.base import CLASSES
from tierway_proxy.core.able import output_limit
from tierway_proxy.core.ask import Ask
from tierway_proxy.core.caller import Caller
from tierway_proxy.core.catalog import Candidate
from tierway_proxy.core.plan import Plan
from tierway_proxy.core.refusal import Refusal

AUTHENTICATION_OFF = "authentication is off"


def explained(plan: Plan | Refusal, caller: Caller | None = None, unknown: str = AUTHENTICATION_OFF) -> dict[str, Any]:
    """The whole decision of `POST …/v1/route`, with nobody called. `unknown`: why there is no `caller`."""
    who = None if caller is None else caller.name
    if isinstance(plan, Refusal):
        return {"refused": {"status": plan.status, "code": plan.code, "message": plan.message}, "caller": who}
    ask = plan.ask
    return {
        "caller": who,
        "policy": plan.catalog.table.policy,
        "table": plan.catalog.hash,
        "class": plan.klass,
        "confidence": ask.confidence if isinstance(ask, Ask) else None,
        "probabilities": dict(zip(CLASSES, ask.probabilities, strict=True)) if isinstance(ask, Ask) else None,
        "reasons": list(ask.reasons) if isinstance(ask, Ask) else [plan.reason],
        "reason": plan.reason,
        "note": note(plan, caller, unknown),
        "input_tokens": ask.input_tokens,
        "output_limit": plan.output_limit,
        "candidates": [_candidate(plan, each, fit=at < plan.fit) for at, each in enumerate(plan.candidates)],
        "skipped": [{"endpoint": each.key, "reason": each.reason} for each in plan.skipped],
    }


def note(plan: Plan, caller: Caller | None, unknown: str) -> str | None:
    """Which rules nobody can match while no caller is known: they would else be looked for in vain."""
    matches = [] if caller is not None else [(rule.name, rule.match) for rule in plan.catalog.table.rules]
    names = [name for name, match in matches if match.callers or match.namespaces]
    return f"No caller is known ({unknown}), and so these rules match nobody: {', '.join(names)}." if names else None


def _candidate(plan: Plan, candidate: Candidate, *, fit: bool) -> dict[str, Any]:
    namespace, _, tier = candidate.tier.partition("/")
    return {
        "namespace": namespace,
        "tier": tier,
        "model": candidate.model,
        "provider": candidate.provider_key.rpartition("/")[2],
        "region": candidate.provider.region,
        "max_output_tokens": output_limit(candidate, plan.output_limit),
        "last_resort": not fit,
    }
