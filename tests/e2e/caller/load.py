"""Callers that ask one Service all the time, and say of each answer, on a line of JSON, what became of it.

Runs in a pod: `load.py URL CALLERS`. The key is the pod's projected token. The OpenAI SDK tries again by itself, as
often as docs/callers.md advises, and each line says how often it did. Two answers of three are streams; half of the
callers keep their connections, the others make one for each request, so that both ways to lose one are tried.

The simulated provider gives the same question the same answer, so a text that is not the one of the first time, or has
no end, is as much an error as an exception. On SIGTERM they ask no more, read what they are being answered, and end.
"""

import asyncio
import json
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from openai import AsyncOpenAI, DefaultAsyncHttpxClient, OpenAIError, Timeout

TOKEN = Path("/var/run/secrets/tierway/token")
QUESTIONS = (
    "Which day comes after Monday?",
    "Translate 'thank you very much' to Polish.",
    "What is the capital of Portugal?",
    "Summarise the difference between a lease and a loan in three sentences for a new colleague.",
    "Write a Python function that merges two sorted lists, and explain why it is linear.",
    "Prove that there are infinitely many primes, and discuss where the proof uses induction.",
)
PAUSE_SECONDS = 0.05
# the SDK's own two are over after a second and a half, before Kubernetes has noticed that a pod was killed
RETRIES = 5
HEADERS = ("tier", "model", "class", "table", "attempts")


class Callers:
    """What they share: when to end, and the answers that they have seen."""

    def __init__(self, url: str, key: str) -> None:
        self._url, self._key = url, key
        self._over = asyncio.Event()
        self._known: dict[str, str] = {}
        self._asked = 0

    async def run(self, count: int) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._over.set)
        async with self._client(kept=True) as keeping, self._client(kept=False) as anew:
            clients = (keeping, anew)
            await asyncio.gather(*(self._caller(clients[number % 2], number) for number in range(count)))
        say(ended=True, asked=self._asked)

    @asynccontextmanager
    async def _client(self, *, kept: bool) -> AsyncIterator[AsyncOpenAI]:
        # a keep-alive of nothing: each request has a connection of its own
        http = None if kept else DefaultAsyncHttpxClient(headers={"Connection": "close"})
        options: dict[str, Any] = {"http_client": http, "timeout": Timeout(120, connect=5), "max_retries": RETRIES}
        async with AsyncOpenAI(base_url=self._url, api_key=self._key, **options) as client:
            yield client

    async def _caller(self, client: AsyncOpenAI, number: int) -> None:
        turn = number
        while not self._over.is_set():
            turn += 1
            self._asked += 1
            line: dict[str, Any] = {"caller": number, "stream": turn % 3 > 0, "start": time.time()}
            try:
                await self._ask(client, QUESTIONS[turn % len(QUESTIONS)], line)
            except Exception as error:  # noqa: BLE001 what it is, is what the test wants to know
                expected = isinstance(error, OpenAIError | UnsoundError)
                line |= {"error": f"{type(error).__name__}: {error}", "status": getattr(error, "status_code", None)}
                line |= {} if expected else {"unexpected": True}
            say(**line, end=time.time())
            await asyncio.sleep(PAUSE_SECONDS)

    async def _ask(self, client: AsyncOpenAI, question: str, line: dict[str, Any]) -> None:
        """Write into the line what there is of an answer. Raises OpenAIError and UnsoundError."""
        streams = line["stream"]
        options: dict[str, Any] = {"stream_options": {"include_usage": True}} if streams else {}
        raw = await client.chat.completions.with_raw_response.create(
            model="auto", messages=[{"role": "user", "content": question}], stream=streams, **options
        )
        line |= {"id": raw.headers.get("x-request-id"), "retries": raw.retries_taken}
        line |= {name: raw.headers.get(f"x-tierway-{name}") for name in HEADERS}
        answer = raw.parse()
        text, reason, usage = await _read(answer, line) if streams else _whole(answer)
        line["tokens"] = usage.completion_tokens if usage else None
        if reason not in {"stop", "length"}:
            raise UnsoundError(f"an answer without an end, after {len(text)} characters: {reason}")
        if usage is None:
            raise UnsoundError("an answer without usage")
        if text != self._known.setdefault(question, text):
            raise UnsoundError(f"another answer than the first time: {text[:80]!r}")
        line["whole"] = True


class UnsoundError(Exception):
    """What was answered is not what the provider said."""


def _whole(answer: Any) -> tuple[str, str, Any]:
    (choice,) = answer.choices
    return choice.message.content, choice.finish_reason, answer.usage


async def _read(stream: Any, line: dict[str, Any]) -> tuple[str, str | None, Any]:
    text, reason, usage = "", None, None
    async for chunk in stream:
        line.setdefault("first", time.time())
        usage = chunk.usage or usage
        for choice in chunk.choices:
            text += choice.delta.content or ""
            reason = choice.finish_reason or reason
    return text, reason, usage


def say(**line: Any) -> None:
    sys.stdout.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    asyncio.run(Callers(sys.argv[1], TOKEN.read_text()).run(int(sys.argv[2])))
