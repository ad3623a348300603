"""A steady load of requests through the OpenAI SDK, in a thread of its own, with the provider that answers it."""

import asyncio
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from openai import AsyncOpenAI, OpenAIError

from tierway_cli.provider import Provider

CALLERS = 6
PAUSE_SECONDS = 0.25
_QUESTION = [{"role": "user", "content": "Which day comes after Monday?"}]


@dataclass(frozen=True)
class Answer:
    """A whole answer: when it was asked for (monotonic), and the table that it came by, as its header says."""

    sent_at: float
    table: str


class Load:
    """`failures` and `answers` grow while it runs; `provider` is the base URL of who answers.

    `output_tokens`, known after the end: what the provider itself counted.
    """

    def __init__(self) -> None:
        self.failures: list[str] = []
        self.answers: list[Answer] = []
        self.provider = ""
        self.output_tokens = 0
        self._ready = threading.Event()
        self._targets: Sequence[str] = ()
        self._over = False
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    def start(self) -> None:
        """The provider is up when this returns; nobody is asked yet."""
        self._thread.start()
        assert self._ready.wait(20)

    def begin(self, targets: Sequence[str]) -> None:
        """From now on these base URLs are asked in turn, streams and JSON; said again, these instead."""
        self._targets = targets

    def end(self) -> None:
        """What is under way is answered; then nothing more is asked."""
        self._over = True
        self._thread.join(30)
        assert not self._thread.is_alive()

    def tables(self, since: float = 0, until: float = float("inf")) -> set[str]:
        """The tables of the answers that were asked for within this time."""
        return {answer.table for answer in self.answers if since < answer.sent_at < until}

    async def _run(self) -> None:
        async with Provider(speed=20, seed=1).serving() as provider:
            self.provider = provider.url
            self._ready.set()
            while not self._targets and not self._over:  # noqa: ASYNC110 - another thread says when
                await asyncio.sleep(0.02)
            async with AsyncOpenAI(base_url=provider.url, api_key="none", max_retries=0) as client:
                await asyncio.gather(*(self._caller(client, number) for number in range(CALLERS)))
            self.output_tokens = sum(each["billed_completion_tokens"] for each in provider.counts().values())

    async def _caller(self, client: AsyncOpenAI, number: int) -> None:
        while not self._over:
            number += 1
            target = self._targets[number % len(self._targets)]
            sent_at = time.monotonic()
            try:
                table = await self._ask(client.with_options(base_url=target), stream=number % 3 > 0)
                self.answers.append(Answer(sent_at, table))
            except (OpenAIError, ValueError) as error:
                self.failures.append(repr(error))
            await asyncio.sleep(PAUSE_SECONDS)

    async def _ask(self, client: AsyncOpenAI, *, stream: bool) -> str:
        """The answer's table. Raises ValueError when the answer is none."""
        raw = await client.chat.completions.with_raw_response.create(
            model="auto", messages=_QUESTION, stream=stream, max_tokens=20
        )
        answer = raw.parse()
        choices = [choice async for chunk in answer for choice in chunk.choices] if stream else answer.choices
        if not choices or choices[-1].finish_reason not in {"stop", "length"}:
            raise ValueError(f"an answer without an end: {choices}")
        return str(raw.headers["x-tierway-table"])


@contextmanager
def load() -> Iterator[Load]:
    running = Load()
    running.start()
    try:
        yield running
    finally:
        running.end()
