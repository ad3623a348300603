"""Words become hashes by place, in any script, and nothing else of them is kept."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tierway_proxy.core.classify.conversation import Conversation
from tierway_proxy.core.classify.wording import BEFORE_WORDS, HEAD_WORDS, PLACES, wording, words


def at(place, **said):
    return set(wording(Conversation(**said))[PLACES.index(place)])


@pytest.mark.parametrize(
    ("text", "split"),
    [
        ("Prove it, 12 times!", [b"prove", b"it", b"00", b"times"]),
        ("don't_stop", [b"don", b"t", b"stop"]),
        ("Über 3 Äpfel", ["über".encode(), b"0", "äpfel".encode()]),
        ("请翻译这句", ["请翻".encode(), "翻译".encode(), "译这".encode(), "这句".encode()]),
        ("สวัสดี", None),
        ("", []),
    ],
)
def test_a_text_is_split_into_lower_case_words(text, split):
    """Numbers by their digits' count; scripts without spaces into pairs of characters."""
    if split is None:
        assert len(words(text)) > 1
    else:
        assert words(text) == split


@given(st.text())
def test_any_text_has_wording(text):
    """Lone surrogates and control characters too; each hash once, of 24 bits."""
    for keys in wording(Conversation(ask=text, previous=text, answer=text, system=text)):
        assert len(set(keys)) == len(keys)
        assert all(0 <= key < 1 << 24 for key in keys)


def test_hashes_are_the_same_on_every_machine():
    """They are part of the format of the weights: another hash would make all weights noise."""
    assert sorted(at("start", ask="Prove it")) == [7120294, 7315536]


def test_a_word_is_told_apart_by_where_it_stands():
    """At the head of the ask, at its tail, in the system prompt, in the turns before: all different hashes."""
    long = "one " * HEAD_WORDS
    seen = [
        at("head", ask="translate"),
        at("tail", ask=f"{long}translate"),
        at("system", system="translate"),
        at("previous", previous="translate"),
        at("answer", answer="translate"),
    ]
    assert all(seen)
    assert len(set.union(*seen)) == sum(map(len, seen))


def test_endings_share_a_stem():
    """Translate, translated and translating have something in common, in Cyrillic too."""
    assert at("head", ask="translate") & at("head", ask="translated") & at("head", ask="translating")
    assert at("head", ask="переведите") & at("head", ask="переведи")
    assert not at("head", ask="translate") & at("head", ask="summarise")


def test_neighbours_count_in_their_order():
    """`dog bites man` is not `man bites dog`."""
    there, back = at("head", ask="dog bites man"), at("head", ask="man bites dog")
    assert there != back
    assert there & back


def test_only_the_ends_of_long_texts_are_looked_at():
    """A word deep inside a huge text, and beyond the first ones of a turn before, changes nothing."""
    filler = "word " * 20_000
    assert wording(Conversation(ask=f"{filler}prove {filler}")) == wording(Conversation(ask=f"{filler}sing {filler}"))
    early = "word " * (BEFORE_WORDS + 50)
    assert at("previous", previous=f"{early}prove") == at("previous", previous=f"{early}sing")
