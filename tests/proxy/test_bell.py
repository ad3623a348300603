"""The bell that a request waits at: rung by news or by the clock, at one timer for many waits."""

import asyncio
from dataclasses import dataclass

import pytest

from tierway_proxy.shell.bell import Bell, Bells


@dataclass
class Timer:
    at: float
    fire: object
    cancelled: bool = False

    def cancel(self):
        self.cancelled = True


class Clock:
    """The part of an event loop that a bell uses, at a time that a test sets. `timers` are all that were ever armed."""

    def __init__(self):
        self.now = 100.0
        self.timers = []

    def time(self):
        return self.now

    def create_future(self):
        return asyncio.get_running_loop().create_future()

    def call_at(self, at, fire):
        self.timers.append(Timer(at, fire))
        return self.timers[-1]

    async def reach(self, now):
        """Time passes; who is woken runs."""
        while due := [each for each in self.timers if not each.cancelled and each.at <= now]:
            self.now = due[0].at
            due[0].cancelled = True
            due[0].fire()
        self.now = now
        await settle()


async def settle():
    for _ in range(3):
        await asyncio.sleep(0)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def bell(clock):
    return Bell(clock)


async def waiting(bell, until):
    task = asyncio.create_task(bell.wait(until))
    await settle()
    return task


async def test_news_end_a_wait(bell):
    """Before its time, or without one."""
    for until in (None, 130.0):
        task = await waiting(bell, until)
        bell.ring()
        await settle()
        assert task.done()


async def test_the_clock_ends_a_wait_at_its_time(clock, bell):
    """Not before."""
    task = await waiting(bell, 130.0)
    await clock.reach(129.9)
    assert not task.done()
    await clock.reach(130.0)
    assert task.done()


async def test_a_time_that_is_pushed_back_is_kept_by_one_timer(clock, bell):
    """A thousand chunks with a deadline each do not arm a thousand timers; the last deadline is the one that holds."""
    for chunk in range(1000):
        await waiting(bell, 130.0 + chunk / 100)
        bell.ring()
        await settle()
    task = await waiting(bell, 140.0)
    assert len(clock.timers) == 1
    await clock.reach(139.9)
    assert (task.done(), len(clock.timers)) == (False, 2)
    await clock.reach(140.0)
    assert task.done()


async def test_a_time_that_is_brought_forward_is_kept(clock, bell):
    """A first token's limit after a long one's."""
    await waiting(bell, 130.0)
    bell.ring()
    await settle()
    task = await waiting(bell, 101.0)
    await clock.reach(101.0)
    assert task.done()


async def test_a_wait_without_a_time_is_not_ended_by_an_old_one(clock, bell):
    """The timer of the last wait is still armed."""
    await waiting(bell, 130.0)
    bell.ring()
    await settle()
    task = await waiting(bell, None)
    await clock.reach(1000.0)
    assert not task.done()
    task.cancel()


async def test_a_cancelled_wait_leaves_the_bell_of_use(clock, bell):
    """Ringing it then reaches nobody; the next wait is its own."""
    task = await waiting(bell, 130.0)
    task.cancel()
    await settle()
    bell.ring()
    task = await waiting(bell, 130.0)
    assert not task.done()
    await clock.reach(130.0)
    assert task.done()


async def test_bells_are_taken_over_and_stopped_at_the_end():
    """One request after another uses the same one."""
    bells = Bells()
    one, other = bells.take(), bells.take()
    bells.give_back(one)
    assert bells.take() is one
    assert other is not one
    task = await waiting(one, asyncio.get_running_loop().time() + 60)
    task.cancel()
    await settle()
    bells.give_back(one)
    bells.close()
    assert one._timer is None
