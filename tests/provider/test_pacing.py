"""When the steps of an answer are due; the steps are values, so no time passes here."""

from itertools import pairwise
from random import Random

import pytest

from tierway_cli.provider import Figures
from tierway_cli.provider.answering import steps
from tierway_cli.provider.answers import Shape, answer
from tierway_cli.provider.chat import parse
from tierway_cli.provider.faults import parse_header
from tierway_cli.provider.pace import draw_pace
from tierway_cli.provider.scripts import Script
from tierway_cli.provider.steps import Break, Headers, Pause, Send, Stall

CHAT = parse({"model": "m", "messages": [{"role": "user", "content": "Hi"}]})


def script(header="", n=1):
    """An answer of ten tokens a choice by a model of 100 ms and 10 tokens/s, with the faults of a header."""
    random = Random(3)  # noqa: S311 - jitter, not secrets
    return Script(
        model="m",
        created=0,
        choices=answer(CHAT.model_copy(update={"n": n}), "None", Shape(length=10)),
        prompt_tokens=1,
        cached_tokens=0,
        wants_usage=False,
        pace=draw_pace(Figures("m", 100, 10), "us-east", 1, random),
        random=random,
        faults={fault.name: fault for fault in parse_header(header)},
    )


def due(header="", *, stream=True, n=1):
    """The seconds at which each write is due, with its bytes; stalls are counted as time."""
    now, writes = 0.0, []
    for step in steps(script(header, n), stream=stream):
        match step:
            case Pause(seconds) | Stall(seconds):
                now += seconds
            case Send():
                writes.append((now, step))
            case Headers() | Break():
                writes.append((now, step))
    return writes


def tokens(writes):
    return [at for at, step in writes if isinstance(step, Send) and step.tokens]


def test_headers_come_at_once_and_the_role_with_the_first_token():
    """Nothing but headers is seen until the first token is due."""
    (headers_at, headers), (role_at, role), (first_at, first), *_ = due()
    assert (headers_at, headers) == (0, Headers())
    assert b'"role"' in role.data
    assert first.tokens == 1
    assert role_at == first_at == pytest.approx(0.1, rel=0.3)


def test_tokens_are_spread_at_the_models_rate():
    """Nine gaps of about a tenth of a second."""
    at = tokens(due())
    assert len(at) == 10
    assert at[-1] - at[0] == pytest.approx(0.9, rel=0.2)


def test_choices_are_generated_side_by_side():
    """Three choices take no longer than one, streamed or not."""
    at = tokens(due(n=3))
    assert len(at) == 30
    assert at[-1] == pytest.approx(1.0, rel=0.2)
    assert due(n=3, stream=False)[-1][0] == pytest.approx(1.0, rel=0.2)


def test_a_json_answer_comes_when_its_last_token_would():
    """Headers and body together, after the first token's time and all gaps."""
    (headers_at, headers), (body_at, body) = due(stream=False)
    assert headers_at == body_at == pytest.approx(1.0, rel=0.2)
    assert headers.length == len(body.data)
    assert body.tokens == 10


@pytest.mark.parametrize("stream", [True, False])
def test_a_slow_first_token_is_later_by_real_milliseconds(stream):
    """The fault's time is added whatever the model."""
    plain, slow = (due(header, stream=stream) for header in ("", "slow_first_token;ms=2500"))
    assert slow[-1][0] - plain[-1][0] == pytest.approx(2.5)
    assert (tokens(slow)[0] - tokens(plain)[0]) == pytest.approx(2.5)


def test_a_crawl_begins_after_its_tokens():
    """The first gaps are the model's, the later ones the fault's."""
    at = tokens(due("crawl;tokens_per_second=0.5;tokens=4"))
    gaps = [later - earlier for earlier, later in pairwise(at)]
    assert all(gap < 0.2 for gap in gaps[:3])
    assert gaps[3:] == [pytest.approx(2)] * 6


def test_a_broken_provider_is_the_quickest():
    """An error frame or a lone [DONE] comes at once, so that it wins every race for the first token."""
    for header in ("error_frame_first", "error_after_role", "lone_done", "cut;tokens=0"):
        assert due(header)[-1][0] == 0


@pytest.mark.parametrize("header", ["empty_deltas;frames=3;ms=400", "keep_alive_comments;frames=3;ms=400"])
def test_what_keeps_a_stream_busy_is_spread_before_a_late_token(header):
    """Three frames at equal distances, then the first token, so much later than without them."""
    writes = due(header)
    first = tokens(writes)[0]
    assert first - tokens(due())[0] == pytest.approx(0.4)
    between = [at for at, step in writes if isinstance(step, Send) and 0 < at < first]
    assert between == [pytest.approx(first * part / 4) for part in (1, 2, 3)]


def test_an_interruption_behind_the_end_comes_at_the_end():
    """A cut after more tokens than the answer has still breaks it."""
    writes = due("cut;tokens=999")
    assert len(tokens(writes)) == 10
    assert writes[-1][1] == Break("close")
