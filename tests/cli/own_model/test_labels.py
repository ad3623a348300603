"""Labels come in many spellings, and what is none is refused by its line."""

import json

import pytest

from tests.cli.own_model.application import prompt, write_lines
from tierway_cli.own_model.errors import BadInputError
from tierway_cli.own_model.label_file import LabelFile
from tierway_cli.own_model.labels import class_by_outcomes, read_labels
from tierway_cli.own_model.looks import look

TEXT = "Where is my parcel?"


def classes(tmp_path, *lines):
    return [label.klass for label in read_labels([write_lines(tmp_path / "l.jsonl", lines)])]


@pytest.mark.parametrize(
    ("spelling", "klass"),
    [
        ("SIMPLE", "Simple"),
        ("Simple", "Simple"),
        ("simple", "Simple"),
        (" easy ", "Simple"),
        ("MEDIUM", "Moderate"),
        ("moderate", "Moderate"),
        ("COMPLEX", "Complex"),
        ("hard", "Complex"),
        ("REASONING", "Complex"),
        ("c", "Complex"),
    ],
)
def test_usual_spellings_of_the_classes_are_read(tmp_path, spelling, klass):
    """Under `class` and under `label`."""
    assert classes(tmp_path, {"prompt": TEXT, "class": spelling}) == [klass]
    assert classes(tmp_path, {"prompt": TEXT, "label": spelling}) == [klass]


def test_outcomes_become_classes_by_what_the_strong_model_adds():
    """Nothing: Simple, also where both fail; much: Complex; something: Moderate."""
    assert class_by_outcomes(1, 1) == "Simple"
    assert class_by_outcomes(0, 0) == "Simple"
    assert class_by_outcomes(1, 0) == "Simple"
    assert class_by_outcomes(0.5, 0.8) == "Moderate"
    assert class_by_outcomes(0, 1) == "Complex"


def test_lines_with_scores_are_labels(tmp_path):
    """`weak` and `strong` beside a request or a text."""
    body = {"messages": [{"role": "user", "content": "Hard one"}]}
    assert classes(tmp_path, {"prompt": TEXT, "weak": 1, "strong": 1.0}, {"request": body, "weak": 0, "strong": 1}) == [
        "Simple",
        "Complex",
    ]


def test_the_last_label_of_a_prompt_counts(tmp_path):
    """Somebody changed their mind."""
    assert classes(tmp_path, {"prompt": TEXT, "class": "Simple"}, {"prompt": TEXT, "class": "Complex"}) == ["Complex"]


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ({"prompt": TEXT, "class": "trivial"}, "class 'trivial' is none of Simple, Moderate, Complex."),
        ({"prompt": TEXT, "class": 3}, "class 3 is none of Simple, Moderate, Complex."),
        ({"prompt": TEXT}, "no label; expected `class`, or the scores `weak` and `strong`."),
        ({"class": "Simple"}, "no prompt; expected `request`, `messages`, `prompt` or `text`."),
        ({"prompt": TEXT, "weak": 40, "strong": 1}, "weak 40 is no score from 0 to 1."),
        ("Where?", "no label; expected an object with a prompt and its `class`."),
        (
            {"request": TEXT, "class": "Simple", "probabilities": [1, 0, 0], "table": "f00d"},
            "a recorded prompt, whose class is only what the classifier guessed; label it first: tierway label.",
        ),
    ],
)
def test_a_line_that_is_no_label_is_refused(tmp_path, line, sentence):
    """By file and number, and with what would have been one."""
    with pytest.raises(BadInputError) as caught:
        classes(tmp_path, {"prompt": "Good", "class": "Simple"}, line)
    assert str(caught.value) == f"{tmp_path / 'l.jsonl'}:2: {sentence}"


def test_a_label_file_holds_figures_that_read_back_exactly_and_no_text(tmp_path):
    """What was labelled may be thrown away."""
    file, asked = LabelFile(tmp_path / "l.jsonl"), prompt("The secret is xylophone")
    file.write(asked.id, "Complex", look(asked.body))
    (label,) = file.labels()
    assert (label.id, label.klass, label.look) == (asked.id, "Complex", look(asked.body))
    assert "xylophone" not in (tmp_path / "l.jsonl").read_text()


def test_figures_of_another_classifier_need_the_prompts_again(tmp_path):
    """Otherwise the model would be fitted to noise."""
    file, asked = LabelFile(tmp_path / "l.jsonl"), prompt(TEXT)
    file.write(asked.id, "Complex", look(asked.body))
    line = json.loads((tmp_path / "l.jsonl").read_text())
    line["figures"]["over"] = "general-0"
    old = write_lines(tmp_path / "old.jsonl", [line])
    with pytest.raises(BadInputError, match=r"another release's classifier; name the prompts .* with --pool"):
        read_labels([old])
    assert read_labels([old], [asked]) == file.labels()


@pytest.mark.parametrize(
    "broken",
    [
        {"sums": [1.0]},
        {"sums": [float("nan"), 0.0]},
        {"sums": [10**400, 0.0]},
        {"structure": [0.5]},
        {"words": {"4096": 1.0}},
        {"words": {"one": 1.0}},
        {"words": [1.0]},
    ],
)
def test_figures_that_somebody_edited_are_refused_by_their_line(tmp_path, broken):
    """Not by a traceback of the fit."""
    file, asked = LabelFile(tmp_path / "l.jsonl"), prompt(TEXT)
    file.write(asked.id, "Complex", look(asked.body))
    line = json.loads((tmp_path / "l.jsonl").read_text())
    line["figures"].update(broken)
    with pytest.raises(BadInputError, match=r"edited\.jsonl:1: its figures are of another"):
        read_labels([write_lines(tmp_path / "edited.jsonl", [line])])


def test_what_a_crash_left_of_a_line_is_cut_away(tmp_path):
    """The next label is a line of its own."""
    file, first, second = LabelFile(tmp_path / "l.jsonl"), prompt("First"), prompt("Second")
    file.write(first.id, "Simple", look(first.body))
    with (tmp_path / "l.jsonl").open("a") as half:
        half.write('{"id": "abc", "cl')
    LabelFile(tmp_path / "l.jsonl").write(second.id, "Complex", look(second.body))
    assert [label.id for label in file.labels()] == [first.id, second.id]


def test_a_whole_last_line_without_an_end_is_kept(tmp_path):
    """Editors write such files."""
    (tmp_path / "l.jsonl").write_text('{"prompt": "First", "class": "Simple"}')
    second = prompt("Second")
    LabelFile(tmp_path / "l.jsonl").write(second.id, "Complex", look(second.body))
    assert [label.klass for label in LabelFile(tmp_path / "l.jsonl").labels()] == ["Simple", "Complex"]
