"""One request and one candidate: whether it can be served there at all, and whether it should be tried last."""

from tierway_proxy.core.ask import Examined
from tierway_proxy.core.catalog import Candidate
from tierway_proxy.core.health import Health


def unable(candidate: Candidate, ask: Examined, limit: int | None) -> str | None:
    """What keeps a candidate from serving this request at all. `limit`: the class's output limit."""
    if not ask.needs <= candidate.capabilities:
        return f"lacks {', '.join(sorted(ask.needs - candidate.capabilities))}"
    window = candidate.context_window
    if window is not None:
        answer = longest_answer(candidate, ask, limit)
        if ask.input_tokens + answer > window:
            more = f" and up to {answer} of the answer" if answer else ""
            return f"about {ask.input_tokens} input tokens{more} exceed its context window of {window}"
    if candidate.on_request and not ask.wants_reasoning:
        return "is a reasoning model, and neither the route nor the request asks for one"
    return None


def longest_answer(candidate: Candidate, ask: Examined, limit: int | None) -> int:
    """The output tokens that the request asks of this candidate, as limited; 0 when it leaves them to us."""
    if ask.output_tokens is None:
        return 0
    most = output_limit(candidate, limit)
    return ask.output_tokens if most is None else min(ask.output_tokens, most)


def output_limit(candidate: Candidate, limit: int | None) -> int | None:
    """The most output tokens that an answer may have there; None: nobody limits it. `limit`: the class's."""
    return min([each for each in (limit, candidate.max_output) if each is not None], default=None)


def unfit_now(candidate: Candidate, health: Health, now: float) -> str | None:
    """Why a candidate is tried last."""
    most = candidate.provider.max_concurrent_requests
    if most is not None and health.under_way(candidate.provider_key) >= most:
        return f"its provider has {most} requests under way already"
    return health.unfit(candidate.key, now)
