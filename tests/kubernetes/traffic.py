"""A steady load of requests through the OpenAI SDK, in a thread of its own, with the provider that answers it."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from openai import AsyncOpenAI, OpenAIError

from tierway_cli.provider import Provider

AT_ONCE = 6
PAUSE_SECONDS = 0.05


class Load:
    """`failures` and `answered` grow while it runs; `provider` is the base URL of who answers."""

    def __init__(self) -> None:
        self.failures: list[str] = []
        self.answered = 0
        self.provider = ""
        self._ready = threading.Event()
        self._targets: Sequence[str] | None = None
        self._over = False
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    def start(self) -> None:
        """The provider is up when this returns; nobody is asked yet."""
        self._thread.start()
        assert self._ready.wait(20)

    def begin(self, targets: Sequence[str]) -> None:
        """From now on these base URLs are asked in turn, streams and JSON."""
        self._targets = targets

    def end(self) -> None:
        """What is under way is answered; then nothing more is asked."""
        self._over = True
        self._thread.join(30)
        assert not self._thread.is_alive()

    async def _run(self) -> None:
        async with Provider(speed=20, seed=1).serving() as provider:
            self.provider = provider.url
            self._ready.set()
            while self._targets is None and not self._over:  # noqa: ASYNC110 - another thread says when
                await asyncio.sleep(0.02)
            clients = [AsyncOpenAI(base_url=url, api_key="none", max_retries=0) for url in self._targets or ()]
            await asyncio.gather(*(self._caller(clients, number) for number in range(AT_ONCE)))
            for client in clients:
                await client.close()

    async def _caller(self, clients: Sequence[AsyncOpenAI], number: int) -> None:
        while clients and not self._over:
            number += 1
            try:
                await self._ask(clients[number % len(clients)], stream=number % 3 > 0)
                self.answered += 1
            except OpenAIError as error:
                self.failures.append(repr(error))
            await asyncio.sleep(PAUSE_SECONDS)

    async def _ask(self, client: AsyncOpenAI, *, stream: bool) -> None:
        question = [{"role": "user", "content": "Which day comes after Monday?"}]
        answer = await client.chat.completions.create(model="auto", messages=question, stream=stream, max_tokens=20)  # type: ignore[call-overload]
        if stream:
            assert [choice.finish_reason async for chunk in answer for choice in chunk.choices][-1] in (
                "stop",
                "length",
            )
        else:
            assert answer.choices[0].message.content


@contextmanager
def load() -> Iterator[Load]:
    running = Load()
    running.start()
    try:
        yield running
    finally:
        running.end()
