"""What is fitted to beside labelled requests: requests made of the bank, and changed copies."""

import pytest

from demo.corpus import load
from training import augment, bank
from training.card_changes import CHANGES

CLASSES = ("Simple", "Moderate", "Complex")
A_FEW_WORDS = 4


def texts(request):
    """The texts of users in a request, as lower-case words, but for those of a few words such as "yes, please"."""
    for message in request["messages"]:
        content = message.get("content") or ""
        parts = [content] if isinstance(content, str) else [part.get("text", "") for part in content]
        words = " ".join(parts).lower().split()
        if message["role"] == "user" and len(words) > A_FEW_WORDS:
            yield " ".join(words)


@pytest.fixture(scope="module")
def rows():
    return bank.rows()


@pytest.fixture(scope="module")
def copies(rows):
    return list(augment.augmented(rows))


def test_the_bank_gives_the_same_requests_every_time(rows):
    """The seed decides which material an instruction comes with."""
    assert bank.rows() == rows
    assert bank.rows(seed=2) != rows


def test_the_bank_has_every_class_in_every_language(rows):
    """A language with one class alone would teach that the language is the class."""
    for language in {row.language for row in rows}:
        assert {row.label for row in rows if row.language == language} == {0, 1, 2}, language


def test_an_instruction_comes_with_material_of_its_kind(tmp_path):
    """A line that needs something is drawn as often as `TIMES` says, with such material, and keeps its class."""
    (tmp_path / "en.jsonl").write_text(
        '{"task": "summary", "class": "Moderate", "language": "en", "needs": "article", "text": "Sum it up"}\n'
        '{"language": "en", "kind": "article", "text": "A long story."}\n'
        '{"task": "chat", "class": "Simple", "language": "en", "needs": "none", "text": "hi"}\n'
    )
    made = bank.rows(folder=tmp_path)
    texts = ["".join(message["content"] for message in row.request["messages"]) for row in made]
    assert [CLASSES[row.label] for row in made] == ["Moderate"] * bank.TIMES + ["Simple"]
    assert all("Sum it up" in text and "A long story." in text for text in texts[: bank.TIMES])
    assert texts[-1] == "hi"


def test_changed_copies_are_the_same_every_time(rows, copies):
    """The seed decides which rows are changed, and how."""
    assert list(augment.augmented(rows)) == copies
    assert list(augment.augmented(rows, seed=3)) != copies


def test_a_copy_keeps_the_label_and_all_but_the_request(rows, copies):
    """And its index is that of its original; nearly every copy is another request than its original."""
    for at, copy in copies:
        assert (copy.label, copy.dataset, copy.language) == (rows[at].label, rows[at].dataset, rows[at].language)
    assert sum(copy.request != rows[at].request for at, copy in copies) > 0.9 * len(copies) > 0


def test_originals_are_not_changed(rows, copies):
    """A change makes a new request: the bank's rows are as they were."""
    assert copies
    assert rows == bank.rows()


def test_what_the_card_judges_by_is_not_what_was_taught():
    """None of the card's bait is among the words that augmentation puts beside requests."""
    taught = {*augment._HEAVY, *augment._LIGHT, *map(str.lower, augment._REMARKS)}
    request = {"messages": [{"role": "user", "content": ""}]}
    for change in CHANGES.values():
        said = " ".join(
            message["content"].lower() for message in change(request)["messages"] if message["role"] == "user"
        )
        assert [word for word in taught if f" {word} " in f" {said} "] == []


def test_the_set_in_the_repository_is_not_fitted_to(rows):
    """No request of the set that the card judges the shipped weights by is in the bank."""
    fitted = {text for row in rows for text in texts(row.request)}
    assert len(fitted) > 5000
    assert fitted.isdisjoint(text for sample in load() for text in texts(sample.request))
