"""The end of the demo: what the resources say, beside what the callers and the providers saw."""

import statistics
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from demo.providers import Simulated
from demo.stage import Stage
from demo.story import REQUESTS, Story
from demo.traffic import Seen

_QUICK = ("Simple", "Moderate")


def lines(story: Story, stage: Stage, providers: list[Simulated]) -> list[tuple[str, str]]:
    """What was seen: a word for it, and a sentence."""
    policies = {each["metadata"]["name"]: each["status"]["today"] for each in stage.found("routingpolicies")}
    return [
        ("answered", _answered(story)),
        ("money", _money(policies["default"])),
        ("", _money(policies["legal-finance"], "legal-finance is pinned to premium: ")),
        ("quality", _quality(story.seen)),
        ("classes", _classes(policies["default"])),
        ("fallbacks", _fallbacks(story, policies.values())),
        ("edit", _edit(story)),
        ("first token", _first_token(story)),
        ("exact", _exact(stage, providers)),
    ]


def _answered(story: Story) -> str:
    failed = [each for each in story.seen if each.error is not None]
    said = f"{len(story.seen) - len(failed)} of {REQUESTS} requests through the OpenAI SDK, {len(failed)} failed"
    return said + (f" (the first: {failed[0].error})" if failed else "")


def _money(today: dict[str, Any], intro: str = "policy default: ") -> str:
    cost, baseline = Decimal(today["cost"]), Decimal(today["baselineCost"])
    saved = f"saved {today['savedPercent']}%" if "savedPercent" in today else "nothing to compare with"
    return f"{intro}${cost} spent; glm-5 for everything would have cost ${baseline}: {saved}"


def _quality(seen: Iterable[Seen]) -> str:
    """Say what the saving was made with: how often the class was not what the request's author takes it to be."""
    judged = [each for each in seen if each.error is None and each.sample.policy == "default"]
    hard = [each.klass for each in judged if each.sample.klass == "Complex"]
    other = [each.klass for each in judged if each.sample.klass != "Complex"]
    below, above = len(hard) - hard.count("Complex"), other.count("Complex")
    said = f"{below} of {len(hard)} Complex requests (by their authors) served as less"
    return f"{said}, {above} of {len(other)} others as Complex"


def _classes(today: dict[str, Any]) -> str:
    counts = {name: today["requests"].get(name, 0) for name in ("simple", "moderate", "complex", "pinned")}
    shares = [f"{name.capitalize()} {count / sum(counts.values()):.0%}" for name, count in counts.items() if count]
    return ", ".join(shares) + " of what `default` served"


def _fallbacks(story: Story, policies: Iterable[dict[str, Any]]) -> str:
    number = sum(int(each.get("fallbacks", 0)) for each in policies)
    tries = Counter(each.attempts for each in story.seen if each.attempts > 1)
    most = f" (at most {max(tries)} attempts for one answer)" if tries else ""
    return f"{number} answers came from a later candidate than the first{most}; no caller saw an error for it"


def _edit(story: Story) -> str:
    if story.edit_seconds is None:
        return "no request was served by the new table in time"
    first = (
        f"{story.edit_seconds * 1000:.0f} ms from applying it to sending the first request that the new table served"
    )
    return f"{first} ({story.probes} small ones asked)"


def _first_token(story: Story) -> str:
    quick = sorted(e.first_token * 1000 for e in story.seen if e.first_token is not None and e.klass in _QUICK)
    if len(quick) < 20:
        return "too few streams to say"
    cuts = statistics.quantiles(quick, n=20)
    return f"p50 {cuts[9]:.0f} ms, p95 {cuts[18]:.0f} ms as the callers of Simple and Moderate requests perceived it"


def _exact(stage: Stage, providers: list[Simulated]) -> str:
    ours = sum(int(each["status"].get("today", {}).get("outputTokens", 0)) for each in stage.found("modeltiers"))
    theirs = sum(each.served("billed_completion_tokens") for each in providers)
    cut = sum(each.served("cancelled") for each in providers)
    said = f"{ours:,} output tokens in the statuses, {theirs:,} served by the providers"
    # tokens that were on their way when we hung up are the one thing that we cannot count
    return said + (
        f" ({theirs - ours} more were on their way when slow attempts were cut)" if theirs > ours and cut else ""
    )
