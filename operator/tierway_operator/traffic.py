"""What traffic says of a tier: whether it answers, whether its models hold their limits, which are passed over. Pure.

Sentences name models and limits and no figure that moves: a condition whose message changed at every scrape would be
written at every scrape.
"""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final

from tierway_operator.compiler import TierResult
from tierway_operator.conditions import (
    ALL_FAILING,
    ANSWERING,
    AVAILABLE,
    HOLDING,
    LIMITS_MISSED,
    NO_TRAFFIC,
    TOO_FEW_SAMPLES,
    WITHIN_THRESHOLDS,
    Verdict,
)
from tierway_operator.observe import failures
from tierway_operator.resources.model import Limits, Model
from tierway_operator.resources.status import Breaker
from tierway_proxy.contract.histogram import quantile
from tierway_proxy.contract.observations import EndpointCounts

MIN_SAMPLES: Final = 20
"""With fewer, one slow answer would be more than five percent."""
_LATE_SHARE: Final = 0.05

Counts = Mapping[str, EndpointCounts]
"""By model's name."""


def breaker(tier: str, model: str, providers: Iterable[str], open_at: Sequence[AbstractSet[str]]) -> Breaker | None:
    """Return what the proxies do with a model; None without proxies. `open_at`: each proxy's open endpoints."""
    keys = [f"{tier}/{model}/{provider}" for provider in providers]
    found = [key in opened for opened in open_at for key in keys]
    if not found:
        return None
    return "Open" if all(found) else "Partial" if any(found) else "Closed"


def available(window: Counts, breakers: Iterable[Breaker | None]) -> Verdict:
    answered = any(each.committed for each in window.values())
    failed = any(failures(each) for each in window.values())
    known = list(breakers)
    if known and all(each == "Open" for each in known):
        message = (
            "Every proxy passes every model over after failures in a row;"
            " the proxies' logs name reason and status (`breaker opened`)."
        )
        return Verdict(AVAILABLE, "False", ALL_FAILING, message)
    if answered:
        return Verdict(AVAILABLE, "True", ANSWERING, "Some provider answers.")
    if failed:
        return Verdict(
            AVAILABLE, "False", ALL_FAILING, "No attempt of the last minutes was answered; see the proxies' logs."
        )
    return Verdict(AVAILABLE, "Unknown", NO_TRAFFIC, "Nothing was sent lately.")


def within_thresholds(result: TierResult, window: Counts) -> Verdict:
    """A model misses a limit when more than 5% of its first tokens come late, or when its median speed is too low."""
    judged = {each.name: _missed(each, window.get(each.name, EndpointCounts())) for each in result.models}
    missed = [sentence for sentences in judged.values() for sentence in sentences or ()]
    if missed:
        return Verdict(WITHIN_THRESHOLDS, "False", LIMITS_MISSED, " ".join(missed)[:4096])
    if any(sentences is not None for sentences in judged.values()):
        return Verdict(WITHIN_THRESHOLDS, "True", HOLDING, "The models hold their limits.")
    if any(each.attempts for each in window.values()):
        message = f"Fewer than {MIN_SAMPLES} answers of each model lately: too few to judge by."
        return Verdict(WITHIN_THRESHOLDS, "Unknown", TOO_FEW_SAMPLES, message)
    return Verdict(WITHIN_THRESHOLDS, "Unknown", NO_TRAFFIC, "Nothing was sent lately.")


def _missed(model: Model, counts: EndpointCounts) -> list[str] | None:
    """Return a sentence for each limit that is missed; None with too few samples."""
    limits, found = model.limits or Limits(), []
    timed = sum(sum(part.values()) for times in (counts.ttft, counts.censored) for part in times.values())
    speeds = sum(counts.output_tokens_per_second.values())
    if max(timed, speeds) < MIN_SAMPLES:
        return None
    if timed >= MIN_SAMPLES and counts.breaches > _LATE_SHARE * timed:
        found.append(
            f"Model {model.name}: more than 5% of first tokens come later than"
            f" maxTTFTMilliseconds {limits.max_ttft_milliseconds}."
        )
    median, least = quantile(counts.output_tokens_per_second, 0.5), limits.min_output_tokens_per_second
    if speeds >= MIN_SAMPLES and least is not None and median is not None and round(median) < least:
        found.append(f"Model {model.name}: half of the answers are slower than minOutputTokensPerSecond {least}.")
    return found
