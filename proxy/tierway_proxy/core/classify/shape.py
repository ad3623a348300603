"""A text reduced to its skeleton, so that structure can be counted in any script at the speed of `bytes.count`.

Each word becomes one `a` (a very long one a few), each number one `0`, each character of an unspaced script (Han, kana)
one `w`; line breaks and punctuation stay, in their ASCII form. `Total: 1250 (see Annex 3)` becomes `a: 0 (a a 0)`. What
is said is gone: nothing downstream can look a word up.

Only both ends of a text are read, `WINDOW` characters each: a megabyte costs what six kilobytes do.
"""

# ruff: noqa: RUF001 - signs of other scripts are what this is about

from typing import Final

WINDOW: Final = 3072
"""Characters read at each end of a text."""

_FOLDED: Final = (
    *(("？", "? "), ("؟", "?"), ("。", ". "), ("।", ". "), ("！", "! "), ("，", ", "), ("、", ", "), ("،", ",")),
    *(("；", "; "), ("：", ": "), ("（", "("), ("）", ")"), ("“", '"'), ("”", '"'), ("„", '"'), ("«", '"'), ("»", '"')),
    *(("「", '"'), ("」", '"'), ("•", "-"), ("–", "-")),
)
"""Punctuation of other scripts and signs of typography, with the ASCII form that has the same meaning."""

_SQUEEZED: Final = (
    *((b"aaaa", b"a"), (b"aaa", b"a"), (b"aa", b"a"), (b"000", b"0"), (b"00", b"0")),
    *((b"  ", b" "), (b"  ", b" "), (b"\n ", b"\n"), (b" \n", b"\n")),
)
"""Runs that say nothing more than one of their members does; indentation goes, too."""


def _kind(byte: int) -> int:
    """Give the skeleton's letter of a character by the first byte of its UTF-8 form."""
    if 0xE3 <= byte <= 0xE9:  # lead bytes of kana and Han
        return ord("w")
    if byte >= 0x80 or chr(byte).isalpha():  # lead bytes of every other script
        return ord("a")
    if chr(byte).isdigit():
        return ord("0")
    return ord(" ") if byte < ord(" ") and byte != ord("\n") else byte


_KINDS: Final = bytes(map(_kind, range(256)))
_CONTINUATION: Final = bytes(range(0x80, 0xC0))


def window(text: str) -> str:
    """Give both ends of a long text, or a short one whole."""
    return text if len(text) <= 2 * WINDOW else f"{text[:WINDOW]}\n{text[-WINDOW:]}"


def skeleton(text: str) -> bytes:
    """Reduce a text to words, numbers, punctuation and line breaks."""
    text = window(text)
    if not text.isascii():
        for sign, ascii_form in _FOLDED:
            text = text.replace(sign, ascii_form)
    shape = text.encode("utf-8", "surrogatepass").translate(_KINDS, _CONTINUATION)
    for run, one in _SQUEEZED:
        shape = shape.replace(run, one)
    return shape.strip()


def words(shape: bytes) -> float:
    """Count the words and numbers of a skeleton; a character of an unspaced script counts 0.6."""
    return shape.count(b"a") + shape.count(b"0") + 0.6 * shape.count(b"w")
