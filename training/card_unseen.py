"""Requests judged as a proxy would, by weights that never saw their data set, or not even their language.

Each fold's weights are packed and read again, so that what a signed byte loses is in the figures, and are calibrated by
the other folds' sums.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from tierway_proxy.core.classify.conversation import Conversation, conversation
from tierway_proxy.core.classify.examine import examine
from tierway_proxy.core.classify.features import Features, features_of
from tierway_proxy.core.classify.general import unpack
from tierway_proxy.core.classify.judge import Judge, judged, probabilities
from training.building import Ground, Tell, left_out
from training.calibrating import calibration
from training.card_changes import CHANGES
from training.card_kinds import LANGUAGES
from training.data import Row
from training.fitting import Fit, fit, weights_of
from training.packing import packed

Seen = tuple[Features, ...]
"""A request, then what it accepts if it is a short reply."""


@dataclass(frozen=True)
class Unseen:
    """Labelled rows and their probabilities (rows, 3), as they are and after each of `CHANGES`.

    `sums` are those that the calibration was fitted to. `languages` are, by group, the indexes of its rows and their
    probabilities by weights that saw neither the language nor a family of data sets with a row of it.
    """

    rows: Sequence[Row]
    labels: np.ndarray
    sums: np.ndarray
    odds: np.ndarray
    changed: Mapping[str, np.ndarray]
    languages: Mapping[str, tuple[np.ndarray, np.ndarray]]


def unseen(on: Ground, tell: Tell) -> Unseen:
    """Judge all labelled rows."""
    rows = on.rows[: on.labelled]
    sums, fits = left_out(on, tell)
    odds = {name: np.zeros((len(rows), 3)) for name in (_AS_IT_IS, *CHANGES)}
    for fold, found in fits:
        by = _judge(on, found, on.without(fold), sums, fold.judged)
        for name, each in odds.items():
            each[fold.judged] = [probabilities_of(by, _seen(rows[at], name)) for at in fold.judged]
    tell("packed, read again and judged, with every change")
    languages = {name: _without(on, sums, codes) for name, codes in LANGUAGES.items()}
    tell(f"{len(languages)} groups of languages left out")
    return Unseen(rows, on.labels[: on.labelled], sums, odds.pop(_AS_IT_IS), odds, languages)


def measured(request: Mapping[str, Any]) -> Seen:
    """Measure a request and what it accepts."""
    said, examined = conversation(request), examine(request)
    accepted = (Conversation(ask=text, system=said.system, turns=1) for text in said.accepted)
    return tuple(features_of(each, request, examined) for each in (said, *accepted))


def probabilities_of(by: Judge, seen: Seen) -> tuple[float, float, float]:
    """Weigh a request as `classify` does: a short reply is as hard as the hardest of what it accepts."""
    return probabilities(max((judged(by, each).sums for each in seen), key=sum))


_AS_IT_IS: Final = "as it is"


def _seen(row: Row, change: str) -> Seen:
    return measured(row.request if change == _AS_IT_IS else CHANGES[change](row.request))


def weights_without(on: Ground, codes: Sequence[str]) -> np.ndarray:
    """Weights that leave out languages: rows, bank lines, copies, and families of data sets with a row of them."""
    families = {row.family for row in on.rows[: on.labelled] if row.language in codes}
    hidden = np.array([row.language in codes or row.family in families for row in on.rows])
    return np.where(hidden[on.source], 0, on.weights)


def _without(on: Ground, sums: np.ndarray, codes: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Judge the labelled rows of some languages by weights that saw none of them."""
    at = np.array([each for each in range(on.labelled) if on.rows[each].language in codes])
    weights = weights_without(on, codes)
    by = _judge(on, fit(on.matrix, on.labels, weights, on.groups), weights, sums, at)
    return at, np.array([probabilities_of(by, measured(on.rows[each].request)) for each in at])


def _judge(on: Ground, found: Fit, weights: np.ndarray, sums: np.ndarray, hidden: Sequence[int] | np.ndarray) -> Judge:
    """Ship weights as `build` does, calibrated by the sums of all rows but those to be judged."""
    others = np.setdiff1d(np.arange(on.labelled), hidden)
    counted = weights_of([on.rows[at] for at in others])
    line = calibration(sums[others], on.labels[others], counted)
    base = unpack(packed(found, on.matrix, weights, line.scale, line.shift))
    return Judge(base, base.bias, base.figures)
