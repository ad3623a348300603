"""How long after an edit of a policy every proxy serves it, and whether a request notices.

    python -m benchmarks.edits [--kubernetes] [--edits 100]

On the demo's stages, under a steady load of requests through the OpenAI SDK. Each edit is timed from the moment when it
was applied (the file was saved; `kubectl apply` returned) until the last proxy decides by the new table, which each is
asked every few milliseconds without calling a model (`POST …/v1/route`).
"""

import argparse
import asyncio
import re
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import aiohttp

from demo.corpus import Sample, load, sequence
from demo.folder_stage import on_a_folder
from demo.kubernetes_stage import on_kubernetes
from demo.providers import simulated
from demo.stage import Stage
from demo.traffic import Traffic

_LOOK_SECONDS = 0.004
_BETWEEN_SECONDS = 0.3
_PATIENCE_SECONDS = 30.0
_ASK = {"model": "auto", "messages": [{"role": "user", "content": "Hi"}]}


async def table(session: aiohttp.ClientSession, proxy: str) -> str:
    async with session.post(f"{proxy}/llm/default/v1/route", json=_ASK) as answer:
        return str((await answer.json())["table"])


async def loaded(session: aiohttp.ClientSession, proxy: str, before: str) -> float:
    """When this proxy is first seen to decide by another table than before, in monotonic seconds."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while await table(session, proxy) == before:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{proxy} still serves the old table")
        await asyncio.sleep(_LOOK_SECONDS)
    return time.monotonic()


async def edit(session: aiohttp.ClientSession, stage: Stage, number: int) -> float:
    """Seconds from an edit to the last proxy that serves it; below zero is what `kubectl` took after the write."""
    file = stage.objects / "policy-default.yaml"
    before = await table(session, stage.proxies[0])
    waiting = [asyncio.create_task(loaded(session, proxy, before)) for proxy in stage.proxies]
    text = re.sub(r"\n    maxOutputTokens: \d+", "", file.read_text())
    file.write_text(text.replace("  - class: Simple\n", f"  - class: Simple\n    maxOutputTokens: {1000 + number}\n"))
    await asyncio.to_thread(stage.apply, file)
    applied = time.monotonic()
    return max(await asyncio.gather(*waiting)) - applied


async def measure(stage: Stage, edits: int) -> None:
    traffic = Traffic(stage.proxies, lambda _: None)
    over = False

    def samples() -> Iterator[Sample]:
        for seed in count():
            for sample in sequence(load(), 100, seed):
                if over:
                    return
                yield sample

    async with aiohttp.ClientSession() as session:
        load_task = asyncio.create_task(traffic.run(samples()))
        await asyncio.sleep(3)
        times = []
        for number in range(edits):
            times.append(await edit(session, stage, number) * 1000)
            await asyncio.sleep(_BETWEEN_SECONDS)
        over = True
        await load_task
    failed = [each.error for each in traffic.seen if each.error is not None]
    cuts = statistics.quantiles(times, n=100, method="inclusive")
    print(f"{edits} edits on {stage.what}, {len(stage.proxies)} proxies")
    print(f"p50 {cuts[49]:.0f} ms, p95 {cuts[94]:.0f} ms, p99 {cuts[98]:.0f} ms, max {max(times):.0f} ms")
    print(f"{len(traffic.seen)} requests meanwhile, {len(failed)} failed" + (f": {failed[0]}" if failed else ""))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kubernetes", action="store_true", help="on a real Kubernetes API instead of a folder")
    parser.add_argument("--edits", type=int, default=100, help="how many (default: %(default)s)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tierway-edits-") as scratch, ExitStack() as stack:
        work = Path(scratch)
        ports = {each.written: each.port for each in stack.enter_context(simulated(work))}
        stage = stack.enter_context(on_kubernetes(work, ports, print) if given.kubernetes else on_a_folder(work, ports))
        asyncio.run(measure(stage, given.edits))


if __name__ == "__main__":
    main()
