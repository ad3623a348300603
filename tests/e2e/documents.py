"""The commands of a document, in order, with what it shows of their output and how a test may treat them.

A command is what follows `$ ` in a block that is marked `console`; what stands below it is its output. How a block is
tested stands in comments right above it, where a reader of the source sees it and a reader of the page does not:

    <!-- test: not run: REASON -->    everything else is run
    <!-- test: fails -->              its last command ends with another status than 0
    <!-- test: in time -->            its output comes to be what is shown, within a minute or two
    <!-- test: before: COMMAND -->    run first: what the reader has, and a test must make
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_FENCE = re.compile(r"^ *```(\S*)")
_NOTE = re.compile(r"<!-- test: (.*?)\s*-->\s*", re.DOTALL)
_HERE = re.compile(r"<<-?\s*'?(\w+)'?")
_SECRETS = re.compile(r"-[a-z0-9]{6,10}-[a-z0-9]{5}\b")  # of a pod's name
_FIGURE = re.compile(r"[$≥~]?\d[\d.,:-]*(%|ms|MiB|[dhmsk]\d*)*[.,;)]?|-|<none>|<pending>")
REST = "…"


@dataclass(frozen=True)
class Command:
    """`line`: where it stands in the document. `shown`: what is shown below it."""

    line: int
    text: str
    shown: tuple[str, ...] = ()


@dataclass(frozen=True)
class Block:
    """A fenced block. Only a `console` has commands; `text` is there for all."""

    line: int
    language: str
    text: str
    commands: tuple[Command, ...]
    notes: tuple[str, ...]

    @property
    def not_run(self) -> str | None:
        """Why it is not run; None when it is."""
        return next((note.partition(": ")[2] for note in self.notes if note.startswith("not run")), None)

    @property
    def fails(self) -> bool:
        return "fails" in self.notes

    @property
    def in_time(self) -> bool:
        return "in time" in self.notes

    @property
    def before(self) -> tuple[str, ...]:
        return tuple(note.partition(": ")[2] for note in self.notes if note.startswith("before: "))


def blocks(document: str) -> list[Block]:
    """Return the fenced blocks of a Markdown document. Raises ValueError for a note that means nothing."""
    lines, found, at, above = document.splitlines(), [], 0, 0
    while at < len(lines):
        fence = _FENCE.match(lines[at])
        if fence is None:
            at += 1
            continue
        end = next(number for number in range(at + 1, len(lines)) if lines[number].strip() == "```")
        inside = [line.removeprefix(" " * lines[at].index("`")) for line in lines[at + 1 : end]]
        commands = tuple(_commands(at + 2, inside)) if fence[1] == "console" else ()
        notes = tuple(_notes("\n".join(lines[above:at])))
        found.append(Block(at + 1, fence[1], "\n".join(inside), commands, notes))
        at = above = end + 1
    return found


def agrees(shown: Iterable[str], printed: str) -> bool:
    """Whether what is shown was printed, line after line; blanks, figures, ages and pods' names may differ.

    `…` at the end of a line stands for its rest, alone in a line for any lines; lines printed before and after are no
    matter.
    """
    lines = iter([_words(line) for line in printed.splitlines()])
    wanted = [line for line in shown if line.strip() not in {"", REST}]
    return all(any(_alike(_words(line), words) for words in lines) for line in wanted)


def _notes(above: str) -> Iterator[str]:
    """Those that stand directly above a block, with nothing but blanks between."""
    tail = re.search(rf"(?:{_NOTE.pattern})+\Z", above + "\n", re.DOTALL)
    for note in _NOTE.findall(tail[0]) if tail else ():
        if not re.match(r"(not run|before): \S|(fails|in time)$", note):
            raise ValueError(f"this means nothing to a test: {note}")
        yield note


def _commands(first: int, lines: list[str]) -> Iterator[Command]:
    starts = [at for at, line in enumerate(lines) if line.startswith("$ ")]
    for start, following in zip(starts, [*starts[1:], len(lines)], strict=True):
        end = _end(lines, start)
        text = "\n".join([lines[start].removeprefix("$ "), *lines[start + 1 : end]])
        yield Command(first + start, text, tuple(lines[end:following]))


def _end(lines: list[str], start: int) -> int:
    """Behind the last line of a command: it goes on after a backslash, and up to the end of a here-document."""
    here = _HERE.search(lines[start])
    end = start
    if here:
        end = next(number for number in range(start + 1, len(lines)) if lines[number] == here[1])
    while lines[end].endswith("\\"):
        end += 1
    return end + 1


def _words(line: str) -> list[str]:
    return _SECRETS.sub("-pod", line).split()


def _alike(shown: list[str], printed: list[str]) -> bool:
    if shown[-1].endswith(REST):
        *shown, beginning = shown
        if len(printed) <= len(shown) and beginning != REST:
            return False
        rest = " ".join(printed[len(shown) :])
        if not rest.startswith(beginning.removesuffix(REST)):
            return False
        printed = printed[: len(shown)]
    return len(shown) == len(printed) and all(
        one == other or (_FIGURE.fullmatch(one) and _FIGURE.fullmatch(other))
        for one, other in zip(shown, printed, strict=True)
    )
