"""Asks proxies what they have counted and loaded. One that does not answer, or not in our version, is simply not heard.

The release's token goes with every request; nothing of an answer is believed before the contract has validated it.
"""

import asyncio
import logging
from collections.abc import Iterable

import aiohttp
from pydantic import ValidationError

from tierway_operator.store import Proxy
from tierway_proxy.contract.base import VERSION
from tierway_proxy.contract.observations import Observations

logger = logging.getLogger(__name__)

_AT_ONCE = 32


class Scraper:
    """`token` is set before the first scrape. A proxy that stays silent for `patience` seconds is logged, once."""

    def __init__(self, session: aiohttp.ClientSession, patience: float = 5.0) -> None:
        self.token = ""
        self._session, self._patience = session, patience
        self._silent_since: dict[str, float] = {}
        self._logged: set[str] = set()
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def observations(self, proxies: Iterable[Proxy], seconds: float) -> dict[str, Observations]:
        """Return what each proxy that answers within `seconds` said, by admin URL."""
        asked = {each.admin_url: each for each in proxies}
        answers = await asyncio.gather(*(self._one(each, seconds) for each in asked.values()))
        self._silent_since = {url: since for url, since in self._silent_since.items() if url in asked}
        self._logged &= asked.keys()
        return {url: answer for url, answer in zip(asked, answers, strict=True) if answer is not None}

    async def acknowledge(self, proxy: Proxy, seconds: float) -> None:
        """Tell a draining proxy that its last counts are kept. Unheard, it waits a little and goes all the same."""
        try:
            async with self._session.post(
                f"{proxy.admin_url}/observations/ack", headers=self._headers(), timeout=_within(seconds)
            ) as answer:
                await answer.read()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            logger.debug("an acknowledgement was not heard", extra={"proxy": proxy.name, "error": repr(error)})

    async def _one(self, proxy: Proxy, seconds: float) -> Observations | None:
        async with self._slots:
            try:
                found = await self._get(proxy, seconds)
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                self._unheard(proxy, str(error) or repr(error))
                return None
            except ValidationError as error:
                self._unheard(proxy, f"not observations that this operator reads: {error.errors()[0]['msg']}")
                return None
        self._silent_since.pop(proxy.admin_url, None)
        if proxy.admin_url in self._logged:
            self._logged.remove(proxy.admin_url)
            logger.info("a proxy answers again", extra={"proxy": proxy.name})
        return found

    async def _get(self, proxy: Proxy, seconds: float) -> Observations:
        async with self._session.get(
            f"{proxy.admin_url}/observations",
            params={"version": str(VERSION)},
            headers=self._headers(),
            timeout=_within(seconds),
            raise_for_status=True,
        ) as answer:
            return Observations.model_validate_json(await answer.read())

    def _unheard(self, proxy: Proxy, why: str) -> None:
        now = asyncio.get_running_loop().time()
        since = self._silent_since.setdefault(proxy.admin_url, now)
        if now - since >= self._patience and proxy.admin_url not in self._logged:
            logger.warning("a proxy does not say what it counted", extra={"proxy": proxy.name, "error": why})
            self._logged.add(proxy.admin_url)

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


def _within(seconds: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=seconds)
