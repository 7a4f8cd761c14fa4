"""Dashboards in the form that Grafana imports, by its own schema; works in Grafana 10 and newer, whatever the data
source is called there.

Must not know what any dashboard is about.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from reconciler.adapters.metrics.panels import Dashboard, Panel, Query, Row, Variable

VERSION = 39
"""Grafana's version of the schema; a newer Grafana brings it to its own."""
WIDE = 24
_SOURCE = {"type": "prometheus", "uid": "${datasource}"}


def document(board: Dashboard) -> dict[str, Any]:
    """The dashboard as JSON has it."""
    return {
        "uid": board.uid,
        "title": board.title,
        "description": board.help,
        "tags": ["reconciler"],
        "schemaVersion": VERSION,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "1m",
        "time": {"from": f"now-{board.span}", "to": "now"},
        "timezone": "",
        "links": [_link()],
        "templating": {"list": [_source_variable(), *map(_variable, board.variables)]},
        "panels": list(_panels(board.rows)),
    }


def _link() -> dict[str, Any]:
    """A menu of the other dashboards."""
    return {
        "title": "Reconciler",
        "type": "dashboards",
        "tags": ["reconciler"],
        "asDropdown": True,
        "icon": "external link",
        "includeVars": True,
        "keepTime": True,
        "targetBlank": False,
        "tooltip": "",
    }


def _source_variable() -> dict[str, Any]:
    return {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"}


def _variable(variable: Variable) -> dict[str, Any]:
    return {
        "name": variable.name,
        "label": variable.label,
        "type": "query",
        "datasource": _SOURCE,
        "query": variable.query,
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": ["All"], "value": ["$__all"]},
    }


def _panels(rows: Sequence[Row]) -> Iterator[dict[str, Any]]:
    """Rows under each other; in a row panels go from the left to the right, and on in the next line."""
    number, top = 1, 0
    for row in rows:
        yield {
            "id": number,
            "type": "row",
            "title": row.title,
            "collapsed": False,
            "panels": [],
            "gridPos": {"x": 0, "y": top, "w": WIDE, "h": 1},
        }
        number, top, left, tall = number + 1, top + 1, 0, 0
        for panel in row.panels:
            if left + panel.width > WIDE:
                left, top, tall = 0, top + tall, 0
            place = {"x": left, "y": top, "w": panel.width, "h": panel.height}
            yield {"id": number, "gridPos": place, **_panel(panel)}
            number, left, tall = number + 1, left + panel.width, max(tall, panel.height)
        top += tall


def _panel(panel: Panel) -> dict[str, Any]:
    return {
        "type": panel.shape,
        "title": panel.title,
        "description": panel.help,
        "datasource": _SOURCE,
        "targets": [_target(chr(ord("A") + n), query, panel) for n, query in enumerate(panel.queries)],
        "fieldConfig": {"defaults": _defaults(panel), "overrides": []},
        "options": _options(panel),
        **({"transformations": _TABLE} if panel.shape == "table" else {}),
    }


def _target(name: str, query: Query, panel: Panel) -> dict[str, Any]:
    return {
        "refId": name,
        "datasource": _SOURCE,
        "expr": query.expression,
        "legendFormat": query.legend,
        "range": not query.now,
        "instant": query.now,
        "format": "table" if panel.shape == "table" else "time_series",
    }


def _defaults(panel: Panel) -> dict[str, Any]:
    steps = [{"value": value, "color": colour} for value, colour in panel.steps]
    found: dict[str, Any] = {
        "unit": panel.unit,
        "color": {"mode": "palette-classic" if panel.shape == "timeseries" else "thresholds"},
        "thresholds": {"mode": "absolute", "steps": steps},
    }
    if panel.shape == "timeseries":
        mode = "normal" if panel.stacked else "none"
        found["custom"] = {
            "fillOpacity": 20 if panel.stacked else 5,
            "lineWidth": 1,
            "showPoints": "never",
            "stacking": {"mode": mode, "group": "A"},
        }
        found["min"] = 0
    if panel.names:
        named = {value: {"text": text, "index": n} for n, (value, text) in enumerate(panel.names)}
        found["mappings"] = [{"type": "value", "options": named}]
    if panel.link:
        found["links"] = [{"title": "Look closer", "url": f"/d/{panel.link}?${{__url_time_range}}&${{job:queryparam}}"}]
    return found


_NEWEST = {"calcs": ["lastNotNull"], "fields": "", "values": False}
_TABLE = [
    {
        "id": "organize",
        "options": {
            "excludeByName": dict.fromkeys(("Time", "Value", "__name__", "alertstate", "instance"), True),
            "indexByName": {"severity": 0, "alertname": 1, "job": 2},
            "renameByName": {"alertname": "alert"},
        },
    }
]


def _options(panel: Panel) -> dict[str, Any]:
    match panel.shape:
        case "stat":
            return {
                "colorMode": "value",
                "graphMode": "none",
                "justifyMode": "auto",
                "orientation": "auto",
                "textMode": "value",
                "reduceOptions": _NEWEST,
            }
        case "bargauge":
            return {
                "displayMode": "basic",
                "orientation": "horizontal",
                "showUnfilled": True,
                "reduceOptions": _NEWEST,
            }
        case "table":
            return {"showHeader": True, "cellHeight": "sm"}
        case _:
            return {
                "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
                "tooltip": {"mode": "multi", "sort": "desc"},
            }
