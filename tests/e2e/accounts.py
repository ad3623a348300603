"""The account of a load over which pods end: which requests may be lost, and what the day's totals must come to.

A graceful end loses nothing at all, and the SDK never has to try again. A killed process takes along the streams that
run on it, and these end visibly; whoever else meets it tries again, as the SDK does by itself.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.e2e.installation import FIGURES_SECONDS, Installation
from tests.e2e.kills import SCRAPE_SECONDS, Kill
from tests.e2e.load import Load, lost
from tests.e2e.waiting import comes_to, eventually

GONE_SECONDS = 60.0  # a notice, the longest answer, and the reading of the last counts
MODULE = timedelta(minutes=12)  # what the longest of those that compare totals takes, on a busy machine


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
def only_streams_lost(release: Installation, pod: Any, load: Load, counted: Counted) -> Iterator[None]:
    """Those that run on the pod's process, which the block kills; these end with an error, and the totals say so."""
    earlier = release.today().get("incompleteSince")
    kill = Kill(release, pod)
    load.go_on(20)
    with kill.under_way():
        yield
    kill.wait_until_replaced()
    load.go_on(20)
    least, most = kill.least_and_most(load.stop())
    counted.least += least
    counted.most += most
    since = eventually(lambda: release.today().get("incompleteSince"), FIGURES_SECONDS, "the totals say it")
    first = datetime.fromtimestamp(kill.begins - SCRAPE_SECONDS, UTC)
    assert since == earlier or first < datetime.fromisoformat(since) < datetime.now(UTC)
    totals_come_to(release, counted)
    release.wait_until_programmed()


def totals_come_to(release: Installation, counted: Counted) -> None:
    possible = range(counted.least, counted.most + 1)
    comes_to(lambda: (found := release.requests()) in possible or f"{found} of {possible}", True, FIGURES_SECONDS)


def wait_for_a_day_with_room(now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
    """Totals are of the UTC day: a module that compares them waits past a midnight that it would run into."""
    midnight = datetime.combine(now().date() + timedelta(days=1), datetime.min.time(), UTC)
    if midnight - now() < MODULE:
        time.sleep((midnight - now()).total_seconds() + 1)
