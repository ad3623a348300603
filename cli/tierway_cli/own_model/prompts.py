"""Prompts from files, in all the forms in which people have them.

Directories and files that `--record-to` wrote, JSON Lines of requests or of texts, and plain text with a prompt a line.
A line that is no JSON is passed over: the last one of a recording may be half. A file without any JSON, and one without
any prompt, is refused.
"""

import gzip
import hashlib
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tierway_cli.own_model.errors import BadInputError

MOST = 20_000
"""So many different prompts are read, of files in the order of their names; a choice among more is no better."""

_LINES = (".jsonl", ".jsonl.gz", ".ndjson")
_TEXT = (".txt", ".text", ".md")
_NO_JSON = (ValueError, RecursionError)  # the second for what is nested too deep
_TEXT_KEYS = ("prompt", "text", "input", "question", "instruction")


@dataclass(frozen=True, slots=True)
class Prompt:
    """`body` is what the proxy would see of it; `id` is the same for the same body, and tells nothing of it."""

    id: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a file: where it stands, for sentences about it, and what it holds."""

    where: str
    value: Any


def read_prompts(paths: Iterable[Path]) -> list[Prompt]:
    """Read the different prompts of files and folders, in a stable order.

    Raises `BadInputError` for a path that cannot be read or holds no prompt.
    """
    found: dict[str, Prompt] = {}
    for path in paths:
        empty = True
        for body in filter(None, (body_of(row.value) for row in rows(path))):
            empty = False
            if len(found) < MOST:
                prompt = prompt_of(body)
                found.setdefault(prompt.id, prompt)
        if empty:
            raise BadInputError(
                f"{path}: no prompt in it; expected JSON Lines with `request`, `messages` or `prompt`,"
                " or a text file with a prompt a line."
            )
    return list(found.values())


def prompt_of(body: Mapping[str, Any]) -> Prompt:
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return Prompt(hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16], body)


def body_of(value: Any) -> Mapping[str, Any] | None:
    """Return the chat-completions body that a line holds or stands for; None when it holds none."""
    if isinstance(value, str):
        return _asking(value) if value.strip() else None
    if not isinstance(value, dict):
        return None
    request = value.get("request")
    if request is not None:
        return body_of(request)
    if isinstance(value.get("messages"), list):
        return value
    text = next((value[key] for key in _TEXT_KEYS if isinstance(value.get(key), str | list)), None)
    if isinstance(text, list):
        return {"messages": text} if text else None
    return _asking(text) if text and text.strip() else None


def rows(path: Path) -> Iterator[Row]:
    """Yield what the lines of a file, or of all files below a folder, hold; lines that are no JSON are passed over."""
    for file in _files(path):
        try:
            text = _text(file)
        except UnicodeDecodeError as error:
            raise BadInputError(f"{file} is not UTF-8 at byte {error.start}.") from error
        except (OSError, EOFError, zlib.error) as error:
            raise BadInputError(f"{file}: {error}") from error
        yield from _rows(file, text)


def _rows(file: Path, text: str) -> Iterator[Row]:
    plain = file.name.endswith(_TEXT)
    if file.suffix == ".json":
        yield from _whole(file, text)
        return
    # not splitlines: that also cuts at characters that JSON leaves as they are
    lines = [(number, line.strip()) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    read = 0
    for number, line in lines:
        try:
            value = line if plain else json.loads(line)
        except _NO_JSON:
            continue
        read += 1
        yield Row(f"{file}:{number}", value)
    if lines and not read:
        raise BadInputError(f"{file}: no line of it is JSON, such as the first: {lines[0][1][:60]}")


def _whole(file: Path, text: str) -> Iterator[Row]:
    try:
        value = json.loads(text)
    except _NO_JSON as error:
        raise BadInputError(f"{file}: no JSON ({error}).") from error
    for number, each in enumerate(value if isinstance(value, list) else [value], 1):
        yield Row(f"{file}: item {number}", each)


def _files(path: Path) -> list[Path]:
    if not path.exists():
        raise BadInputError(f"{path}: there is no such file or folder.")
    if not path.is_dir():
        return [path]
    files = sorted(each for each in path.rglob("*") if each.name.endswith((*_LINES, *_TEXT, ".json")))
    if not files:
        raise BadInputError(f"{path}: no file in it ends in {', '.join(_LINES)}, .json or .txt.")
    return files


def _text(file: Path) -> str:
    data = file.read_bytes()
    return (gzip.decompress(data) if file.name.endswith(".gz") else data).decode("utf-8-sig")


def _asking(text: str) -> Mapping[str, Any]:
    return {"messages": [{"role": "user", "content": text}]}
