"""The general weights, as they are shipped: two sums of log-odds over the features of any request.

`general.bin` is packed by `training.packing`. Weights are signed bytes, so that sums of them are exact and the same on
every machine; a word's weights are found by its hash, and a hash that is not there is a word that says nothing.
"""

import struct
import zlib
from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from itertools import accumulate
from typing import Final

from tierway_proxy.core.classify.structure import NAMES

Sums = tuple[float, float]
"""Log-odds that a request is more than Simple, and that it is Complex."""

HEAD: Final = struct.Struct("<4sHI2d2d2d")
MAGIC: Final = b"TWG1"


@dataclass(frozen=True, slots=True)
class General:
    """All in log-odds, except that weights of words are in `step`s.

    `figures` are weights of the figures of structure: for more than Simple as the real part, for Complex as the
    imaginary one; `words` the same by hash. `usual` are the figures of a middling request and `usual_words` what its
    words add up to: what is said for a class is said beside these. `name` changes with every weight.
    """

    name: str
    bias: complex
    figures: tuple[complex, ...]
    usual: tuple[float, ...]
    usual_words: complex
    step: float
    words: Mapping[int, complex]


@cache
def general() -> General:
    """Read the shipped weights, once."""
    return unpack(files("tierway_proxy.core.classify").joinpath("general.bin").read_bytes())


def unpack(packed: bytes) -> General:
    """Read packed weights; raises ValueError unless they are for the figures that this version measures."""
    magic, figures, words, *numbers = HEAD.unpack_from(packed)
    if (magic, figures) != (MAGIC, len(NAMES)):
        raise ValueError(f"general weights for {figures} figures, not for the {len(NAMES)} that are measured")
    bias, usual_words, steps = (complex(*numbers[at : at + 2]) for at in (0, 2, 4))
    rest = zlib.decompress(packed[HEAD.size :])
    pairs = _pairs(rest[: 2 * figures])
    usual = tuple(value / 255 for value in rest[2 * figures : 3 * figures])
    low, high, heavy = (rest[3 * figures :][at * words : (at + 1) * words] for at in (0, 1, 2))
    gaps = (first + 256 * second + 65536 * third for first, second, third in zip(low, high, heavy, strict=True))
    weights = _pairs(rest[3 * figures + 3 * words :])
    return General(
        name=f"general-{sha256(packed).hexdigest()[:8]}",
        bias=bias,
        figures=tuple(pair * steps.real for pair in pairs),
        usual=usual,
        usual_words=usual_words,
        step=steps.imag,
        words=dict(zip(accumulate(gaps), _shared(weights), strict=True)),
    )


def _pairs(packed: bytes) -> list[complex]:
    """Read signed bytes: all real parts, then all imaginary ones."""
    values = array("b", packed)
    half = len(values) // 2
    return list(map(complex, values[:half], values[half:]))


def _shared(weights: list[complex]) -> list[complex]:
    """Give equal weights as one object each: thirty thousand words have few different ones."""
    one: dict[complex, complex] = {}
    return [one.setdefault(weight, weight) for weight in weights]
