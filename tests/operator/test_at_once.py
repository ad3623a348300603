"""The same to many: each is done, and errors wait until all are."""

import asyncio

import pytest

from tierway_operator.at_once import AT_ONCE, for_all
from tierway_operator.store import Unreachable


async def test_what_came_of_each_is_returned_in_their_order_and_few_are_under_way():
    """However long each takes."""
    under_way, most = 0, 0

    async def doubled(number):
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        for _ in range(20 - number % 20):
            await asyncio.sleep(0)
        under_way -= 1
        return 2 * number

    assert await for_all(range(40), doubled) == [2 * number for number in range(40)]
    assert most == AT_ONCE


@pytest.mark.parametrize(("errors", "raised"), [((Unreachable,), Unreachable), ((Unreachable, KeyError), KeyError)])
async def test_an_error_stops_no_other_and_a_fault_of_ours_is_not_hidden_by_an_outage(errors, raised):
    """Whoever tries an outage again would never see it."""
    done = []

    async def one(number):
        await asyncio.sleep(0)
        if number < len(errors):
            raise errors[number]("no")
        done.append(number)

    with pytest.raises(raised):
        await for_all(range(20), one)
    assert done == list(range(len(errors), 20))
