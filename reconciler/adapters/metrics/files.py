"""Dashboards and alert rules as files, under the names that they have in packaging/. Must not know what is in them."""

from __future__ import annotations

import orjson
import yaml

from reconciler.adapters.metrics.alerts import RUNBOOKS, rules
from reconciler.adapters.metrics.dashboards import DASHBOARDS
from reconciler.adapters.metrics.grafana import document

RULES = "prometheus/reconciler.rules.yaml"


def files(runbooks: str | None = None) -> dict[str, str]:
    """What is in each file, by its path. `runbooks` is where people find docs/runbooks.md."""
    boards = {f"grafana/{board.uid}.json": _json(document(board)) for board in DASHBOARDS}
    return {**boards, RULES: _HEAD + yaml.safe_dump(rules(runbooks or RUNBOOKS), sort_keys=False, width=120)}


def _json(value: object) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()


_HEAD = """\
# Alerts for Prometheus. Made from reconciler/adapters/metrics/alerts.py by `make monitoring`; don't edit.
# With another address of the runbooks: reconciler schema --monitoring FOLDER --runbooks https://wiki.example.org/runbooks
"""
