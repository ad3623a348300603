"""What ``tierway standalone`` says to whoever started it, and which policy it takes for the default."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from textwrap import shorten

from tierway_operator.compiler import compiled
from tierway_operator.conditions import Verdict
from tierway_operator.store import World

_LONGEST_FAULT = 160
"""Characters; the log above has all of it, and so has the status."""


def policies(world: World) -> list[str]:
    """Return the names of all policies, `namespace/name`."""
    metas = (entry.manifest["metadata"] for entry in world.policies.entries)
    return [f"{meta['namespace']}/{meta['name']}" for meta in metas]


def default_policy(world: World) -> str | None:
    """Return the only policy, or the only one that is called default; None when that names none or several."""
    names = policies(world)
    called = names if len(names) == 1 else [name for name in names if name.endswith("/default")]
    return called[0] if len(called) == 1 else None


def unserved(world: World) -> dict[str, str | None]:
    """Return every policy with the sentence that says why it is not served; None for one that is."""
    found = compiled(world)
    results = {} if found is None else found.policies
    return {name: None if result.table is not None else _fault(result.verdicts) for name, result in results.items()}


def _fault(verdicts: Iterable[Verdict]) -> str:
    return next(each.message for each in verdicts if each.status != "True")


def recording(directory: Path, percent: float, names: Sequence[str]) -> list[str]:
    """Return the lines on what is recorded, and where. `names`: the policies that were there at the start."""
    of = ", ".join(names)
    return [
        f"Recorded below {directory}, redacted: {percent:g}% of the prompts that are classified for {of}.",
        f"  tierway label {directory} -o labels.jsonl",
    ]


def greeting(
    folder: Path,
    urls: Sequence[str],
    names: Mapping[str, str | None],
    default: str | None,
    recorded: Sequence[str] = (),
) -> str:
    """`names`: see `unserved`; `recorded`: see `recording`."""
    lines = [
        f"{folder} is served by {len(urls)} {'proxy' if len(urls) == 1 else 'proxies'}: {', '.join(urls)}",
        *_strange(default, names),
    ]
    if not names:
        return "\n".join([*lines, *recorded, f"There is no RoutingPolicy in {folder} yet; save one and it is served."])
    served = [name for name, fault in names.items() if fault is None]
    lines += [f"  {urls[0]}/{name}/v1{'   (also /v1)' if name == default else ''}" for name in served]
    lines += [
        f"  {name} is not served: {shorten(fault, _LONGEST_FAULT, placeholder=' …')}"
        for name, fault in names.items()
        if fault is not None
    ]
    lines += [*recorded, f"What the proxies log is in {folder / '.tierway' / 'log'}."]
    policy = default if default in served else next(iter(served), None)
    return "\n".join([*lines, *(_to_try(folder, urls[0], policy) if policy else _to_mend(folder))])


def _strange(default: str | None, names: Iterable[str]) -> list[str]:
    """Return a line on a default policy that there is not: it may be saved yet, or it is misspelt."""
    if default is None or default in names:
        return []
    there = ", ".join(names) or "none"
    return [f"  --default-policy {default} does not exist yet; /v1 answers 503 until it does. There is: {there}"]


def _to_mend(folder: Path) -> list[str]:
    return ["", f"Edit the YAML in {folder}: it is served as soon as it is good. Ctrl-C ends everything in order."]


def _to_try(folder: Path, url: str, policy: str) -> list[str]:
    body = '{"model": "auto", "messages": [{"role": "user", "content": "Hello"}]}'
    return [
        "",
        "Ask something:",
        f"  curl -s {url}/{policy}/v1/chat/completions -H 'Content-Type: application/json' -d '{body}'",
        "See what it cost and how fast it was:",
        f"  tierway get modeltiers,routingpolicies --folder {folder}",
        f"Edit the YAML in {folder}: it is in force as soon as it is saved. Ctrl-C ends everything in order.",
    ]


class PlainFormatter(logging.Formatter):
    """Log records for a terminal: the time, the sentence, and what the record carries besides."""

    _usual = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

    def format(self, record: logging.LogRecord) -> str:
        more = ", ".join(f"{name}: {value}" for name, value in vars(record).items() if name not in self._usual)
        text = super().format(record)
        return f"{text} ({more})" if more else text
