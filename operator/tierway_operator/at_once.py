"""Does the same to many things, a few at a time: there is one API server, and it serves others, too."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, TypeVar

from tierway_operator.store import Unreachable

AT_ONCE: Final = 8

Item = TypeVar("Item")
Result = TypeVar("Result")


async def for_all(items: Iterable[Item], do: Callable[[Item], Awaitable[Result]]) -> list[Result]:
    """Finish all and return what came of each; or raise an error, rather another than `Unreachable`.

    What one cannot reach, another may: none is left out because of one that failed.
    """
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(item: Item) -> Result:
        async with slots:
            return await do(item)

    ends = await asyncio.gather(*(one(item) for item in items), return_exceptions=True)
    errors = [end for end in ends if isinstance(end, BaseException)]
    for error in sorted(errors, key=lambda error: isinstance(error, Unreachable)):
        raise error
    return [end for end in ends if not isinstance(end, BaseException)]
