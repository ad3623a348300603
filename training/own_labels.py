"""What a few labels of an application's own traffic are worth: `python -m training.own_labels DATA`.

Each larger data set with at least two classes is an application. The general weights are fitted without its whole
family, then `tierway label` chooses (or chance does) what is labelled among 70% of its requests, and the layer that
`tierway calibrate` makes of it is judged, as a proxy would compute it, by all requests that were not labelled. What was
never offered for labelling is a stricter measure, and stands beside it. The tables go into the model card; it takes
a quarter of an hour of one core.
"""

import argparse
from base64 import b64decode
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import numpy as np

from tierway_cli.own_model.boundaries import evidence, for_under_routing
from tierway_cli.own_model.choosing import choose
from tierway_cli.own_model.judging import Figure, figures, judge, judged, macro_f1
from tierway_cli.own_model.layer import fit, model_of
from tierway_cli.own_model.looks import Look, look
from tierway_cli.own_model.space import Matrix, space_of
from tierway_proxy.contract.base import CLASSES, RequestClass
from tierway_proxy.contract.own_model import WORDS, OwnModel
from training import building, data
from training.building import Ground, Tell
from training.calibrating import calibration
from training.card_page import between, percent, point, rewritten, table
from training.data import Fold

CARD: Final = Path("docs/model-card.md")
PART: Final = "own-labels"
LEAST_ROWS: Final = 60
COUNTS: Final = (10, 20, 40)
ASKED: Final = (0.05, 0.1, 0.2)
"""Under-routings for which boundaries are drawn."""
OFFERED: Final = 0.7
"""Of an application's requests; the rest nobody may label."""


@dataclass(frozen=True)
class Application:
    """`looks` have the sums of general weights that never saw its family."""

    name: str
    looks: list[Look]
    classes: list[RequestClass]


@dataclass
class Seen:
    """What came out for one application, one count of labels and one way to choose them, a list entry a draw."""

    sums: list[Matrix] = field(default_factory=list)
    classes: list[list[RequestClass]] = field(default_factory=list)
    unoffered: list[np.ndarray] = field(default_factory=list)
    better: list[bool] = field(default_factory=list)
    under: dict[float, list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))

    def add(self, sums: Matrix, classes: list[RequestClass], unoffered: np.ndarray) -> None:
        self.sums.append(sums)
        self.classes.append(classes)
        self.unoffered.append(unoffered)


Results = dict[tuple[str, str, int], Seen]
"""By application, way of choosing, count of labels."""


def applications(on: Ground, tell: Tell) -> list[Application]:
    """Fit general weights without each application, and look at its requests with those."""
    rows = on.rows[: on.labelled]
    members: dict[tuple[str, str], list[int]] = defaultdict(list)
    for at, row in enumerate(rows):
        members[row.set, row.family].append(at)
    chosen = {
        key: there for key, there in members.items() if len(there) >= LEAST_ROWS and len(set(on.labels[there])) > 1
    }
    sums = {}
    for (set_, family), there in chosen.items():
        others = [at for at, row in enumerate(rows) if row.family != family]
        sums[set_, family] = building.fit_without(on, Fold(others, there)).sums(on.matrix.rows(there))
        tell(f"general weights without {family}, for {len(there)} requests of {set_}")
    return [
        Application(
            f"{key[0]}: {key[1]}",
            [
                replace(look(rows[at].request), sums=(float(one), float(other)))
                for at, (one, other) in zip(there, _calibrated(key, sums, chosen, on.labels), strict=True)
            ],
            [CLASSES[on.labels[at]] for at in there],
        )
        for key, there in chosen.items()
    ]


def _calibrated(
    key: tuple[str, str],
    sums: dict[tuple[str, str], np.ndarray],
    members: dict[tuple[str, str], list[int]],
    labels: np.ndarray,
) -> np.ndarray:
    """Rescale the sums of an application by what the others need."""
    others = [other for other in sums if other[1] != key[1]]
    truth = np.concatenate([labels[members[other]] for other in others])
    found = calibration(np.concatenate([sums[other] for other in others]), truth, np.ones(len(truth)))
    return np.asarray(sums[key] * found.scale + found.shift)


def results(all_: Sequence[Application], draws: int) -> Results:
    """Label, fit and judge each application, several times with other requests offered."""
    found: Results = defaultdict(Seen)
    for application in all_:
        for draw in range(draws):
            random = np.random.default_rng(draw)
            order = random.permutation(len(application.looks))
            offered = order[: max(int(OFFERED * len(order)), COUNTS[-1])]
            for way, at in (("chance", list(range(COUNTS[-1]))), ("tierway label", _asked(application, offered))):
                for count in (0, *COUNTS):
                    _judge(found[application.name, way, count], application, offered, at[:count])
    return found


def _asked(application: Application, offered: np.ndarray) -> list[int]:
    space = space_of([application.looks[at] for at in offered])
    told: list[int] = []
    while len(told) < COUNTS[-1]:
        told += choose(space, told, [application.classes[offered[at]] for at in told], ())
    return told


def _judge(seen: Seen, application: Application, offered: np.ndarray, at: list[int]) -> None:
    rest = np.setdiff1d(np.arange(len(application.looks)), offered[at])
    looks, classes = [application.looks[row] for row in rest], [application.classes[row] for row in rest]
    unoffered = ~np.isin(rest, offered)
    told = [application.classes[row] for row in offered[at]]
    if not at:
        seen.add(np.array([each.sums for each in looks]), classes, unoffered)
        return
    space = space_of([application.looks[row] for row in offered])
    own = judge(space, at, told)
    layer = fit(space, at, told, own.strength)
    sums = served(model_of(space, layer), looks)
    seen.add(sums, classes, unoffered)
    seen.better.append(own.better)
    known = evidence(layer.sums(space), at, own.sums, told)
    for asked in ASKED if "Complex" in application.classes else ():
        said = judged(sums, for_under_routing(known, asked).least)
        complex_ = np.array([each == "Complex" for each in classes])
        seen.under[asked].append((int((said[complex_] < 2).sum()), int(complex_.sum())))


def served(model: OwnModel, looks: Sequence[Look]) -> Matrix:
    """Weigh looks as a proxy does, from the bytes of the model."""
    words = np.zeros((len(looks), WORDS))
    for row, each in enumerate(looks):
        words[row, list(each.words)] = list(each.words.values())
    structure = np.array([each.structure for each in looks])
    general = np.array([each.sums for each in looks]) @ np.array(model.general).T
    own = words @ _weights(model.words) + structure @ _weights(model.structure)
    return np.asarray(np.array(model.bias) + general + model.step * own)


def _weights(text: str) -> np.ndarray:
    return np.frombuffer(b64decode(text), dtype=np.int8).reshape(-1, 2).astype(np.float64)


def tables(found: Results) -> str:
    """Write the three tables: all applications together, what came out where a boundary was asked for, each alone."""
    names = sorted({name for name, _, _ in found})
    ways = [(way, count) for way in ("chance", "tierway label") for count in COUNTS]
    pooled = [
        _pooled(way if count else "", count, [found[name, way, count] for name in names])
        for way, count in [("chance", 0), *ways]
    ]
    under = [_under(way, count, [found[name, way, count] for name in names]) for way, count in ways]
    alone = [(name, *(_mean(found[name, "tierway label", count]) for count in (0, 20, 40))) for name in names]
    return "\n\n".join(
        [
            f"{len(names)} applications, their requests taken together, in draws of what was offered for labelling:",
            table(("labels", "chosen by", "macro-F1", "never offered", "right", "says that it is better"), pooled),
            "Complex requests judged to be less, where boundaries were asked for that leave so many:",
            table(("labels", "chosen by", *(percent(asked) for asked in ASKED)), under),
            "Macro-F1 of each application alone, labelled by `tierway label`:",
            table(("application", "no label", "20 labels", "40 labels"), alone),
        ]
    )


def _pooled(way: str, count: int, seen: Sequence[Seen]) -> tuple[object, ...]:
    truth, said, unoffered = (
        np.concatenate([part for each in seen for part in parts(each)]) for parts in (_truth, _said, _unoffered)
    )
    better = [each for one in seen for each in one.better]
    scores = (macro_f1(truth, said), macro_f1(truth[unoffered], said[unoffered]), float((truth == said).mean()))
    return (count, way, *map(point, scores), percent(float(np.mean(better))) if better else "")


def _truth(seen: Seen) -> list[np.ndarray]:
    return [np.array([CLASSES.index(each) for each in classes]) for classes in seen.classes]


def _said(seen: Seen) -> list[np.ndarray]:
    return [judged(sums) for sums in seen.sums]


def _unoffered(seen: Seen) -> list[np.ndarray]:
    return seen.unoffered


def _under(way: str, count: int, seen: Sequence[Seen]) -> tuple[object, ...]:
    pairs = (np.sum([pair for each in seen for pair in each.under[asked]], axis=0) for asked in ASKED)
    return (count, way, *(percent(low / of) for low, of in pairs))


def _mean(seen: Seen) -> str:
    """Mean over the draws of macro-F1 and its interval."""
    each: list[Figure] = [figures(sums, told).macro_f1 for sums, told in zip(seen.sums, seen.classes, strict=True)]
    value, low, high = (float(np.mean([getattr(one, part) for one in each])) for part in ("value", "low", "high"))
    return between(*map(point, (value, low, high)))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.own_labels", description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path, help="folder of labelled requests")
    parser.add_argument("--draws", type=int, default=3, help="how often, with other requests offered (%(default)s)")
    parser.add_argument("-o", "--output", type=Path, default=CARD, help="card to rewrite (default: %(default)s)")
    options = parser.parse_args()
    found = results(applications(building.ground(data.read(options.data)), print), options.draws)
    text = options.output.read_text(encoding="utf-8")
    options.output.write_text(rewritten(text, {PART: tables(found)}), encoding="utf-8")
    print(f"{options.output}: part {PART}")


if __name__ == "__main__":
    main()
