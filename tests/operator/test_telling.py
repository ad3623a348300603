"""What the loop says in the log of objects that are refused, so that a terminal shows it."""

import logging

import pytest

from tierway_operator.store import Entry, Ref
from tierway_operator.telling import Teller

REF = Ref("RoutingPolicy", "llm", "default", "uid-1")
NAME = "RoutingPolicy llm/default"


def status(**conditions):
    """`Accepted="TierNotFound: why"` is False for that; a status alone is that status."""
    found = []
    for kind, text in conditions.items():
        reason, _, message = text.partition(": ")
        found.append(
            {"type": kind, "status": "False" if message else text, "reason": reason or kind, "message": message}
        )
    return {"conditions": found}


GOOD = status(Ready="True", Accepted="True", ResolvedRefs="True", Programmed="True")
TYPO = status(
    Ready="TierNotFound: no chaep", Accepted="TierNotFound: no chaep", ResolvedRefs="TierNotFound: no chaep",
    Programmed="NotAccepted: refused",
)  # fmt: skip


@pytest.fixture
def said(caplog):
    """A teller that knows of one good object, and what it has said since the last look."""
    caplog.set_level(logging.INFO, "tierway_operator")
    teller = Teller()
    teller.listed({REF: Entry({})})

    def tell(told, ref=REF):
        caplog.clear()
        teller.tell(ref, told)
        return [(each.levelname, each.getMessage()) for each in caplog.records]

    tell.teller = teller
    return tell


def test_a_refused_edit_is_said_once_with_its_reason_and_so_is_its_end(said):
    """One line for both conditions, as they have one cause; nothing while nothing changes."""
    assert said(GOOD) == []
    assert said(TYPO) == [("WARNING", f"{NAME}: Accepted=False, ResolvedRefs=False (TierNotFound): no chaep")]
    assert said(TYPO) == []
    assert said(GOOD) == [("INFO", f"{NAME}: Accepted=True, ResolvedRefs=True again")]
    assert said(GOOD) == []


def test_of_a_refused_edit_it_is_said_what_serves_on(said):
    """Only where something does, and not of what is in force as it is."""
    serving = {"programmedGeneration": 2}
    why = "Accepted=False, ResolvedRefs=False (TierNotFound): no chaep Generation 2 stays in force."
    assert said(TYPO | serving) == [("WARNING", f"{NAME}: {why}")]
    said(GOOD | serving)
    lost = status(Accepted="True", ResolvedRefs="ModelNotFound: no map") | serving
    assert said(lost) == [("WARNING", f"{NAME}: ResolvedRefs=False (ModelNotFound): no map")]


def test_another_fault_is_said_too(said):
    """Whoever corrects the first typo is shown the second."""
    said(TYPO)
    other = status(Accepted="ModelNotFound: no smal", ResolvedRefs="True")
    assert said(other) == [
        ("WARNING", f"{NAME}: Accepted=False (ModelNotFound): no smal"),
        ("INFO", f"{NAME}: ResolvedRefs=True again"),
    ]


def test_a_tier_of_which_no_provider_answers_is_said_once_until_one_does(said):
    """Its message changes whenever a breaker opens or tries again; a line for each would flood the terminal."""
    tier = Ref("ModelTier", "llm", "budget", "uid-2")
    failing = [status(Available=f"AllFailing: {why}") for why in ("passed over", "no answer", "passed over")]
    assert said(failing[0], tier) == [("WARNING", "ModelTier llm/budget: Available=False (AllFailing): passed over")]
    assert [said(each, tier) for each in failing[1:]] == [[], []]
    assert said(status(Available="Unknown"), tier) == []
    assert said(status(Available="True"), tier) == [("INFO", "ModelTier llm/budget: Available=True again")]


def test_what_is_unknown_is_no_end(said):
    """Nobody knows whether it is good again."""
    said(TYPO)
    assert said(status(Accepted="TierNotFound: no chaep", ResolvedRefs="Unknown")) == []


def test_a_text_that_is_not_valid_is_said_by_the_store_alone(said):
    """And its end too: one fault, one line."""
    said.teller.listed({REF: Entry({}, "all.yaml: spec.routes: Required value.")})
    assert said(status(Accepted="Invalid: The newest spec is not valid: all.yaml: spec.routes: Required value.")) == []
    assert said(GOOD) == []


def test_of_what_is_gone_nothing_is_remembered(said):
    """A namesake that is good was never bad."""
    said(TYPO)
    said.teller.listed({})
    said.teller.listed({REF: Entry({})})
    assert said(GOOD) == []
