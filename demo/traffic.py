"""The demo's callers: the OpenAI SDK, many requests at once, and what each of them saw."""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from openai import APIError, AsyncOpenAI, AsyncStream

from demo.corpus import Sample

AT_ONCE = 24
_STREAMED_OF_FOUR = 3


@dataclass(slots=True)
class Seen:
    """One request as its caller saw it. Times in seconds; `sent_at` is monotonic. `first_token` only when streamed."""

    sample: Sample
    sent_at: float
    first_token: float | None = None
    error: str | None = None
    klass: str = ""
    tier: str = ""
    table: str = ""
    attempts: int = 0


@dataclass(slots=True)
class Traffic:
    """Sends samples to the proxies in turn; `done` is called after each, with how many there were."""

    proxies: Sequence[str]
    done: Callable[[int], None]
    seen: list[Seen] = field(default_factory=list)

    async def run(self, samples: Iterable[Sample]) -> None:
        left = enumerate(samples)
        clients = [AsyncOpenAI(base_url=f"{url}/llm", api_key="none", max_retries=0) for url in self.proxies]
        try:
            await asyncio.gather(*(self._caller(left, clients) for _ in range(AT_ONCE)))
        finally:
            for client in clients:
                await client.close()

    async def _caller(self, left: "enumerate[Sample]", clients: Sequence[AsyncOpenAI]) -> None:
        for number, sample in left:
            client = clients[number % len(clients)]
            policy = client.with_options(base_url=f"{client.base_url}{sample.policy}/v1")
            self.seen.append(await ask(policy, sample, stream=number % 4 < _STREAMED_OF_FOUR))
            self.done(len(self.seen))


async def ask(client: AsyncOpenAI, sample: Sample, *, stream: bool) -> Seen:
    seen = Seen(sample, time.monotonic())
    try:
        raw = await client.chat.completions.with_raw_response.create(model="auto", stream=stream, **sample.request)
        headers = raw.headers
        seen.klass, seen.tier = headers.get("x-tierway-class", ""), headers.get("x-tierway-tier", "")
        seen.table, seen.attempts = headers.get("x-tierway-table", ""), int(headers.get("x-tierway-attempts", 0))
        answer = raw.parse()
        if isinstance(answer, AsyncStream):
            async for chunk in answer:
                if seen.first_token is None and any(_says_something(choice.delta) for choice in chunk.choices):
                    seen.first_token = time.monotonic() - seen.sent_at
    except APIError as error:
        seen.error = str(error)
    return seen


def _says_something(delta: object) -> bool:
    return any(getattr(delta, name, None) for name in ("content", "tool_calls", "refusal", "reasoning_content"))
