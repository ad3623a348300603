"""What is known of the proxies at this moment: who they are, what each said last, and all that they counted.

A look only asks which tables are loaded. A round also counts: the tally is saved before anybody may write a status from
it, and a draining proxy may go only after its last counts are saved.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from tierway_operator import tally as tallies
from tierway_operator.counting import by_model
from tierway_operator.observe import Window
from tierway_operator.programmed import Loaded, loaded_by
from tierway_operator.scrape import Scraper
from tierway_operator.store import Proxy, Store
from tierway_operator.tally import Tally
from tierway_operator.traffic import Counts
from tierway_proxy.contract.observations import Day, Observations

_SAVE_AT_LEAST_SECONDS = 300.0
# A proxy that misses a scrape or two has not lost its table.
_REMEMBERED_SECONDS = 30.0


@dataclass(frozen=True)
class Seen:
    """One moment. `proxies`: those that were asked; `open_at`: the open endpoints of each that takes requests.

    `window`, `today`: tier -> model.
    """

    proxies: tuple[Proxy, ...] = ()
    loaded: Loaded = field(default_factory=dict)
    open_at: tuple[frozenset[str], ...] = ()
    covered: bool = False
    window: dict[str, Counts] = field(default_factory=dict)
    date: str = ""
    total: Day = field(default_factory=Day)
    today: dict[str, Counts] = field(default_factory=dict)
    incomplete_since: float | None = None


class Observer:
    """`now` gives seconds since the epoch. Methods raise `Unreachable` when the store cannot be had."""

    def __init__(self, store: Store, scraper: Scraper, now: Callable[[], float]) -> None:
        self._store, self._scraper, self._now = store, scraper, now
        self._window = Window(began=now())
        self._tally: Tally | None = None
        self._saved = (0.0, "")
        self._heard: dict[str, tuple[float, Observations]] = {}
        self._proxies: tuple[Proxy, ...] = ()
        self.seen = Seen()

    async def find(self) -> bool:
        """Learn who the proxies are and what opens their doors; return whether they are others than before."""
        self._scraper.token = await self._store.token()
        return await self.find_others()

    async def find_others(self) -> bool:
        """Learn who the proxies are; return whether they are others than before."""
        before, self._proxies = self._proxies, await self._store.proxies()
        return before != self._proxies

    @property
    def known(self) -> Seen:
        """What was seen, with the proxies that are known now: what those have that came since is not."""
        return replace(self.seen, proxies=self._proxies)

    async def look(self, seconds: float) -> None:
        """Ask who has loaded what, waiting at most so long."""
        asked = self._proxies
        self._hear(await self._scraper.observations(asked, seconds))
        self.seen = replace(self.seen, **self._said(asked))

    async def count(self, seconds: float) -> None:
        """Ask everybody for everything, keep it, and let those go that have said their last."""
        asked = self._proxies
        answers = await self._scraper.observations(asked, seconds)
        self._hear(answers)
        now = self._now()
        for observed in answers.values():
            self._window.add(observed, now)
        tally, may_go = tallies.advanced(await self._last_tally(), answers.values(), now)
        await self._keep(tally)
        for proxy in asked:
            if proxy.admin_url in answers and answers[proxy.admin_url].instance in may_go:
                await self._scraper.acknowledge(proxy, seconds)
        self.seen = self._counted(asked, tally, now)

    def _hear(self, answers: dict[str, Observations]) -> None:
        now = self._now()
        self._heard |= {url: (now, observed) for url, observed in answers.items()}

    def _said(self, asked: tuple[Proxy, ...]) -> dict[str, Any]:
        """Return the part of what is seen that every look renews. Who came while it was under way is in the next."""
        oldest, there = self._now() - _REMEMBERED_SECONDS, {each.admin_url for each in asked}
        self._heard = {url: heard for url, heard in self._heard.items() if url in there and heard[0] >= oldest}
        said = {url: observed for url, (_, observed) in self._heard.items()}
        open_at = tuple(frozenset(each.open_breakers) for each in said.values() if not each.draining)
        return {"proxies": asked, "loaded": loaded_by(said), "open_at": open_at}

    async def _last_tally(self) -> Tally:
        if self._tally is None:
            text = await self._store.load_tally()
            self._tally = tallies.read(text, self._now())
            self._saved = (self._tally.at, _content(self._tally))
        return self._tally

    async def _keep(self, tally: Tally) -> None:
        """Save a tally that says something new, and now and then one that does not: its time is when all was well.

        One that cannot be saved is kept all the same, for the next: nobody may read it, and no proxy may go for it.
        """
        self._tally = tally
        content = _content(tally)
        if content != self._saved[1] or tally.at - self._saved[0] >= _SAVE_AT_LEAST_SECONDS:
            await self._store.save_tally(tallies.written(tally))
            self._saved = (tally.at, content)

    def _counted(self, asked: tuple[Proxy, ...], tally: Tally, now: float) -> Seen:
        date = tallies.day_of(now)
        total = tallies.total(tally, date)
        return Seen(
            **self._said(asked),
            covered=self._window.covers(now),
            window=dict(by_model(self._window.counts(now))),
            date=date,
            total=total,
            today=dict(by_model(total)),
            incomplete_since=tallies.incomplete_since(tally, date),
        )


def _content(tally: Tally) -> str:
    return tallies.written(tally.model_copy(update={"at": 0.0}))
