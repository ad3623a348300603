"""The layer learns what separates an application's classes, and is the same in bytes as in floats."""

from dataclasses import replace

import numpy as np

from tests.cli.own_model.application import labels, prompt, texts
from tierway_cli.own_model import layer as layer_module
from tierway_cli.own_model import space
from tierway_cli.own_model.judging import judge, judged, macro_f1, order_of
from tierway_cli.own_model.layer import fit, model_of
from tierway_cli.own_model.study import study
from tierway_proxy.contract.base import canonical
from tierway_proxy.contract.own_model import MAX_BYTES, WORDS
from tierway_proxy.core.classify import examine, features, own_sums


def served_sums(model, prompts):
    """What a proxy makes of prompts with a model."""
    return np.array([own_sums(features(each.body, examine(each.body)), model) for each in prompts])


def fitted(count=30):
    known = study([prompt(text) for _, text in texts(90)], labels(count))
    return known, fit(known.space, known.at, known.classes)


def test_thirty_labels_tell_the_kinds_of_an_application_apart():
    """Also of requests that were not there: judged as a proxy judges them, far better than the general model."""
    known, layer = fitted()
    unseen = [(klass, prompt(text)) for klass, text in texts(60, seed=7)]
    truth = order_of([klass for klass, _ in unseen])
    model = model_of(known.space, layer)
    general = study([each for _, each in unseen], []).space.sums
    assert macro_f1(truth, judged(served_sums(model, [each for _, each in unseen]))) > 0.95
    assert macro_f1(truth, judged(general)) < 0.8


def test_a_proxy_finds_the_sums_that_were_fitted():
    """Rounding to bytes moves no sum by more than a small part of how far they are apart."""
    known, layer = fitted()
    by_id = {prompt(text).id: prompt(text) for _, text in texts(90)}
    served = served_sums(model_of(known.space, layer), [by_id[id_] for id_ in known.ids])
    wanted = layer.sums(known.space)
    assert np.abs(served - wanted).max() < 0.05 * np.ptp(wanted)
    assert (judged(served) == judged(wanted)).mean() > 0.97


def test_what_the_general_model_says_of_one_line_may_count_for_the_other(monkeypatch):
    """Where labels trust it more than usual, a proxy still finds the same sums."""
    monkeypatch.setattr(space, "TRUST", 1.0)
    monkeypatch.setattr(layer_module, "TRUST", 1.0)
    known, layer = fitted()
    by_id = {prompt(text).id: prompt(text) for _, text in texts(90)}
    served = served_sums(model_of(known.space, layer), [by_id[id_] for id_ in known.ids])
    assert np.abs(served - layer.sums(known.space)).max() < 0.05 * np.ptp(served)


def test_what_all_prompts_share_counts_nothing():
    """A word that stands in each of them, as in a template, moves none nearer to another."""
    seen = [label.look for label in labels(12)]
    unused = next(bucket for bucket in range(WORDS) if not any(bucket in each.words for each in seen))
    shared = [replace(each, words={**each.words, unused: 1.0}) for each in seen]
    assert np.allclose(space.space_of(shared).kernel, space.space_of(seen).kernel)


def test_the_same_labels_make_the_same_bytes():
    """So the same name, however often it is made."""
    (one, first), (other, second) = fitted(), fitted()
    assert canonical(model_of(one.space, first)) == canonical(model_of(other.space, second))
    assert len(canonical(model_of(one.space, first))) < MAX_BYTES


def test_a_single_text_many_times_makes_no_error():
    """There is nothing to learn from prompts that do not differ, but nothing breaks."""
    same = labels(12)[:1] * 12
    known = study([], same)
    layer = fit(known.space, known.at, known.classes)
    assert np.isfinite(layer.sums(known.space)).all()
    model_of(known.space, layer)


def test_a_layer_is_better_by_its_own_estimate_where_it_is_and_not_where_labels_are_noise():
    """Ten draws of noise: the estimate takes hardly any of them for knowledge, and it takes the truth for it."""
    known = study([], labels(45))
    assert judge(known.space, known.at, known.classes).better
    draw = np.random.default_rng(1)
    noise = [[str(each) for each in draw.permutation(known.classes)] for _ in range(10)]
    assert sum(judge(known.space, known.at, classes).better for classes in noise) <= 2
