"""Requests made of the project's own bank of wordings: each instruction with material of its kind, in several layouts.

The bank (`bank/*.jsonl`) teaches what tasks are called in 45 languages, and that one topic may be asked about at every
class; public data sets alone do not. What is drawn depends on the seed alone.
"""

import json
import random
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from training.data import Row

FOLDER: Final = Path(__file__).parent / "bank"
TIMES: Final = 2
"""How often an instruction is drawn with material."""

_CLASSES: Final = ("Simple", "Moderate", "Complex")
_ANY_LANGUAGE: Final = ("code", "log", "table", "maths")

Message = dict[str, str]


def rows(seed: int = 1, folder: Path = FOLDER) -> list[Row]:
    """Make all of them, in the order of files and lines."""
    return list(_Bank(folder, random.Random(seed)).rows())  # noqa: S311 - an order, not a secret


class _Bank:
    def __init__(self, folder: Path, draw: random.Random) -> None:
        self._draw = draw
        self._materials: dict[tuple[str, str], list[str]] = defaultdict(list)
        self._texts: dict[str, list[str]] = defaultdict(list)
        self._lines: list[dict[str, Any]] = []
        for path in sorted(folder.glob("*.jsonl")):
            for line in map(json.loads, path.read_text(encoding="utf-8").splitlines()):
                self._keep(line)

    def _keep(self, line: dict[str, Any]) -> None:
        if "kind" in line:
            self._materials[line["language"], line["kind"]].append(line["text"])
            return
        self._lines.append(line)
        if "text" in line:
            self._texts[line["language"]].append(line["text"])

    def rows(self) -> Iterator[Row]:
        for line in self._lines:
            for _ in range(TIMES if line["needs"] != "none" else 1):
                yield Row(
                    set="bank",
                    dataset=f"{line['language']} {line['task'][:4]}",
                    family="bank",
                    language=line["language"],
                    task=line["task"],
                    licence="",
                    label=_CLASSES.index(line["class"]),
                    request={"messages": self._messages(line)},
                )

    def _messages(self, line: dict[str, Any]) -> list[Message]:
        if "messages" in line:
            return [dict(message) for message in line["messages"]]
        if line["needs"] != "none":
            return self._with_material(line)
        asked = {"role": "user", "content": line["text"]}
        system = line.get("system")
        return [{"role": "system", "content": system}, asked] if isinstance(system, str) else [asked]

    def _with_material(self, line: dict[str, Any]) -> list[Message]:
        instruction, material = line["text"], self._material(line["language"], line["needs"])
        layout = self._draw.random()
        if line.get("system") or layout < 0.15:
            return [{"role": "system", "content": instruction}, {"role": "user", "content": material}]
        if layout < 0.55:
            text = f"{instruction}\n\n{material}"
        elif layout < 0.75:
            text = f"{material}\n\n{instruction}"
        elif layout < 0.9:
            text = f"{instruction.rstrip('.')}: {material}"
        else:
            text = f'{instruction}\n"""\n{material}\n"""'
        return [{"role": "user", "content": text}]

    def _material(self, language: str, kind: str) -> str:
        """Draw material of the language; where there is none, of English or of other lines of the language."""
        own = self._materials.get((language, kind))
        if own:
            return self._draw.choice(own)
        if kind in _ANY_LANGUAGE or self._draw.random() < 0.4:
            return self._draw.choice(self._materials["en", kind])
        texts = self._texts[language]
        return "\n".join(self._draw.sample(texts, min(len(texts), self._draw.choice((1, 2, 3, 5)))))
