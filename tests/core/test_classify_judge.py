"""Features are weighed by the shipped weights, or by a policy's own model over them."""

from array import array
from base64 import b64encode
from importlib.resources import files
from math import sqrt

import pytest

from demo.corpus import load
from tierway_proxy.contract.own_model import FIGURES, GENERAL, WORDS, OwnModel
from tierway_proxy.contract.table import Boundaries, Classifier
from tierway_proxy.core.classify import classify, examine, features, general_sums, own_sums, probabilities
from tierway_proxy.core.classify.general import general, unpack
from tierway_proxy.core.classify.structure import NAMES

BODIES = [sample.request for sample in load()[::10]]


def seen(body):
    return features(body, examine(body))


def chat(text):
    return {"messages": [{"role": "user", "content": text}]}


def pairs(count, weights=()):
    """`count` pairs of signed bytes, all 0 but `weights`: {place: (more than Simple, Complex)}."""
    values = array("b", bytes(2 * count))
    for at, (more, most) in dict(weights).items():
        values[2 * at], values[2 * at + 1] = more, most
    return b64encode(values.tobytes()).decode()


def model(**more):
    fields = {
        "over": GENERAL,
        "bias": (0.0, 0.0),
        "general": ((1.0, 0.0), (0.0, 1.0)),
        "step": 0.1,
        "structure": pairs(FIGURES),
        "words": pairs(WORDS),
        "labels": 40,
    }
    return OwnModel(**{**fields, **more})


def test_the_shipped_weights_are_those_that_the_contract_names():
    """Own models say over which weights they were made; the operator compares by this name."""
    assert general().name == GENERAL
    assert len(NAMES) == FIGURES == len(set(NAMES))


def test_the_shipped_weights_are_small():
    """At most 100 KB in the wheel."""
    assert len(files("tierway_proxy.core.classify").joinpath("general.bin").read_bytes()) <= 100_000


def test_weights_for_other_figures_are_not_read():
    """A weight would be another figure's."""
    packed = bytearray(files("tierway_proxy.core.classify").joinpath("general.bin").read_bytes())
    packed[4] += 1
    with pytest.raises(ValueError, match=f"for {len(NAMES) + 1} figures, not for the {len(NAMES)}"):
        unpack(bytes(packed))


def test_every_request_has_all_figures():
    """Weights are multiplied by position."""
    for body in [*BODIES, {}, chat("")]:
        figures = seen(body).structure
        assert len(figures) == len(NAMES)
        assert all(0 <= figure <= 1 for figure in figures)


def test_an_own_model_without_weights_says_what_the_general_one_does():
    """It lies over the general weights: nothing added, nothing changed."""
    for body in BODIES:
        assert own_sums(seen(body), model()) == pytest.approx(general_sums(seen(body)), abs=1e-9)


def test_an_own_model_may_bend_and_mix_the_general_sums():
    """Bias, and the two general sums in any mixture."""
    for body in BODIES:
        more, most = general_sums(seen(body))
        bent = own_sums(seen(body), model(bias=(0.5, -0.25), general=((2.0, 0.5), (0.0, 0.5))))
        assert bent == pytest.approx((2 * more + 0.5 * most + 0.5, 0.5 * most - 0.25), abs=1e-9)


def test_an_own_weight_of_a_figure_counts_as_often_as_the_figure():
    """In steps."""
    at = NAMES.index("tools")
    heavier = model(structure=pairs(FIGURES, {at: (10, -20)}))
    for body in BODIES:
        given = seen(body).structure[at]
        more, most = general_sums(seen(body))
        assert own_sums(seen(body), heavier) == pytest.approx((more + given, most - 2 * given), abs=1e-9)


def test_an_own_weight_of_a_word_moves_the_requests_that_hold_it():
    """And no others, but for words that share its bucket."""
    start = dict.fromkeys({key % WORDS for _, keys in seen(chat("flarbel")).groups for key in keys}, (100, 100))
    own = model(words=pairs(WORDS, start))
    assert own_sums(seen(chat("flarbel")), own)[1] > general_sums(seen(chat("flarbel")))[1] + 1
    assert own_sums(seen(chat("ok")), own) == pytest.approx(general_sums(seen(chat("ok"))), abs=1e-9)


def test_an_own_weight_of_a_word_counts_by_the_root_of_the_words_beside_it():
    """Each place has a length of one, however many words stand in it."""
    heavier = model(words=pairs(WORDS, dict.fromkeys(range(WORDS), (10, -5))))
    for body in BODIES:
        added = sum(sqrt(len(keys)) for _, keys in seen(body).groups)
        more, most = general_sums(seen(body))
        assert own_sums(seen(body), heavier) == pytest.approx((more + added, most - added / 2), abs=1e-9)


@pytest.mark.parametrize(
    ("weight", "bias", "said"),
    [
        ((0, 127), 9.0, "tools to choose between"),
        ((127, 0), 9.0, "nothing in it stands out"),
        ((127, 0), (9.0, -9.0), "tools to choose between"),
        ((0, 127), (9.0, -9.0), "nothing in it stands out"),
        ((0, 1), 9.0, "nothing in it stands out"),
        ((0, 0), -9.0, "nothing in it stands out"),
    ],
)
def test_reasons_are_what_weighs_in_the_own_model_for_the_class(weight, bias, said):
    """Of Complex in its own sum; what hardly weighs, and what only the general model knows, is not told."""
    bias = bias if isinstance(bias, tuple) else (bias, bias)
    own = model(
        bias=bias, general=((0, 0), (0, 0)), step=0.01, structure=pairs(FIGURES, {NAMES.index("tools"): weight})
    )
    body = {**chat("hi"), "tools": [{"type": "function"}]}
    assert classify(body, examine(body), Classifier(model=own)).reasons == (said,)


def test_a_model_made_over_other_weights_is_not_used():
    """After an upgrade an old one may still be in a table: the general weights judge until it is made anew."""
    old = model(over="general-00000000", bias=(9.0, 9.0))
    for body in BODIES[:10]:
        assert classify(body, examine(body), Classifier(model=old)) == classify(body, examine(body))


def test_a_policys_own_model_decides_the_class():
    """That is what it is for."""
    hard, easy = (Classifier(model=model(bias=(bias, bias))) for bias in (50.0, -50.0))
    for body in BODIES[:10]:
        assert classify(body, examine(body), hard).klass == "Complex"
        assert classify(body, examine(body), easy).klass == "Simple"


@pytest.mark.parametrize(
    ("moderate", "complex_", "on_uncertain", "klass"),
    [
        (50, 50, "AsClassified", "Complex"),
        (50, 51, "AsClassified", "Moderate"),
        (51, 51, "AsClassified", "Simple"),
        (99, 52, "Promote", "Complex"),
        (52, 99, "Promote", "Moderate"),
        (54, 54, "Promote", "Simple"),
    ],
)
def test_a_request_at_its_boundary_is_of_the_class_and_near_below_it_if_promoted(
    moderate, complex_, on_uncertain, klass
):
    """Of a request with even odds, to the percent; three of them are near."""
    even = model(general=((0.0, 0.0), (0.0, 0.0)))
    lines = Boundaries(moderate_percent=moderate, complex_percent=complex_)
    options = Classifier(model=even, boundaries=lines, on_uncertain=on_uncertain)
    asked = classify(BODIES[0], examine(BODIES[0]), options)
    assert asked.probabilities == (0.5, 0.0, 0.5)
    assert asked.klass == klass
    assert ("near the boundary, so the higher class" in asked.reasons) == (
        on_uncertain == "Promote" and klass != "Simple"
    )


@pytest.mark.parametrize("sums", [(0.0, 0.0), (1e6, 1e6), (-1e6, -1e6), (-3.0, 3.0)])
def test_probabilities_sum_to_one_and_none_is_certain(sums):
    """Nor is Complex more probable than more than Simple."""
    simple, moderate, complex_ = probabilities(sums)
    assert simple + moderate + complex_ == pytest.approx(1)
    assert 0 < simple < 1
    assert 0 <= moderate < 1
    assert 0 < complex_ < 1
