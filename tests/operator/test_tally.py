"""Totals by day: no restart doubles or forgets."""

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.operator.counted import ENDPOINT, attempts, observations
from tierway_operator import tally

NOON = 1_795_521_600.0  # 2026-11-24, 12:00 UTC
TODAY, TOMORROW, AFTER = "2026-11-24", "2026-11-25", "2026-11-26"
DAY = 86_400.0


def count(found, date=TODAY):
    counts = tally.total(found, date).endpoints.get(ENDPOINT)
    return counts.attempts if counts else 0


def rounds(*scrapes, found=None, start=NOON):
    """Advance by rounds ten seconds apart; each is what answered in it."""
    found = found or tally.read(None, start)
    for step, observed in enumerate(scrapes):
        found, _ = tally.advanced(found, observed, start + 10 * step)
    return found


def at(name, number, **more):
    return observations(name, d2026_11_24=attempts(number), **more)


def test_the_last_counts_of_each_instance_add_up():
    """Cumulative counts are replaced, not added."""
    found = rounds([at("a", 1), at("b", 10)], [at("a", 3), at("b", 10)])
    assert count(found) == 13
    assert tally.incomplete_since(found, TODAY) is None


def test_a_final_instance_becomes_a_total_once_and_may_go():
    """Read again before it exits, it adds nothing; it is told again that it may go."""
    found, acknowledged = tally.advanced(rounds([at("a", 3)]), [at("a", 5, final=True)], NOON + 20)
    assert acknowledged == {"a"}
    again, acknowledged = tally.advanced(found, [at("a", 5, final=True)], NOON + 30)
    assert acknowledged == {"a"}
    assert count(found) == count(again) == 5
    assert count(rounds([], *[[]] * 100, found=again, start=NOON + 40)) == 5
    assert tally.incomplete_since(again, TODAY) is None


def test_an_instance_that_vanishes_keeps_its_counts_and_the_day_says_since_when():
    """Since the last round in which it answered; a short silence says nothing."""
    found = rounds([at("a", 3)], [at("a", 4)], [], [])
    assert (count(found), tally.incomplete_since(found, TODAY)) == (4, None)
    found = rounds([], [], found=found, start=NOON + 40)
    assert (count(found), tally.incomplete_since(found, TODAY)) == (4, NOON + 10)


def test_an_instance_that_answers_again_makes_the_day_complete_again():
    """Its counters were never lost."""
    found = rounds([at("a", 3)], [], [], [], [])
    assert tally.incomplete_since(found, TODAY) == NOON
    found = rounds([at("a", 9)], found=found, start=NOON + 60)
    assert (count(found), tally.incomplete_since(found, TODAY)) == (9, None)


def test_one_missed_round_after_a_long_outage_loses_nothing():
    """While the operator or the API was away nobody asked, so that nobody can have failed to answer."""
    found, _ = tally.advanced(rounds([at("a", 3)]), [], NOON + 3600)
    assert (count(found), tally.incomplete_since(found, TODAY)) == (3, NOON)
    found, _ = tally.advanced(found, [], NOON + 7200)
    found, _ = tally.advanced(found, [at("a", 50)], NOON + 7210)
    assert (count(found), tally.incomplete_since(found, TODAY)) == (50, None)


def test_an_instance_that_was_taken_for_dead_and_returns_is_counted_once():
    """After ten minutes of missed rounds it may be alive after all; also when it goes for good after that."""
    dead = rounds([at("a", 3)], *[[]] * 62)
    assert dead.instances["a"].closed_at == NOON + 610
    alive, _ = tally.advanced(dead, [at("a", 50)], NOON + 700)
    assert (count(alive), tally.incomplete_since(alive, TODAY)) == (50, None)
    gone, _ = tally.advanced(dead, [at("a", 51, final=True)], NOON + 700)
    assert (count(gone), tally.incomplete_since(gone, TODAY)) == (51, None)


def test_an_instance_that_was_taken_for_dead_and_returns_the_next_day_is_counted():
    """On both days; until then the day after its death does not lack what it hardly had."""
    dead = rounds([at("a", 3)], *[[]] * 62)
    later, _ = tally.advanced(dead, [], NOON + DAY)
    assert tally.incomplete_since(later, TODAY) == NOON
    assert tally.incomplete_since(later, TOMORROW) is None
    both = observations("a", d2026_11_24=attempts(50), d2026_11_25=attempts(7))
    found, _ = tally.advanced(tally.read(tally.written(later), NOON + DAY), [both], NOON + DAY + 10)
    assert (count(found), count(found, TOMORROW)) == (50, 7)
    assert tally.incomplete_since(found, TODAY) is None


def test_a_death_that_nobody_saw_marks_every_day_on_which_it_may_have_been():
    """The operator was away over midnight, and the instance did not come back."""
    found = rounds([at("a", 3)])
    found, _ = tally.advanced(found, [], NOON + DAY)
    assert tally.incomplete_since(found, TODAY) == tally.incomplete_since(found, TOMORROW) == NOON


def test_of_many_dead_the_first_are_kept_as_totals_and_their_return_is_said():
    """A proxy that crashes all day must not outgrow one ConfigMap; what is not read then is at least said."""
    names = [f"p{number:02}" for number in range(tally.CLOSED_KEPT + 2)]
    dead = rounds([at(name, 1) for name in names], *[[]] * 62)
    assert len(dead.instances) == tally.CLOSED_KEPT
    assert count(dead) == len(names)
    assert tally.incomplete_since(dead, TODAY) == NOON
    (dropped, *_) = dead.closed
    again = observations(dropped, d2026_11_24=attempts(1), d2026_11_25=attempts(1))
    found, _ = tally.advanced(dead, [again], NOON + DAY)
    assert count(found) == len(names)
    assert tally.incomplete_since(found, TOMORROW) == NOON + DAY


def test_yesterday_is_kept_and_the_day_before_is_not():
    """Two days are enough; the text does not grow for ever."""
    found = rounds([at("a", 3)], [at("a", 3, final=True)])
    next_day, _ = tally.advanced(found, [], NOON + DAY)
    assert count(next_day) == 3
    later, _ = tally.advanced(next_day, [], NOON + 2 * DAY)
    assert later == tally.Tally(at=NOON + 2 * DAY)


def test_the_dead_are_forgotten_with_their_days():
    """Else every crash would stay for ever."""
    dead = rounds([at("a", 3)], *[[]] * 62)
    found, _ = tally.advanced(dead, [], NOON + 2 * DAY)
    assert found == tally.Tally(at=NOON + 2 * DAY)


def test_an_instance_counts_on_the_day_that_it_says():
    """A request belongs to the day on which it ended, whenever it was read."""
    both = observations("a", d2026_11_24=attempts(3), d2026_11_25=attempts(2))
    found, _ = tally.advanced(tally.read(None, NOON), [both], NOON + DAY)
    assert (count(found), count(found, TOMORROW)) == (3, 2)


def test_a_text_that_cannot_be_read_is_begun_anew_and_said():
    """Nothing is doubled, and the day does not pretend to be whole."""
    found = tally.read('{"version": 7}', NOON)
    assert count(found) == 0
    assert tally.incomplete_since(found, TODAY) == NOON


def test_what_is_kept_of_an_instance_has_no_histograms():
    """A hundred instances must fit one ConfigMap."""
    counts = attempts(3, ttft={"1K": {5: 3}}, ttlt={9: 3})
    found, _ = tally.advanced(tally.read(None, NOON), [observations("a", d2026_11_24=counts)], NOON)
    assert "ttft" not in tally.written(found)
    assert "ttlt" not in tally.written(found)


class NeverDoubled(RuleBasedStateMachine):
    """Proxies count, end, are scraped or not; the operator restarts from its last saved text at any point."""

    def __init__(self):
        super().__init__()
        self.now = NOON
        self.proxies = {}  # name -> [count, final]
        self.counted = 0
        self.born = 0
        self.tally = tally.read(None, self.now)
        self.saved = None

    @rule()
    def start(self):
        self.born += 1
        self.proxies[f"p{self.born}"] = [0, False]

    @rule(data=st.data(), number=st.integers(1, 5))
    def serve(self, data, number):
        serving = [each for each in self.proxies.values() if not each[1]]
        if serving:
            data.draw(st.sampled_from(serving))[0] += number
            self.counted += number

    @rule(data=st.data())
    def drain(self, data):
        if self.proxies:
            self.proxies[data.draw(st.sampled_from(sorted(self.proxies)))][1] = True

    @rule(saves=st.booleans(), acknowledges=st.booleans())
    def scrape(self, saves, acknowledges):
        """A crash may hit after reading, or after saving and before the acknowledgement."""
        self.now += 10
        observed = [at(name, each[0], final=each[1]) for name, each in self.proxies.items()]
        self.tally, may_go = tally.advanced(self.tally, observed, self.now)
        if not saves:
            self.restart()
            return
        self.saved = tally.written(self.tally)
        for name in may_go if acknowledges else ():
            del self.proxies[name]

    @rule(data=st.data(), times=st.sampled_from([1, 30]))
    def miss(self, data, times):
        """Some do not answer for a while, maybe so long that they are taken for dead."""
        heard = data.draw(st.sets(st.sampled_from(sorted(self.proxies)))) if self.proxies else ()
        observed = [at(name, self.proxies[name][0], final=self.proxies[name][1]) for name in heard]
        for _ in range(times):
            self.now += 25
            self.tally, _ = tally.advanced(self.tally, observed, self.now)
        self.saved = tally.written(self.tally)

    @rule()
    def outage(self):
        """Nobody asks for long."""
        self.now += 700

    @rule()
    def restart(self):
        self.tally = tally.read(self.saved, self.now)

    @invariant()
    def total_is_exact_after_a_scrape(self):
        observed = [at(name, each[0], final=each[1]) for name, each in self.proxies.items()]
        looked, _ = tally.advanced(self.tally, observed, self.now + 1)
        assert count(looked) == self.counted
        assert tally.incomplete_since(looked, TODAY) is None


TestNeverDoubled = NeverDoubled.TestCase
TestNeverDoubled.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 9)), max_size=20))
def test_a_saved_tally_is_read_as_it_was(steps):
    """Writing and reading change nothing."""
    found = tally.read(None, NOON)
    for step, (name, number) in enumerate(steps):
        found, _ = tally.advanced(found, [at(name, number)], NOON + 10 * step)
    assert tally.read(tally.written(found), NOON) == found
