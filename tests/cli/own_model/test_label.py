"""A labelling session: what is shown, what is kept, and when it ends."""

import json
import os
import sys
import threading
from io import StringIO

import pytest

from tests.cli.own_model.application import prompt, texts, write_lines
from tierway_cli.__main__ import main
from tierway_cli.own_model import choosing
from tierway_cli.own_model.keys import keys
from tierway_cli.own_model.label_file import LabelFile
from tierway_cli.own_model.looks import look
from tierway_cli.own_model.showing import shown
from tierway_cli.own_model.study import study

KEY = {"Simple": "s", "Moderate": "m", "Complex": "c"}


@pytest.fixture
def label(tmp_path, monkeypatch, capsys):
    """Run the command on ninety prompts with these lines typed; what it printed and the labels it left."""
    monkeypatch.chdir(tmp_path)
    write_lines(tmp_path / "prompts.jsonl", [{"prompt": text} for _, text in texts(90)])

    def run(*keys, flags=()):
        monkeypatch.setattr(sys, "stdin", StringIO("".join(f"{key}\n" for key in keys)))
        assert main(["label", "prompts.jsonl", "-o", "labels.jsonl", *flags]) == 0
        lines = (tmp_path / "labels.jsonl").read_text().splitlines()
        return capsys.readouterr().out, [json.loads(line) for line in lines]

    return run


def test_each_key_labels_a_prompt_at_once(label):
    """Three keys, three lines, in the order of the keys; and no text of a prompt among them."""
    printed, kept = label("s", "M", "c")
    assert [line["class"] for line in kept] == ["Simple", "Moderate", "Complex"]
    assert "3 labels are in labels.jsonl." in printed
    assert not any(word in json.dumps(kept) for word in ("parcel", "lorries", "friendly"))


def test_the_last_label_can_be_taken_back_and_the_same_prompt_is_asked_again(label):
    """As if it had not been given."""
    printed, kept = label("s", "c", "u", "m", "q")
    assert [line["class"] for line in kept] == ["Simple", "Moderate"]
    assert "Taken back." in printed
    shown_ = [part.split("\n")[1] for part in printed.split("\n--- ")[1:] if "labelled" in part.split("\n")[0]]
    assert shown_[1] == shown_[3]


def test_only_labels_of_this_session_are_taken_back(label):
    """Those of an earlier one may be somebody else's."""
    label("s", "q")
    printed, kept = label("u", "q")
    assert len(kept) == 1
    assert "Nothing of this session is left to take back." in printed


def test_a_session_goes_on_where_the_last_one_ended(label):
    """No prompt is asked about twice."""
    label("s", "m", "q")
    printed, kept = label("c", "q")
    assert [line["class"] for line in kept] == ["Simple", "Moderate", "Complex"]
    assert len({line["id"] for line in kept}) == 3
    assert "2 labelled (1 Simple, 1 Moderate, 0 Complex), 88 not" in printed


def test_a_skipped_prompt_is_not_asked_about_again_and_an_unknown_key_explains(label):
    """Skipping costs no label."""
    printed, kept = label("k", "?", "s", "q")
    assert len(kept) == 1
    assert printed.count("s  Simple ") == 2
    asked = [part.split("\n")[1] for part in printed.split("\n--- ")[1:] if "labelled" in part.split("\n")[0]]
    assert asked[0] != asked[1]


def test_it_tells_what_the_labels_are_worth_and_ends_when_more_would_teach_little(label):
    """An application whose kinds are clear needs few; whoever wants goes on."""
    known = study([prompt(text) for _, text in texts(90)], [])
    truth = {prompt(text).id: klass for klass, text in texts(90)}
    keys = []
    while len(known.at) < choosing.LEAST_LABELS + 15:
        row = choosing.choose(known.space, known.at, known.classes, ())[0]
        known.tell(row, truth[known.ids[row]])
        keys.append(KEY[truth[known.ids[row]]])
    printed, kept = label(*keys)
    assert choosing.LEAST_LABELS <= len(kept) < choosing.LEAST_LABELS + 10
    assert "Estimate (10 folds of 20 labels): macro-F1 " in printed
    assert "more will teach little. Now: tierway calibrate." in printed
    _, more = label(*keys[len(kept) :], flags=["--until", str(len(kept) + 2)])
    assert len(more) == len(kept) + 2


def test_labels_of_prompts_that_are_not_there_count_and_are_not_asked_about(label, tmp_path):
    """Somebody threw the recordings of last week away."""
    file, gone = LabelFile(tmp_path / "labels.jsonl"), prompt("Long gone")
    file.write(gone.id, "Simple", look(gone.body))
    printed, kept = label("c", "q")
    assert "1 labelled (1 Simple, 0 Moderate, 0 Complex), 90 not" in printed
    assert len(kept) == 2


def test_a_prompt_is_shown_with_what_stands_around_it_and_cannot_play_tricks():
    """Its last turn in full, the others in brief, tools by number, and no control character of a stranger."""
    text = shown(
        {
            "messages": [
                {"role": "system", "content": "You help. " * 100},
                {"role": "user", "content": "First\nquestion"},
                {"role": "assistant", "content": None},
                {"role": "user", "content": [{"type": "text", "text": "Look\x1b[2J\x07 here"}, {"type": "image_url"}]},
            ],
            "tools": [{}, {}],
        }
    )
    assert text.split("\n")[-3:] == ["Look [2J  here", "[image_url]", "[2 tools]"]
    assert "[user]: First question" in text
    assert text.startswith("[system]: You help. ")
    assert text.split("\n")[0].endswith("…")
    assert "\x1b" not in text


def test_a_long_prompt_is_shown_by_its_ends():
    """By characters and by lines."""
    text = shown({"messages": [{"role": "user", "content": "a" * 5000 + "end"}]})
    assert "[… 3503 characters …]" in text
    assert text.endswith("end")
    text = shown({"messages": [{"role": "user", "content": "\n".join(map(str, range(100)))}]})
    assert "[… 70 lines …]" in text


@pytest.mark.parametrize(
    "body", [{}, {"messages": []}, {"messages": [1, {"role": 2, "content": 3}]}, {"messages": "x"}]
)
def test_whatever_a_recording_holds_can_be_shown(body):
    """It was a request that somebody sent."""
    assert isinstance(shown(body), str)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_in_a_terminal_one_key_is_enough_and_an_arrow_is_no_letter(monkeypatch):
    """And the terminal is left as it was found."""
    import termios  # noqa: PLC0415 - there is none on Windows
    import tty  # noqa: PLC0415

    ours, theirs = os.openpty()
    before, cbreak = termios.tcgetattr(theirs), tty.setcbreak

    def pressed_once_somebody_listens(terminal):
        cbreak(terminal)
        os.write(ours, b"S")

    monkeypatch.setattr(tty, "setcbreak", pressed_once_somebody_listens)
    with os.fdopen(theirs) as terminal:
        monkeypatch.setattr(sys, "stdin", terminal)
        pressed = keys()
        assert next(pressed) == "s"
        threading.Timer(0.2, os.write, (ours, b"q")).start()  # a key by itself, as fingers are slow
        os.write(ours, b"\x1b[C")
        assert next(pressed) == "q"
        pressed.close()
        assert termios.tcgetattr(theirs) == before
    os.close(ours)
