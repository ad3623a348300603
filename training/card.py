"""Recompute the tables of the model card: `python -m training.card DATA`, a folder as for `python -m training`.

Takes about six minutes of one core, because every figure of the data folder is by weights that never saw its data set.
Without a folder only the parts are recomputed that the repository itself has the requests for. What is written between
the computed parts stays, and so do parts that other commands compute.
"""

import argparse
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import numpy as np

from tierway_proxy.core.classify import classify, examine
from tierway_proxy.core.classify.general import unpack
from training import bank, card_repository, card_tables, data
from training.building import Ground, build, ground
from training.calibrating import calibration
from training.card_data import licences, sets
from training.card_page import rewritten
from training.card_savings import savings
from training.card_unseen import Unseen, unseen
from training.fitting import weights_of

CARD: Final = Path("docs/model-card.md")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.card", description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path, nargs="?", help="folder of labelled requests; none: the repository's alone")
    parser.add_argument("-o", "--output", type=Path, default=CARD, help="card to rewrite (default: %(default)s)")
    options = parser.parse_args()
    parts = of_repository()
    if options.data:
        on = ground(data.read(options.data))
        parts |= of_data(on, unseen(on, print))
    options.output.write_text(rewritten(options.output.read_text(encoding="utf-8"), parts), encoding="utf-8")
    print(f"{options.output}: {len(parts)} parts")


def of_repository() -> dict[str, str]:
    """Give the parts that need no data folder."""
    return {"weights": card_repository.weights(), "repository": card_repository.repository()}


def of_data(on: Ground, found: Unseen) -> Mapping[str, str]:
    """Give the parts of a data folder."""
    return {
        "run": run(on, found),
        "sets": sets(found.rows),
        "licences": licences(found.rows, bank.rows()),
        "figures": card_tables.main_figures(found),
        "balanced": card_tables.balanced_traffic(found),
        "english": card_tables.english(found),
        "languages": card_tables.by_language(found),
        "tasks": card_tables.by_task(found),
        "shapes": card_tables.by_shape(found),
        "calibration": card_tables.calibration(found),
        "languages-left-out": card_tables.languages_left_out(found),
        "robustness": card_tables.robustness(found),
        "savings": savings(found),
        "cost": cost(found),
    }


def run(on: Ground, found: Unseen) -> str:
    """Name the weights that the folder gives: the same code, data and calibration as of what was judged."""
    made = unpack(build(on, calibration(found.sums, found.labels, weights_of(found.rows)))).name
    return (
        f"The run that computed figures of unseen requests built `{made}`, of {on.labelled:,} labelled requests and "
        f"{len(on.rows) - on.labelled:,} more (the bank, and changed copies), and drew the boundaries of presets at "
        f"{card_repository.boundaries()}."
    )


def cost(found: Unseen) -> str:
    """Measure the time that a request takes, on whatever machine this runs."""
    taken = np.array(list(_micros(found)))
    middle, late, latest = np.percentile(taken, (50, 95, 99))
    return (
        f"On one core of the machine that computed this card, over the {len(taken):,} labelled requests: "
        f"{middle:.0f} µs at the median, {late:.0f} µs at the 95th percentile, {latest:.0f} µs at the 99th."
    )


def _micros(found: Unseen) -> Iterator[float]:
    for row in found.rows:
        before = time.thread_time_ns()
        classify(row.request, examine(row.request))
        yield (time.thread_time_ns() - before) / 1000


if __name__ == "__main__":
    main()
