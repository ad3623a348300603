"""What is known of an application at one moment: its prompts, which of them are labelled, and their common space."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tierway_cli.own_model.labels import Label
from tierway_cli.own_model.looks import Look, look
from tierway_cli.own_model.prompts import Prompt
from tierway_cli.own_model.space import Space, space_of
from tierway_proxy.contract.base import RequestClass

MOST_PROMPTS: Final = 1000
"""So many unlabelled prompts are looked at; which ones is chance, the same each time."""
MOST_LABELS: Final = 1000
"""So many labels are fitted to; which ones is chance, the same each time."""


@dataclass(frozen=True, slots=True)
class Study:
    """Rows of `space` are `ids`; labels are rows `at` with `classes`, in the order in which they were given."""

    ids: tuple[str, ...]
    space: Space
    at: list[int]
    classes: list[RequestClass]

    def tell(self, row: int, klass: RequestClass) -> None:
        """Label a row."""
        self.at.append(row)
        self.classes.append(klass)

    def take_back(self) -> int:
        """Unlabel the row that was labelled last, and return it."""
        self.classes.pop()
        return self.at.pop()


def study(prompts: Sequence[Prompt], labels: Sequence[Label]) -> Study:
    """Put prompts and labels into one space; a prompt that is labelled is one row."""
    labels = _sampled(labels)
    told = {label.id for label in labels}
    rest = sorted((prompt for prompt in prompts if prompt.id not in told), key=lambda prompt: prompt.id)[:MOST_PROMPTS]
    looks: list[Look] = [*(label.look for label in labels), *(look(prompt.body) for prompt in rest)]
    ids = (*(label.id for label in labels), *(prompt.id for prompt in rest))
    return Study(ids, space_of(looks), list(range(len(labels))), [label.klass for label in labels])


def _sampled(labels: Sequence[Label]) -> list[Label]:
    kept = {label.id for label in sorted(labels, key=lambda label: label.id)[:MOST_LABELS]}
    return [label for label in labels if label.id in kept]
