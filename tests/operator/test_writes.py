"""When a status is written: conditions at once, figures seldom, equal never."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tierway_operator.writes import done, due, great, wanting

INTERVAL = 30.0


def status(requests, ready="True", **more):
    return {"conditions": [{"type": "Ready", "status": ready}], "today": {"requests": requests}, **more}


def written(requests, now):
    return done(wanting(None, status(requests), now), now)


def test_the_first_status_is_written_at_once():
    """There is nothing to compare with."""
    assert due(wanting(None, status(0), 0.0), 0.0, INTERVAL)


def test_what_is_equal_is_never_written():
    """However long ago the last write was."""
    assert not due(wanting(written(5, 0.0), status(5), 1e9), 1e9, INTERVAL)


def test_a_condition_is_written_at_once():
    """People and tools wait for conditions."""
    for changed in (status(5, ready="False"), status(5, observedGeneration=2), status(5, proxies={"desired": 3})):
        assert due(wanting(written(5, 0.0), changed, 0.1), 0.1, INTERVAL)


def test_a_great_change_of_a_figure_waits_for_the_interval_only():
    """More than ten percent, at most every thirty seconds."""
    record = wanting(written(100, 0.0), status(120), 29.0)
    assert not due(record, 29.0, INTERVAL)
    assert due(record, 30.0, INTERVAL)


def test_a_small_change_is_written_within_one_interval_of_the_last_change():
    """A figure that has come to rest is shown, however little it moved."""
    record = wanting(written(100, 0.0), status(101), 100.0)
    assert not due(record, 110.0, INTERVAL)
    assert due(record, 120.0, INTERVAL)


def test_a_figure_that_creeps_is_written_when_it_has_crept_far_enough():
    """Small changes do not add up unseen."""
    record, writes = written(100, 0.0), []
    for second in range(10, 1000, 10):
        record = wanting(record, status(100 + second // 10), float(second))
        if due(record, second, INTERVAL):
            record, _ = done(record, second), writes.append(second)
    assert writes[0] == 120  # 112 of 100 is the first that differs by more than a tenth of the greater
    assert len(writes) < 10


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 300)), min_size=1, max_size=40))
def test_figures_are_never_written_more_often_than_the_interval_and_the_last_is_always_written(changes):
    """Whatever traffic does: thirty seconds between writes, and thirty seconds after the last change it is shown."""
    record, now, writes = written(0, 0.0), 0.0, [0.0]
    steps = [number for number, repeat in changes for _ in range(repeat // 10 + 1)] + [changes[-1][0]] * 3
    for number in steps:
        now += 10.0
        record = wanting(record, status(number), now)
        if due(record, now, INTERVAL):
            record = done(record, now)
            writes.append(now)
    assert all(later - earlier >= INTERVAL for earlier, later in pairwise(writes))
    assert record.status == status(steps[-1])


def test_money_is_a_figure_and_a_word_is_not():
    """Decimal strings compare by amount; anything else differs or does not."""
    assert not great({"cost": "1.000000"}, {"cost": "1.050000"})
    assert great({"cost": "1.000000"}, {"cost": "1.200000"})
    assert great({"breaker": "Open"}, {"breaker": "Closed"})
    assert great({"models": [{"requests": 1}]}, {"models": [{"requests": 1}, {"requests": 1}]})
    assert great({}, {"ttft": {"p95": 3}})
    assert not great({"summary": {"errors": "0%"}}, {"summary": {"errors": "9%"}})
