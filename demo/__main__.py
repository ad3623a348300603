"""`python -m demo [--kubernetes]`: sets the stage, tells the story, shows the tables, and stays up. ONCE=1 ends it."""

import argparse
import asyncio
import os
import shutil
import signal
import sys
import tempfile
import time
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from demo.folder_stage import on_a_folder
from demo.processes import ProgramError
from demo.providers import Simulated, simulated
from demo.report import lines
from demo.stage import Stage
from demo.story import REQUESTS, Story, StoryError

_CONSOLE = Console(highlight=False, soft_wrap=True)
_STARTED = time.monotonic()
_EVERY = REQUESTS // 10


def say(text: str) -> None:
    _CONSOLE.print(f"[dim]{time.monotonic() - _STARTED:5.1f} s[/dim]  {text}")


def main() -> int:
    parser = argparse.ArgumentParser(prog="demo", description="Run the whole of Tierway for a minute.")
    parser.add_argument("--kubernetes", action="store_true", help="on a real Kubernetes API instead of a folder")
    given = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell starts background programs deaf to SIGINT
        signal.signal(number, signal.default_int_handler)
    work = Path(tempfile.mkdtemp(prefix="tierway-demo-"))
    try:
        with ExitStack() as stack:
            return _show(stack, work, kubernetes=given.kubernetes)
    except KeyboardInterrupt:
        shutil.rmtree(work, ignore_errors=True)
        say("ended, and nothing is left behind")
        return 0
    except (ProgramError, StoryError) as error:
        say(f"the demo cannot go on: {error}\nIts logs are in {work}")
        return 1


def _show(stack: ExitStack, work: Path, *, kubernetes: bool) -> int:
    providers = stack.enter_context(simulated(work))
    say(f"two simulated model providers: {', '.join(f'{e.region} on port {e.port}' for e in providers)}")
    ports = {each.written: each.port for each in providers}
    stage = stack.enter_context(_on_kubernetes(work, ports) if kubernetes else on_a_folder(work, ports))
    say(f"operator and {len(stage.proxies)} proxies on {stage.what}; examples/quickstart is applied")
    story = _told(stage, providers)
    _CONSOLE.print(f"\n[bold]$ {stage.tables_command}[/bold]\n{stage.tables()}")
    for word, sentence in lines(story, stage, providers):
        _CONSOLE.print(f"[bold]{word:>12}[/bold]  {sentence}")
    if not os.environ.get("ONCE"):
        _stay(stage)
    failed = sum(each.error is not None for each in story.seen)
    stack.close()
    shutil.rmtree(work, ignore_errors=True)
    return 1 if failed or story.edit_seconds is None else 0


def _on_kubernetes(work: Path, ports: dict[int, int]) -> AbstractContextManager[Stage]:
    from demo.kubernetes_stage import on_kubernetes  # noqa: PLC0415 (needs what only that demo installs)

    return on_kubernetes(work, ports, say)


def _told(stage: Stage, providers: list[Simulated]) -> Story:
    bar = Progress(
        TextColumn("        {task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=_CONSOLE,
    )
    task = bar.add_task("requests", total=REQUESTS)

    def progress(done: int) -> None:
        bar.update(task, completed=done)
        if not _CONSOLE.is_terminal and done % _EVERY == 0:
            say(f"{done} of {REQUESTS} requests answered")

    story = Story(stage, providers, say, progress)
    if _CONSOLE.is_terminal:
        with bar:
            asyncio.run(story.tell())
    else:
        asyncio.run(story.tell())
    return story


def _stay(stage: Stage) -> None:
    _CONSOLE.print("\nEverything stays up until Ctrl-C. Try:")
    ask = 'curl -si {}/v1/chat/completions -d \'{{"model":"auto","messages":[{{"role":"user","content":"Hi"}}]}}\''
    for command in (
        stage.tables_command,
        f"{stage.tables_command} -o wide",
        ask.format(stage.proxies[0]),
        *stage.hints,
    ):
        _CONSOLE.print(f"  {command}", markup=False)
    while True:
        time.sleep(3600)


if __name__ == "__main__":
    sys.exit(main())
