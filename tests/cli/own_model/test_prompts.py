"""Prompts are read in all the forms in which people have them."""

import gzip
import json

import pytest

from tests.cli.own_model.application import write_lines
from tierway_cli.own_model.errors import BadInputError
from tierway_cli.own_model.prompts import read_prompts

BODY = {"messages": [{"role": "user", "content": "Where is my parcel?"}]}


def contents(prompts):
    return [prompt.body["messages"][-1]["content"] for prompt in prompts]


@pytest.mark.parametrize(
    "line",
    [
        {"request": BODY, "class": "Simple", "probabilities": [1, 0, 0], "table": "f00d"},
        BODY,
        {"prompt": "Where is my parcel?"},
        {"request": "Where is my parcel?"},
        {"prompt": BODY["messages"], "weak": 1, "strong": 1},
        {"question": "Where is my parcel?"},
        "Where is my parcel?",
    ],
)
def test_a_line_may_be_a_request_or_a_text(tmp_path, line):
    """All of them are the same prompt, with the same id."""
    (found,) = read_prompts([write_lines(tmp_path / "p.jsonl", [line])])
    (same,) = read_prompts([write_lines(tmp_path / "q.jsonl", [BODY])])
    assert found == same


def test_a_folder_is_read_with_all_that_recording_left_in_it(tmp_path):
    """Files of folders in it, packed ones and texts, the same prompt once, and no half line."""
    (tmp_path / "llm__default").mkdir()
    write_lines(tmp_path / "llm__default" / "a.jsonl", [{"request": BODY}, {"request": BODY}])
    with (tmp_path / "llm__default" / "a.jsonl").open("a") as file:
        file.write('{"request": {"messages": [{"role": "us')
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(json.dumps({"prompt": "Zweite"}).encode()))
    (tmp_path / "c.txt").write_text("Third\n\n  Fourth  \n")
    (tmp_path / "notes.yaml").write_text("prompt: none of ours")
    assert contents(read_prompts([tmp_path])) == ["Zweite", "Third", "Fourth", "Where is my parcel?"]


def test_a_json_file_may_hold_one_prompt_or_a_list(tmp_path):
    """As exports of other tools do."""
    (tmp_path / "one.json").write_text(json.dumps(BODY))
    (tmp_path / "list.json").write_text(json.dumps([{"text": "First"}, {"text": "Second"}]))
    assert contents(read_prompts([tmp_path / "one.json"])) == ["Where is my parcel?"]
    assert contents(read_prompts([tmp_path / "list.json"])) == ["First", "Second"]


def test_a_separator_of_lines_in_a_text_ends_no_line(tmp_path):
    """U+2028 is a character of JSON strings like any other."""
    (tmp_path / "p.jsonl").write_text('{"prompt": "one\u2028two"}\n', encoding="utf-8")
    assert contents(read_prompts([tmp_path / "p.jsonl"])) == ["one\u2028two"]


def test_a_mark_of_byte_order_is_no_part_of_the_first_line(tmp_path):
    """Some editors write one."""
    (tmp_path / "p.jsonl").write_bytes(b'\xef\xbb\xbf{"prompt": "First"}\n')
    assert contents(read_prompts([tmp_path / "p.jsonl"])) == ["First"]


@pytest.mark.parametrize(
    ("name", "data", "sentence"),
    [
        ("empty.jsonl", b"", "no prompt in it; expected JSON Lines"),
        ("other.jsonl", b'{"id": 1}\n[2]\n', "no prompt in it; expected JSON Lines"),
        ("latin.jsonl", b'{"prompt": "\xe4"}', "is not UTF-8 at byte 12"),
        ("bad.jsonl.gz", b"no gzip", "Not a gzipped file"),
        ("broken.jsonl.gz", gzip.compress(b"x")[:10] + b"\xff" * 20, "invalid"),
        ("bad.json", b"{", "no JSON"),
        ("deep.json", b"[" * 100_000, "no JSON"),
        ("deep.jsonl", b"[" * 100_000, "no line of it is JSON"),
    ],
)
def test_a_file_without_prompts_is_refused_by_name(tmp_path, name, data, sentence):
    """The sentence says which file, and what was expected of it."""
    (tmp_path / name).write_bytes(data)
    with pytest.raises(BadInputError) as caught:
        read_prompts([tmp_path / name])
    assert str(caught.value).startswith(str(tmp_path / name))
    assert sentence in str(caught.value)


def test_a_folder_without_files_and_a_path_that_is_not_there_are_refused(tmp_path):
    """Each with its own sentence."""
    with pytest.raises(BadInputError, match=r"no file in it ends in \.jsonl"):
        read_prompts([tmp_path])
    with pytest.raises(BadInputError, match="there is no such file or folder"):
        read_prompts([tmp_path / "nowhere"])
