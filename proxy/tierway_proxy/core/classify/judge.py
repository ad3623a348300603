"""Features weighed: by the general weights, or by a policy's own model that lies over them.

Both are a `Judge`: weights of figures and of words, and a bias. An own model's general part is folded into its weights
of figures when it is first used, so a request costs little more with one than without.
"""

from array import array
from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from math import exp, sqrt
from operator import mul
from typing import Final, NamedTuple

from tierway_proxy.contract.own_model import WORDS, OwnModel
from tierway_proxy.core.classify.features import Features
from tierway_proxy.core.classify.general import General, Sums, general

_CERTAIN: Final = 9.0
"""Log-odds beyond which nothing is believed: one in eight thousand."""

Mix = tuple[tuple[float, float], tuple[float, float]]
_AS_IT_IS: Final[Mix] = ((1.0, 0.0), (0.0, 1.0))


class Judgement(NamedTuple):
    """`words` is what the words added up to, more than Simple as the real part, Complex as the imaginary one."""

    seen: Features
    words: complex
    sums: Sums


@dataclass(frozen=True, slots=True)
class Judge:
    """Complex numbers hold both sums: more than Simple as the real part, Complex as the imaginary one.

    `mix` is applied to what the general words add up to; `own` are weights of the own model's buckets of words, in
    steps: sums of whole numbers are the same in any order, so on any machine.
    """

    base: General
    bias: complex
    figures: tuple[complex, ...]
    mix: Mix = _AS_IT_IS
    own: tuple[complex, ...] = ()
    own_step: float = 0.0


@cache
def general_judge() -> Judge:
    """Weigh by the shipped weights alone."""
    base = general()
    return Judge(base, base.bias, base.figures)


@lru_cache(maxsize=256)
def judge(model: OwnModel | None) -> Judge:
    """Weigh by a policy's own model; by the general weights when there is none, or it was made over other ones."""
    base = general()
    if model is None or model.over != base.name:
        return general_judge()
    own = tuple(pair * model.step for pair in _pairs(model.structure))
    folded = tuple(mixed(model.general, weight) for weight in base.figures)
    return Judge(
        base=base,
        bias=complex(*model.bias) + mixed(model.general, base.bias),
        figures=tuple(map(sum, zip(folded, own, strict=True))),
        mix=model.general,
        own=tuple(_pairs(model.words)),
        own_step=model.step,
    )


def general_sums(seen: Features) -> Sums:
    """Log-odds by the general weights."""
    return judged(general_judge(), seen).sums


def own_sums(seen: Features, model: OwnModel) -> Sums:
    """Log-odds by a policy's own model."""
    return judged(judge(model), seen).sums


def judged(by: Judge, seen: Features) -> Judgement:
    """Weigh features."""
    words = _general_words(by.base, seen)
    if by.own:
        words = mixed(by.mix, words) + by.own_step * _own_words(by.own, seen)
    both = by.bias + words + sum(map(mul, seen.structure, by.figures))
    return Judgement(seen, words, (both.real, both.imag))


def probabilities(sums: Sums) -> tuple[float, float, float]:
    """Of Simple, Moderate and Complex; none is 0 or 1 exactly, for nothing is certain that was judged by its looks."""
    more, most = (1 / (1 + exp(-min(_CERTAIN, max(-_CERTAIN, odds)))) for odds in sums)
    most = min(most, more)
    return 1 - more, more - most, most


def _general_words(base: General, seen: Features) -> complex:
    """Weights of the words that are known, those of each place by the root of their number."""
    total = 0j
    for _, keys in seen.groups:
        found = [weight for weight in map(base.words.get, keys) if weight is not None]
        if found:
            total += sum(found) / sqrt(len(found))
    return total * base.step


def _own_words(own: Sequence[complex], seen: Features) -> complex:
    total = 0j
    for value, keys in seen.groups:
        total += value * sum([own[key % WORDS] for key in keys])
    return total


def mixed(mix: Mix, sums: complex) -> complex:
    """Both sums, each made of the two general ones."""
    (a, b), (c, d) = mix
    return complex(a * sums.real + b * sums.imag, c * sums.real + d * sums.imag)


def _pairs(text: str) -> list[complex]:
    """Read signed bytes in base64: pairs of one for more than Simple and one for Complex."""
    values = array("b", b64decode(text))
    return list(map(complex, values[::2], values[1::2]))
