"""Candidates that miss their limit: when they are cut, when they must not be, and what becomes of them."""

from tests.core.script import BEGIN, CLOSE, START, Life, forward, open_, refuse
from tests.core.tables import model
from tests.core.wire import DONE, ROLE, STOP, chunk, completion, text
from tierway_proxy.contract.state import EffectiveLimits, State
from tierway_proxy.core import outcome
from tierway_proxy.core.health import Health

SLOW = model("a", ttft=250)


def tired(*models: str) -> Health:
    """These have failed so often that their breakers are open."""
    health = Health()
    for each in models:
        for _ in range(20):
            health.failed(f"llm/{each}/{each}/p", START)
    return health


def test_a_candidate_that_misses_its_limit_is_cut_for_the_next():
    """At its limit, not before, and without the policy's delay."""
    life = Life(SLOW, "b").start().wait(0.125)
    assert life.commands == [open_("a")]
    assert life.wait(0.125).commands == [CLOSE, open_("b")]
    assert life.answers().reasons == ["SlowFirstToken", None]


def test_a_role_or_a_keep_alive_does_not_save_it():
    """Only content does."""
    life = Life(SLOW, "b").start().head().says(ROLE, b": wait\n\n").wait(0.25)
    assert life.commands == [open_("a"), CLOSE, open_("b")]


def test_one_that_has_committed_is_not_cut():
    """However slowly it goes on."""
    life = Life(SLOW, "b").start().head().wait(0.125).says(text("Hel")).wait(15).says(text("lo")).wait(15)
    assert life.tried == ["a"]


def test_the_limit_grows_with_the_input():
    """So many milliseconds for each thousand tokens of it."""
    life = Life(
        model("a", ttft=250, ttft_per_1k=1000), "b", ask={"messages": [{"role": "user", "content": "x" * 8000}]}
    )
    limit = 0.25 + life.plan.ask.input_tokens / 1000
    assert limit > 2
    life.start().wait(limit - 0.01)
    assert life.tried == ["a"]
    assert life.wait(0.02).tried == ["a", "b"]


def test_an_effective_limit_stands_in_for_the_specs():
    """What the operator tunes arrives with the state."""
    moved = EffectiveLimits(tier="llm/a", model="a", max_ttft_ms=1000)
    state = State(policy="llm/default", sequence=2, limits=(moved,))
    life = Life(SLOW, "b", state=state).start().wait(0.75)
    assert life.tried == ["a"]
    assert life.wait(0.25).tried == ["a", "b"]


def test_the_last_candidate_is_never_cut_for_missing_its_limit():
    """A slow answer is better than none."""
    life = Life("a", model("b", ttft=250)).start().lost(outcome.LOST).wait(20)
    assert life.tried == ["a", "b"]
    assert life.answers().settled.outcome == "Answered"
    assert life.settled.attempts[-1].limit == 0.25


def test_the_only_candidate_is_never_cut():
    """There is nobody to go to."""
    assert Life(SLOW).start().wait(29).answers().settled.outcome == "Answered"


def test_the_last_candidate_in_good_health_is_not_cut_for_a_broken_one():
    """Slow but alive beats an open breaker."""
    life = Life(SLOW, "b", health=tired("b")).start().wait(20)
    assert life.tried == ["a"]
    assert life.answers().settled.outcome == "Answered"


def test_a_candidate_is_cut_for_a_good_one_although_a_broken_one_was_too_small():
    """Who is left counts, not who was there."""
    medium, large = model("b", ttft=250, window=32_000), model("c", window=128_000)
    life = Life(model("a", window=8_000), medium, large, model("d", window=8_000), health=tired("d")).start()
    life.refuses(400, b'{"error": {"code": "context_length_exceeded"}}').wait(0.25)
    assert life.tried == ["a", "b", "c"]


def test_a_broken_candidate_is_still_tried_when_the_good_one_fails():
    """It is last, not gone."""
    life = Life(SLOW, "b", health=tired("b")).start().lost(outcome.LOST)
    assert life.tried == ["a", "b"]


def test_the_last_one_that_the_policys_number_allows_is_not_cut():
    """Nobody may follow it."""
    life = Life(SLOW, model("b", ttft=250), "c", max_attempts=2).start().wait(0.25)
    assert life.tried == ["a", "b"]
    assert life.wait(20).tried == ["a", "b"]


def test_the_first_of_two_that_the_policys_number_allows_is_cut():
    """One may follow it."""
    assert Life(SLOW, "b", max_attempts=2).start().wait(0.25).tried == ["a", "b"]
    assert Life(SLOW, "b", max_attempts=1).start().wait(0.25).tried == ["a"]


def test_when_all_later_ones_fail_the_first_slow_one_is_tried_once_more_uncut():
    """The user sees an error only when no upstream answered."""
    life = Life(SLOW, model("b", ttft=250), "c").start().wait(0.5).lost(outcome.LOST)
    assert life.tried == ["a", "b", "c", "a"]
    life.head().wait(20).says(text("Hel"))
    assert life.commands[-2:] == [BEGIN, forward(text("Hel"))]


def test_a_slow_one_is_revived_only_once():
    """If it fails then, the client is told."""
    life = Life(SLOW, "b").start().wait(0.25).lost(outcome.LOST).lost(outcome.LOST)
    assert life.tried == ["a", "b", "a"]
    assert life.refusal.status == 502
    assert life.reasons == ["SlowFirstToken", "ConnectionLost", "ConnectionLost"]


def test_a_slow_one_is_revived_although_the_number_of_attempts_is_used_up():
    """That number limits how many are asked; the slow one was asked already."""
    life = Life(SLOW, "b", "c", max_attempts=2).start().wait(0.25).lost(outcome.LOST)
    assert life.tried == ["a", "b", "a"]


def test_one_that_failed_otherwise_is_not_revived():
    """It was not slow, it was broken."""
    life = Life("a", "b").start().lost(outcome.LOST).lost(outcome.LOST)
    assert life.tried == ["a", "b"]
    assert life.over


def test_the_first_token_timeout_spans_the_whole_chain():
    """Fallbacks do not begin it anew: it ends with a 504 that says which setting did it."""
    life = Life("a", "b", "c", first_token_ms=10_000).start().wait(6).lost(outcome.LOST).wait(3).lost(outcome.LOST)
    assert life.wait(0.5).over is False
    life.wait(0.5)
    assert life.commands[-2:] == [CLOSE, refuse(504, "first_token_timeout")]
    assert "10 s" in life.refusal.message
    assert life.settled.duration == 10
    assert life.settled.outcome == "Failed"
    assert life.reasons[-1] == "FirstTokenTimeout"


def test_what_came_before_the_first_attempt_is_in_no_timeout_and_in_every_duration():
    """The check of a key, or a slow upload: the caller waited for it, but no model is blamed for it."""
    life = Life("a", first_token_ms=1000)
    life.now += 60
    life.start().head().wait(0.5).says(text("Hello."), STOP, DONE).end()
    assert (life.settled.outcome, life.settled.duration, life.settled.first_token) == ("Answered", 60.5, 60.5)
    assert (life.settled.attempts[0].ttft, life.settled.attempts[0].ttlt) == (0.5, 60.5)


def test_a_first_token_in_time_ends_the_first_token_timeout():
    """Nothing caps the whole answer."""
    life = Life("a", first_token_ms=1000).start().head().wait(0.5).says(text("Hel"))
    for _ in range(100):
        life.wait(19).says(text("."))
    assert life.over is False


def test_the_first_token_timeout_holds_while_headers_and_keep_alives_come():
    """They are no answer."""
    life = Life("a", first_token_ms=1000).start().head()
    life.wait(0.5).says(b": wait\n\n").wait(0.5)
    assert life.refusal.status == 504


def test_a_slow_one_is_not_revived_when_the_chains_time_is_up():
    """There is nothing left to wait for."""
    life = Life(SLOW, "b", first_token_ms=1000).start().wait(0.5)
    life.wait(0.5)
    assert life.tried == ["a", "b"]
    assert life.refusal.status == 504


def test_no_attempt_is_sent_that_the_chains_time_would_cut_at_once():
    """A delay that outlasts the first-token timeout ends in its 504, not in a request that nobody waits for."""
    life = Life("a", "b", first_token_ms=1000, delay_ms=500).start().wait(0.75).refuses(429)
    life.wait(5)
    assert life.tried == ["a"]
    assert life.refusal.status == 504
    assert life.settled.duration == 1.25


def test_a_delay_that_ends_with_the_chains_time_ends_in_its_timeout():
    """There is not a moment left for an answer."""
    life = Life("a", "b", first_token_ms=1000, delay_ms=500).start().wait(0.5).refuses(429).wait(5)
    assert (life.tried, life.refusal.status, life.settled.duration) == (["a"], 504, 1.0)


def test_what_came_before_is_not_blamed_on_a_stream_that_it_left_no_time():
    """A body that stalled used up the chain's time: the next candidate is neither asked nor held to have failed."""
    health = Health()
    no_usage = model("a", provider={"stream_usage": False})
    life = Life(no_usage, "b", json_client=True, health=health, first_token_ms=1000, stall_ms=5000).start().wait(5)
    assert life.tried == ["a"]
    assert life.reasons == ["Stalled"]
    assert life.refusal.status == 504
    assert life.settled.attempts[0].followed is False


def test_a_body_that_is_no_stream_has_no_first_token_limit():
    """It has no first token: only the stall timer runs."""
    life = Life(SLOW, "b", json_client=True, upstream="AsRequested", first_token_ms=1000, stall_ms=5000).start()
    life.wait(4.5).head(200, "application/json").wait(4.5).says(completion()).end()
    assert life.tried == ["a"]
    assert life.settled.outcome == "Answered"


def test_a_body_that_is_no_stream_and_stalls_is_a_fallback():
    """Silence before the headers counts too."""
    life = Life("a", "b", json_client=True, upstream="AsRequested", stall_ms=5000).start().wait(5)
    assert life.commands == [open_("a"), CLOSE, open_("b")]
    life.head(200, "application/json").says(b"{").wait(4).says(b" ").wait(5)
    assert life.reasons == ["Stalled", "Stalled"]


def test_a_client_that_wants_json_is_served_by_a_gated_stream():
    """It is cut for slowness as any other."""
    life = Life(SLOW, "b", json_client=True).start().head().says(chunk({"role": "assistant"})).wait(0.25)
    assert life.tried == ["a", "b"]
    assert life.opened[0].streamed
