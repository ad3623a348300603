"""The tables of `docs/metrics.md`, from what a proxy and an operator that know nothing yet would say to Prometheus."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric

from tierway_operator.health import Health
from tierway_operator.metrics import Metrics
from tierway_operator.observing import Seen
from tierway_operator.reporting import Standing
from tierway_operator.store import Ref
from tierway_proxy.shell.metrics import registry
from tierway_proxy.shell.serving import Serving
from tierway_proxy.shell.tables import Tables

_GENERAL = ("process_", "python_")
_ENDPOINT = ["tier_namespace", "tier", "gen_ai_request_model", "gen_ai_provider_name"]
_SUFFIX = {"counter": "_total", "info": "_info"}


class _NothingYet:
    seen = Seen()

    def standing(self) -> Mapping[str, Standing]:
        return {}

    def statuses(self) -> Mapping[Ref, Mapping[str, Any]]:
        return {}


def tables() -> dict[str, str]:
    """Markdown, by the name of the program."""
    operator = Health().registry
    operator.register(Metrics(_NothingYet()))
    proxy = registry(Serving(Tables(), region=None, default_policy=None))
    return {"proxy": _table(proxy), "operator": _table(operator)}


def with_tables(text: str) -> str:
    """`text` with each table anew between its marks."""
    for name, table in tables().items():
        begin, end = f"<!-- {name}: python -m monitoring -->\n", f"<!-- {name} ends -->"
        whole = f"{begin}{table}{end}".replace("\\", r"\\")  # as a replacement is written
        text, found = re.subn(f"{re.escape(begin)}.*?{end}", whole, text, flags=re.DOTALL)
        if not found:
            raise ValueError(f"docs/metrics.md has no place for the table of the {name}: {begin}…{end}")
    return text


def _table(of: CollectorRegistry) -> str:
    rows = ["| metric | type | labels | |", "|---|---|---|---|", *_rows(of.collect())]
    return "\n".join(rows) + "\n"


def _rows(families: Iterable[Metric]) -> Iterator[str]:
    for each in families:
        if not each.name.startswith(_GENERAL):
            labels = ", ".join(_said(_labels(each)))
            yield f"| `{each.name}{_SUFFIX.get(each.type, '')}` | {each.type} | {labels} | {each.documentation} |"


def _said(labels: list[str]) -> Iterator[str]:
    """An endpoint's four labels are one word."""
    if labels[: len(_ENDPOINT)] == _ENDPOINT:
        yield "*endpoint*"
        labels = labels[len(_ENDPOINT) :]
    yield from (f"`{label}`" for label in labels)


def _labels(family: Metric) -> list[str]:
    """As the family declares them, or as its only samples have them."""
    declared = getattr(family, "_labelnames", ())
    return list(declared or dict.fromkeys(label for sample in family.samples for label in sample.labels))
