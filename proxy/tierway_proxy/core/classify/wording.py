"""Words reduced to numbers: which of them stand where in a request, as hashes that nothing can be read back from.

A word means more in what is asked than in the material it is asked of, so the first words of the ask, its last ones and
all of them are told apart, and those of the system prompt and of the turns before. Of each place single words, pairs of
neighbours and stems are taken. Scripts that put no spaces between words are cut into pairs of characters.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, repeat
from string import ascii_lowercase, ascii_uppercase, digits
from typing import Final
from zlib import crc32

from tierway_proxy.core.classify.conversation import Conversation

Keys = tuple[int, ...]

HEAD_WORDS: Final = 40
TAIL_WORDS: Final = 30
SYSTEM_WORDS: Final = 60
BEFORE_WORDS: Final = 40
STEM: Final = 5
"""Letters of a longer word that stand for all its endings; one less among the first and last words."""

_HEAD_CHARACTERS: Final = 2048
_TAIL_CHARACTERS: Final = 1024
_SYSTEM_CHARACTERS: Final = 600
_BEFORE_CHARACTERS: Final = 400
_MASK: Final = 0xFFFFFF
_FOLDED: Final = bytes.maketrans((ascii_uppercase + digits).encode(), (ascii_lowercase + "0" * 10).encode())
_PLAIN_WORD: Final = re.compile(rb"[a-z]+|0+")
_WORD: Final = re.compile(r"[^\W\d_]+|\d+")
_UNSPACED: Final = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")

PLACES: Final = ("anywhere", "head", "tail", "start", "system", "previous", "answer")
_SEEDS: Final = {
    f"{place}{kind}": crc32(f"{place}{kind}".encode()) for place in PLACES for kind in ("", " stem", " pair")
}


def wording(said: Conversation) -> tuple[Keys, ...]:
    """Give the hashes of the words at each of `PLACES`, each once, in no order."""
    ask = words(_ends(said.ask))
    head, tail = ask[:HEAD_WORDS], ask[HEAD_WORDS:][-TAIL_WORDS:]
    system = words(said.system[:_SYSTEM_CHARACTERS])[:SYSTEM_WORDS]
    return (
        _distinct(_single(ask, "anywhere"), _stems(ask, "anywhere", STEM)),
        _distinct(_single(head, "head"), _pairs(head, "head"), _stems(head, "head", STEM - 1)),
        _distinct(_single(tail, "tail"), _pairs(tail, "tail"), _stems(tail, "tail", STEM - 1)),
        _distinct(_openings(head)),
        _distinct(_single(system, "system"), _pairs(system[:HEAD_WORDS], "system")),
        _distinct(_single(words(said.previous[:_BEFORE_CHARACTERS])[:BEFORE_WORDS], "previous")),
        _distinct(_single(words(said.answer[-_BEFORE_CHARACTERS:])[-BEFORE_WORDS:], "answer")),
    )


def words(text: str) -> list[bytes]:
    """Split a text into lower-case words; each digit of a number is a 0."""
    if text.isascii():
        return _PLAIN_WORD.findall(text.encode().translate(_FOLDED))
    return [word.encode("utf-8", "surrogatepass") for word in _words(text.lower())]


def _words(text: str) -> Iterator[str]:
    for word in _WORD.findall(text):
        if word[0].isdigit():
            yield "0" * len(word)
        elif len(word) > 1 and _UNSPACED.search(word):
            yield from map(str.__add__, word, word[1:])
        else:
            yield word


def _ends(text: str) -> str:
    if len(text) <= _HEAD_CHARACTERS + _TAIL_CHARACTERS:
        return text
    return f"{text[:_HEAD_CHARACTERS]} {text[-_TAIL_CHARACTERS:]}"


def _distinct(*hashes: Iterable[int]) -> Keys:
    return tuple({each & _MASK for each in chain.from_iterable(hashes)})


def _single(some: Sequence[bytes], place: str) -> Iterator[int]:
    return map(crc32, some, repeat(_SEEDS[place]))


def _stems(some: Sequence[bytes], place: str, length: int) -> Iterator[int]:
    longer = [word[:size] for word in some if len(word) > (size := length if word[0] < 0x80 else 2 * length)]
    return map(crc32, longer, repeat(_SEEDS[f"{place} stem"]))


def _pairs(some: Sequence[bytes], place: str) -> Iterator[int]:
    return map(crc32, some[1:], map(crc32, some, repeat(_SEEDS[f"{place} pair"])))


def _openings(head: Sequence[bytes]) -> Iterator[int]:
    """Hash the first word, the first two and the first three."""
    hashed = _SEEDS["start"]
    for word in head[:3]:
        hashed = crc32(word, hashed)
        yield hashed
