"""A skeleton keeps structure and forgets words."""

# ruff: noqa: RUF001 - signs of other scripts are what this is about

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tierway_proxy.core.classify.shape import WINDOW, skeleton, words

OTHER_LETTERS = str.maketrans(string.ascii_letters, string.ascii_letters[7:26] + string.ascii_letters[:7] + "q" * 26)


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("", b""),
        ("Total: 1250 (see Annex 3)", b"a: 0 (a a 0)"),
        ("  Wie geht's?\r\n\r\n\r\n- gut\n", b"a a'a?\n\n\n- a"),
        ("Привет, как дела?", b"a, a a?"),
        ("«Bonjour» à tous", b'"a" a a'),
        ("请问，可以吗？", b"ww, www?"),
        ("نعم، من فضلك", b"a, a a"),
        ("x_1 = f(y);", b"a_0 = a(a);"),
    ],
)
def test_a_text_becomes_words_numbers_and_punctuation(text, shape):
    """In every script, with its own question marks, commas and quotes."""
    assert skeleton(text) == shape


@given(st.text())
def test_any_text_has_a_skeleton(text):
    """Lone halves of characters and control characters too."""
    assert words(skeleton(text)) <= len(text)


@given(st.text(alphabet=string.printable))
def test_what_is_said_is_gone(text):
    """Other letters in place of these make the same skeleton, so no word can be looked up behind it."""
    assert skeleton(text.translate(OTHER_LETTERS)) == skeleton(text)


def test_only_both_ends_of_a_long_text_are_read():
    """What stands in the middle of a megabyte costs nothing and changes nothing."""
    head, tail = "Please compare. " * 300, "Which is better? " * 300
    plain, strange = (skeleton(head + middle * 100_000 + tail) for middle in ("word ", "x = {1: 2};\n"))
    assert plain == strange
    assert len(plain) <= 2 * WINDOW + 1
