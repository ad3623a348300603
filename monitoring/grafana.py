"""The dashboard's JSON from its YAML: what Grafana wants to be told of each panel and nobody wants to write by hand."""

import json
from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any

import yaml

from monitoring import SOURCE

JSON = dict[str, Any]

_SELECTORS = {
    "<release>": 'namespace=~"$namespace", release=~"$release"',
    "<policy>": 'namespace=~"$namespace", release=~"$release", policy=~"$policy"',
}
_DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
_COLUMNS = 24
_SIZES = {"stat": (4, 4), "timeseries": (8, 8), "table": (8, 8)}
_DASHED = "/ (limit|usual|wanted)$|^wanted$/"


def text() -> str:
    """The file that the chart carries."""
    return json.dumps(dashboard(yaml.safe_load(SOURCE.read_text())), indent=1, ensure_ascii=False) + "\n"


def dashboard(source: Mapping[str, Any]) -> JSON:
    numbers = count(1)
    return {
        "uid": source["uid"],
        "title": source["title"],
        "description": "What Tierway's proxies and operator say. Made by `python -m monitoring`.",
        "tags": ["tierway", "llm"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": _variables()},
        "annotations": {"list": []},
        "panels": list(_panels(source["rows"], numbers)),
    }


def _variables() -> list[JSON]:
    datasource = {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"}
    return [
        datasource | {"current": {}, "hide": 0, "refresh": 1, "regex": "", "multi": False, "includeAll": False},
        _variable("namespace", "Namespace", "label_values(tierway_build_info, namespace)"),
        _variable("release", "Release", 'label_values(tierway_build_info{namespace=~"$namespace"}, release)'),
        _variable("policy", "Policy", f"label_values(tierway_requests_total{{{_SELECTORS['<release>']}}}, policy)"),
    ]


def _variable(name: str, label: str, query: str) -> JSON:
    """All values are chosen at first."""
    return {
        "name": name, "label": label, "type": "query", "datasource": _DATASOURCE, "definition": query,
        "query": {"query": query, "refId": name}, "refresh": 2, "regex": "", "sort": 1, "hide": 0,
        "multi": True, "includeAll": True, "allValue": ".*",
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
    }  # fmt: skip


def _panels(rows: list[Mapping[str, Any]], numbers: Iterator[int]) -> Iterator[JSON]:
    """Rows one below the other, the panels of each from left to right, as many in a line as there is room for."""
    top = 0
    for row in rows:
        place = {"x": 0, "y": top, "w": _COLUMNS, "h": 1}
        yield {
            "id": next(numbers),
            "type": "row",
            "title": row["title"],
            "gridPos": place,
            "collapsed": False,
            "panels": [],
        }
        left, top, height = 0, top + 1, 0
        for panel in row["panels"]:
            width, height = _SIZES[panel.get("kind", "timeseries")]
            if left + width > _COLUMNS:
                left, top = 0, top + height
            yield _panel(panel, next(numbers), {"x": left, "y": top, "w": width, "h": height})
            left += width
        top += height


def _panel(source: Mapping[str, Any], number: int, place: JSON) -> JSON:
    kind = source.get("kind", "timeseries")
    return {
        "id": number,
        "type": kind,
        "title": source["title"],
        "description": source["description"],
        "datasource": _DATASOURCE,
        "gridPos": place,
        "targets": [_target(*each, kind) for each in zip("ABCD", source["queries"].items(), strict=False)],
        "fieldConfig": _fields(source, kind),
        **_drawn(source, kind),
    }


def _target(letter: str, query: tuple[str, str], kind: str) -> JSON:
    legend, expression = query
    for placeholder, selector in _SELECTORS.items():
        expression = expression.replace(placeholder, selector)
    found = {"refId": letter, "datasource": _DATASOURCE, "expr": expression, "legendFormat": legend}
    return found | ({"format": "table", "instant": True} if kind == "table" else {"range": True})


def _fields(source: Mapping[str, Any], kind: str) -> JSON:
    steps = [
        {"color": color, "value": at if number else None}
        for number, (color, at) in enumerate(source.get("thresholds", {"green": 0}).items())
    ]
    defaults: JSON = {"unit": source["unit"], "thresholds": {"mode": "absolute", "steps": steps}}
    if kind != "timeseries":
        return {"defaults": defaults, "overrides": []}
    stacking = {"mode": "percent" if source.get("stack") else "none", "group": "A"}
    custom = {
        "lineWidth": 1,
        "fillOpacity": 60 if source.get("stack") else 5,
        "showPoints": "never",
        "stacking": stacking,
    }
    dashed = {"id": "custom.lineStyle", "value": {"fill": "dash", "dash": [8, 8]}}
    overrides = [{"matcher": {"id": "byRegexp", "options": _DASHED}, "properties": [dashed]}]
    return {"defaults": defaults | {"custom": custom}, "overrides": overrides}


def _drawn(source: Mapping[str, Any], kind: str) -> JSON:
    if kind == "stat":
        shown = {"calcs": ["lastNotNull"], "fields": "", "values": False}
        return {"options": {"reduceOptions": shown, "colorMode": "value", "graphMode": "area", "textMode": "value"}}
    if kind == "table":
        hidden = {
            "id": "organize",
            "options": {"excludeByName": {"Time": True}, "renameByName": {"Value": next(iter(source["queries"]))}},
        }
        return {"options": {"showHeader": True}, "transformations": [hidden]}
    legend = {"displayMode": "list", "placement": "bottom", "showLegend": True}
    return {"options": {"legend": legend, "tooltip": {"mode": "multi", "sort": "desc"}}}
