"""Whole data sets are left out together, and a family that is in both sets is not seen in the other one either."""

from collections import Counter

import pytest

from training.data import Row, folds, read


def row(name, source, label=0):
    family = source.partition(":")[0]
    dataset = source if name == "mixed" else family
    request = {"messages": [{"role": "user", "content": source}]}
    return Row(name, dataset, family, "en", "task", "MIT", label, request)


ROWS = [
    *(row("mixed", f"{family}:{part}") for family in "abcdefghijkl" for part in "xyz" for _ in range(3)),
    *(row("broad", f"{family}:{part}") for family in "ghijklmnopqrstu" for part in "vw" for _ in range(2)),
]


@pytest.fixture(scope="module")
def parted():
    return folds(ROWS, count=10)


def test_every_row_is_judged_once(parted):
    """Ten folds a set judge each row once."""
    assert len(parted) == 20
    assert Counter(at for fold in parted for at in fold.judged) == dict.fromkeys(range(len(ROWS)), 1)


def test_no_data_set_of_a_judged_row_is_fitted_to(parted):
    """Not one row of it."""
    for fold in parted:
        judged = {(ROWS[at].set, ROWS[at].dataset) for at in fold.judged}
        assert judged.isdisjoint((ROWS[at].set, ROWS[at].dataset) for at in fold.fitted)


def test_no_family_of_a_judged_row_is_fitted_to_in_the_other_set(parted):
    """The sets overlap in families; what is judged in one is unseen in the other."""
    for fold in parted:
        families = {(ROWS[at].set, ROWS[at].family) for at in fold.judged}
        seen = {(ROWS[at].set, ROWS[at].family) for at in fold.fitted}
        assert all(
            (other, family) not in seen for own, family in families for other in ("mixed", "broad") if other != own
        )


def test_all_that_may_be_fitted_to_is(parted):
    """A fold leaves out no more than it must: most rows are fitted to."""
    assert all(len(fold.fitted) > 0.7 * len(ROWS) for fold in parted)


def test_folds_are_the_same_every_time(parted):
    """The seed alone decides."""
    assert folds(list(ROWS), count=10) == parted


def test_a_family_is_what_stands_before_the_colon_or_slash(tmp_path):
    """In the natural mix each source is a data set; in the balanced one a family is."""
    line = (
        '{"source": "%s", "lang": "en", "task": "t", "label": "COMPLEX", "license": "MIT", "request": {"messages": []}}'
    )
    (tmp_path / "mixed.jsonl").write_text(line % "t0:trec")
    (tmp_path / "broad.jsonl").write_text(line % "bb/dyck")
    mixed, broad = read(tmp_path)
    assert (mixed.dataset, mixed.family, mixed.label) == ("t0:trec", "t0", 2)
    assert (broad.dataset, broad.family) == ("bb", "bb")
