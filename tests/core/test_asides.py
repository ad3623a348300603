"""Greetings, thanks, tags and manners are no part of what is asked."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tierway_proxy.core.classify.asides import without_asides

ASKED = "Where is order 4711"


@pytest.mark.parametrize(
    "around",
    [
        "Hi there! {}?",
        "Hello! I hope you are well. {}?",
        "Guten Tag, {}?",
        "{}? Thanks a lot in advance!",
        "{}?\n\nBest regards,\nAnn",
        "{}? Vielen Dank im Voraus",
        "{}?\n\n(Ticket tags: urgent, billing, analyze)",
        "{}?\n[sent from my phone]",
        "{}?\n\nKeywords: theorem, architecture",
        "{}? Think step by step.",
        "{}?\n\nJust a short answer please.",
        "Good morning. {}? Keep it short please. Thank you!",
    ],
)
def test_what_stands_around_the_ask_is_left_out(around):
    """In any order, at either end."""
    assert without_asides(around.format(ASKED)).strip(" ?\n") == ASKED


@pytest.mark.parametrize(
    "text",
    [
        "hello",
        "thanks",
        "Think step by step",
        "What does 'thanks' mean?",
        "Write a thank-you note to my boss",
        "def f(x):\n    return x\n\nOptimize this",
        "Translate to German: Thank you for your help",
        "(a) is true",
        "",
    ],
)
def test_what_is_the_ask_itself_is_left_alone(text):
    """Nothing is cut that would leave nothing, or that stands inside a sentence."""
    assert without_asides(text) == text


@given(st.text())
def test_any_text_keeps_something(text):
    """Unless there was nothing."""
    assert bool(without_asides(text).strip()) == bool(text.strip())


@pytest.mark.parametrize(
    "hostile",
    [
        "(" * 200_000,
        "thanks " * 30_000,
        "\n" * 200_000 + "tags: ",
        "hi " * 60_000,
        "Do it." + "\n" * 150 + "thanks" + "!" * 160 + "?",
        "Do it." + "\n" * 80 + "tags: " + " " * 230 + "?",
        "Do it." + "\n" * 80 + "(" + "x" * 230 + "?thx",
    ],
)
def test_hostile_text_costs_what_any_text_costs(hostile):
    """Only its ends are looked at, and once: not a benchmark, a twentyfold guard against a pattern that backtracks."""
    began = time.process_time()
    without_asides(hostile)
    assert time.process_time() - began < 0.02
