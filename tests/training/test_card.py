"""The card's figures are those of the shipped weights, and its written parts are left alone."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from demo.corpus import load
from tierway_proxy.contract.base import CLASSES
from tierway_proxy.contract.table import Classifier
from tierway_proxy.core.classify import BOUNDARIES, classify, examine
from tierway_proxy.core.classify.classes import UNCERTAIN
from tierway_proxy.core.classify.general import general
from tierway_proxy.core.classify.judge import general_judge
from training import card_repository, judging
from training.card import of_repository
from training.card_changes import CHANGES
from training.card_kinds import LONG, OTHER, group_of, kind_of, shapes_of
from training.card_page import parts, rewritten, table
from training.card_savings import PRICES, saving
from training.card_unseen import measured, probabilities_of

ROOT = Path(__file__).parents[2]
CARD = (ROOT / "docs" / "model-card.md").read_text(encoding="utf-8")
STALE = "the card is stale: run `python -m training.card` (with the data folder, for figures of unseen requests)"
PAGE = "Written.\n<!-- computed: one -->\nold\n<!-- end -->\nKept.\n<!-- computed: two -->\nother's\n<!-- end -->\n"


@pytest.mark.parametrize("name", of_repository())
def test_figures_that_the_repository_can_compute_are_what_the_shipped_weights_give(name):
    """Neither weights nor boundaries nor the set in the repository change without the card."""
    assert parts(CARD)[name] == of_repository()[name], STALE


def test_figures_of_the_data_folder_were_computed_for_the_shipped_weights():
    """New weights need new figures: the run that computed them built the shipped weights, and had the same presets."""
    assert f"built `{general().name}`" in parts(CARD)["run"], STALE
    assert card_repository.boundaries() in parts(CARD)["run"], STALE


def test_every_part_of_the_card_has_been_computed():
    """None is empty."""
    assert [name for name, text in parts(CARD).items() if not text] == []
    assert "own-labels" in parts(CARD)


def test_rewriting_changes_the_named_parts_alone():
    """What is written between the parts stays, and so do parts that were not computed now."""
    page = rewritten(PAGE, {"one": "| new |"})
    assert page == PAGE.replace("\nold\n", "\n\n| new |\n\n")
    assert parts(page) == {"one": "| new |", "two": "other's"}
    assert rewritten(page, {"one": "| new |"}) == page


def test_a_part_without_a_place_is_an_error():
    """A figure must not be lost because a marker was."""
    with pytest.raises(KeyError, match="three"):
        rewritten(PAGE, {"three": "x"})


def test_tables_are_of_markdown():
    """The first column is text, the others are figures."""
    assert table(("", "n"), [("a", 1)]) == "|  | n |\n| --- | ---: |\n| a | 1 |"


def test_requests_are_judged_as_a_proxy_judges_them():
    """Probabilities and classes by the card's path equal those of `classify`, short replies too."""
    samples = load()
    odds = np.array([probabilities_of(general_judge(), measured(each.request)) for each in samples])
    asks = [classify(each.request, examine(each.request), Classifier()) for each in samples]
    assert odds.tolist() == [list(ask.probabilities) for ask in asks]
    for preset, least in BOUNDARIES.items():
        found = [each.found for each in card_repository.judged(Classifier(preset=preset))]
        assert [CLASSES[at] for at in judging.classes(odds, least, UNCERTAIN)] == found


def test_plain_arithmetic_agrees_with_scikit_learn():
    """Macro-F1 of the set in the repository is the same without numpy."""
    some = card_repository.judged(Classifier())
    labels, found = (np.array([CLASSES.index(name) for name in names]) for names in (
        [each.sample.klass for each in some], [each.found for each in some]
    ))  # fmt: skip
    assert card_repository.macro_f1(some) == pytest.approx(judging.macro_f1(labels, found))


def test_figures_of_the_repository_need_no_numpy():
    """They are computed wherever the project is installed."""
    code = "import sys, training.card_repository; print({'numpy', 'scipy', 'sklearn'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


def test_savings_are_of_the_mix_and_the_prices():
    """Knowing every class costs each its tier; taking all for Complex at premium saves nothing."""
    route = ("ultra-budget", "mid-range", "premium")
    known = 0.5 * PRICES["ultra-budget"] + 0.3 * PRICES["mid-range"] + 0.2 * PRICES["premium"]
    assert saving(np.eye(3), route, (0.5, 0.3, 0.2)) == pytest.approx(1 - known / PRICES["premium"])
    assert saving(np.array([[0, 0, 5]] * 3), route) == pytest.approx(0)


def test_changes_are_of_the_last_user_text_or_of_the_system_prompt():
    """The request itself, earlier turns and pictures stay."""
    picture = {"type": "image_url", "image_url": {"url": "data:"}}
    request = {
        "messages": [
            {"role": "user", "content": "First"},
            {"role": "assistant", "content": "Yes?"},
            {"role": "user", "content": [{"type": "text", "text": "Look HERE  now"}, picture]},
        ]
    }
    for name, change in CHANGES.items():
        changed = change(request)
        *before, last = [each for each in changed["messages"] if each["role"] != "system"]
        assert before == request["messages"][:2], name
        assert last["content"][1] == picture
        assert changed != request
    assert request["messages"][2]["content"][0]["text"] == "Look HERE  now"


def test_tasks_and_languages_have_groups():
    """The first words of a task's name say its kind."""
    assert kind_of("math_multistep") == "mathematics"
    assert kind_of("tool_planning") == "agents and planning"
    assert kind_of("tool_call_choice") == "tool calls"
    assert kind_of("never heard of") == OTHER
    assert (group_of("en"), group_of("yue"), group_of("xx")) == ("English", "Chinese", "all others")


def test_shapes_are_what_a_request_carries():
    """Tools, turns, a system prompt, pictures; most requests have none of them."""
    picture = {"type": "image_url", "image_url": {"url": "data:"}}
    looked_at = {
        "messages": [{"role": "user", "content": [{"type": "text", "text": "x" * 200}, picture]}],
        "tools": [{}],
    }
    said = {"messages": [{"role": role, "content": "x" * LONG} for role in ("system", "user", "assistant", "user")]}
    assert shapes_of(looked_at) == {"tools", "a picture"}
    assert shapes_of(said) == {"several turns", "a system prompt", f"more than {LONG} characters"}
    assert shapes_of({"messages": [{"role": "user", "content": "x" * 200}]}) == set()
