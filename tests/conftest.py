"""Says at the very end of a run, loudly, what was left out for want of a Kubernetes: silence reads as success."""

from collections.abc import Generator

import pytest


@pytest.hookimpl(wrapper=True, tryfirst=True)  # the outermost one: its line comes after pytest's own last line
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, None, None]:
    yield
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    left_out = (
        [each for each in reporter.stats.get("skipped", []) if {"kubernetes", "e2e"} & set(each.keywords)]
        if reporter
        else []
    )
    if left_out:
        reasons = "; ".join(sorted({report.longrepr[2].removeprefix("Skipped: ") for report in left_out}))
        line = f"NOT RUN: {len(left_out)} tests that need a real Kubernetes: {' '.join(reasons.split())}"
        reporter.write_line(line, red=True, bold=True)
