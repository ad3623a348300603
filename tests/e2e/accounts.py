"""The account of a load over which pods end: which requests may be lost, and what the day's totals must come to.

A graceful end loses nothing at all, and the SDK never has to try again. A killed process takes along the streams that
run on it, and these end visibly; whoever else meets it tries again, as the SDK does by itself.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tests.e2e.installation import FIGURES_SECONDS, Installation
from tests.e2e.load import Load, lost
from tests.e2e.waiting import comes_to, eventually

GONE_SECONDS = 60.0  # a notice, the longest answer, and the reading of the last counts
SCRAPE_SECONDS = 10.0


@dataclass
class Counted:
    """What the day's totals must come to, by what callers know: exact until something is killed."""

    least: int = 0
    most: int = 0


@contextmanager
def nothing_lost(release: Installation, load: Load, counted: Counted) -> Iterator[None]:
    """In the block, and until the pods that it ended are gone."""
    yield
    _wait_until_ended_pods_are_gone(release)
    load.go_on()
    answers = load.stop()
    assert lost(answers) == []
    assert {each.retries for each in answers} == {0}
    counted.least += len(answers)
    counted.most += len(answers)


def _wait_until_ended_pods_are_gone(release: Installation) -> None:
    eventually(
        lambda: all("deletionTimestamp" not in pod["metadata"] for pod in release.pods("proxy")),
        GONE_SECONDS,
        "the pods that were to end are gone",
    )


@contextmanager
def only_streams_lost(release: Installation, load: Load, counted: Counted) -> Iterator[None]:
    """Those that run on the process that the block kills, and they end with an error; the day's totals say so."""
    earlier = release.today().get("incompleteSince")
    began = datetime.now(UTC) - timedelta(seconds=SCRAPE_SECONDS)
    load.go_on(20)
    kill_begins = time.time()
    yield
    kill_ends = time.time()
    release.wait_until_programmed()
    load.go_on(20)
    answers = load.stop()
    for each in lost(answers):
        assert each.stream, each
        assert each.error, each
        assert each.start < kill_ends, each
        assert each.end > kill_begins, each
    unread = [each for each in answers if each.whole and kill_begins - SCRAPE_SECONDS < each.end < kill_ends]
    counted.least += len(answers) - len(lost(answers)) - len(unread)
    counted.most += sum(1 + (each.retries or 0) for each in answers)
    since = eventually(lambda: release.today().get("incompleteSince"), FIGURES_SECONDS, "the totals say it")
    assert since == earlier or began < datetime.fromisoformat(since) < datetime.now(UTC)
    possible = range(counted.least, counted.most + 1)
    comes_to(lambda: (found := release.requests()) in possible or f"{found} of {possible}", True, FIGURES_SECONDS)
