"""A labelling session: a prompt, one key, the next prompt; it knows neither the terminal nor the files' form.

The classifier's own guess is not shown: who sees one agrees with it too often.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from tierway_cli.own_model.choosing import LOOK_BACK, changed, choose, flattened
from tierway_cli.own_model.judging import FOLDS, figures, judge
from tierway_cli.own_model.prompts import Prompt
from tierway_cli.own_model.showing import shown
from tierway_cli.own_model.study import Study
from tierway_proxy.contract.base import CLASSES, RequestClass

KEYS: Final[Mapping[str, RequestClass]] = {"s": "Simple", "m": "Moderate", "c": "Complex"}
LEAST: Final = 10
"""So many labels are the least that a model is fitted to."""
ESTIMATED: Final = 5
"""Figures are told after every so many labels."""

HELP: Final = """\
s  Simple    a small model does it: look up, extract, classify, translate, a sentence or two
m  Moderate  in between: explain, summarize at length, write under conditions, code of some lines
c  Complex   only your best model does it well: proofs, hard code, planning, expert judgement
u  take back the last label    k  skip this prompt    q  end (all labels are saved)
"""


class Saved(Protocol):
    """Where labels are kept, one by one."""

    def tell(self, row: int, klass: RequestClass) -> None: ...

    def take_back(self) -> bool: ...


@dataclass
class Session:
    """`until`: go on to so many labels, though the gain has flattened before."""

    study: Study
    prompts: Mapping[str, Prompt]
    saved: Saved
    say: Callable[[str], None]
    until: int | None = None
    skipped: list[int] = field(default_factory=list)

    def run(self, keys: Iterable[str]) -> None:
        """Ask until somebody ends it, nothing is left to ask, or more labels would teach little."""
        waiting = iter(keys)
        self.say(HELP)
        while not self._done():
            rows = choose(self.study.space, self.study.at, self.study.classes, self._never())
            if not rows:
                self.say(f"All {len(self.study.ids)} prompts are labelled or skipped.")
                return
            if not self._ask(rows[0], waiting):
                return

    def _ask(self, row: int, keys: Iterable[str]) -> bool:
        self.say(f"\n--- {self._progress()}\n{shown(self.prompts[self.study.ids[row]].body)}\n--- s/m/c, u, k, q")
        for key in keys:
            if key in KEYS:
                self._tell(row, KEYS[key])
                return True
            if key == "q":
                return False
            if key == "k":
                self.skipped.append(row)
                return True
            if key == "u":
                return self._take_back()
            self.say(HELP)
        return False

    def _tell(self, row: int, klass: RequestClass) -> None:
        self.saved.tell(row, klass)
        self.study.tell(row, klass)
        self.say(klass)
        if len(self.study.at) >= LEAST and len(self.study.at) % ESTIMATED == 0:
            self.say(estimate(self.study))

    def _take_back(self) -> bool:
        if self.saved.take_back():
            self.study.take_back()
            self.say("Taken back.")
        else:
            self.say("Nothing of this session is left to take back.")
        return True

    def _never(self) -> list[int]:
        """What was skipped, and labelled prompts of other files, which cannot be shown."""
        return [*self.skipped, *(row for row, id_ in enumerate(self.study.ids) if id_ not in self.prompts)]

    def _progress(self) -> str:
        told = ", ".join(f"{self.study.classes.count(each)} {each}" for each in CLASSES)
        return f"{len(self.study.at)} labelled ({told}), {len(self.study.ids) - len(self.study.at)} not"

    def _done(self) -> bool:
        count = len(self.study.at)
        if self.until is not None:
            return count >= self.until
        share = changed(self.study.space, self.study.at, self.study.classes)
        if not flattened(count, share) or share is None:
            return False
        self.say(
            f"\nThe last {LOOK_BACK} labels changed the class of {share:.1%} of your prompts: more will teach little."
            f" Now: tierway calibrate. (To go on: --until {count + LOOK_BACK}.)"
        )
        return True


def estimate(study: Study) -> str:
    """Say what a model of these labels would be worth, by its own estimate."""
    if len(set(study.classes)) < 2:
        return f"So far all labels are {study.classes[0]}."
    own = judge(study.space, study.at, study.classes)
    after = figures(own.sums, study.classes).macro_f1
    before = figures(study.space.sums[study.at], study.classes).macro_f1
    return (
        f"Estimate ({min(FOLDS, after.of)} folds of {after.of} labels): macro-F1 {after.value:.2f}"
        f" ({after.low:.2f} to {after.high:.2f}); the general model {before.value:.2f}"
        f" ({before.low:.2f} to {before.high:.2f})."
    )
