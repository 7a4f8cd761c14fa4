"""Dashboards: their files are fresh, their queries mean metrics that there are, and each shows something."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.adapters.metrics.alerts import GROUPS
from reconciler.adapters.metrics.catalogue import METRICS
from reconciler.adapters.metrics.dashboards import DASHBOARDS
from reconciler.adapters.metrics.files import files
from reconciler.adapters.metrics.panels import Panel, Query
from reconciler.core.assessing.differ import Differing
from reconciler.model.delivery import Outcome, Reply
from reconciler.model.event import (
    Applied,
    HostFinished,
    HostObserved,
    Notified,
    PlanMade,
    Polled,
    Refused,
    RolledBack,
    RolloutHalted,
    RunFinished,
    RunRecovered,
    Troubled,
)
from reconciler.model.key import Key
from tests.command_line import ROOT
from tests.monitoring.promtool import examined
from tests.monitoring.scrapes import Pair, answers, leads, moment, scraped

PACKAGING = ROOT / "packaging"
PANELS = [(board.uid, panel) for board in DASHBOARDS for row in board.rows for panel in row.panels]
QUERIES = [(f"{uid}: {panel.title}", query) for uid, panel in PANELS for query in panel.queries]
ALERTS = [(alert.name, alert.query) for alerts in GROUPS.values() for alert in alerts]
EVERY_QUERY = [*((title, query.expression) for title, query in QUERIES), *ALERTS]
KNOWN = {metric.name: metric for metric in METRICS}
FOREIGN = {"up", "ALERTS", "process_resident_memory_bytes"}
"""Metrics of Prometheus itself, and of every process."""
TARGET = {"job", "instance"}
"""Labels that Prometheus puts on everything."""

_selector = re.compile(r"\b(reconciler_[a-z_0-9]+)(?:\{([^}]*)\})?")
_matcher = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')


def test_the_files_are_fresh() -> None:
    made = files()
    there = [*PACKAGING.glob("grafana/*"), *PACKAGING.glob("prometheus/*")]
    assert {str(path.relative_to(PACKAGING)): path.read_text() for path in there} == made, "run: make monitoring"


def faults(expression: str) -> Iterator[str]:
    """What in a query is no metric, label or value of ours, or is asked of a metric of another type."""
    for found in _selector.finditer(expression):
        name, matchers = found[1], found[2] or ""
        metric = KNOWN.get(name) or KNOWN.get(re.sub(r"_(bucket|sum|count)$", "", name))
        if metric is None:
            yield f"there is no metric {name}"
            continue
        counts = metric.type != "gauge"
        if counts != expression[: found.start()].endswith(("rate(", "increase(")):
            yield f"{name} is a {metric.type}"
        for label, how, value in _matcher.findall(matchers):
            if label not in {*metric.labels, *TARGET}:
                yield f"{name} has no label {label}"
            values = value.split("|") if "~" in how else [value]
            if label in metric.known and not value.startswith("$"):
                yield from (f"{name} has no {label} {each}" for each in values if each not in metric.known[label])
    grouped = {label for text in re.findall(r"\bby \(([^)]*)\)", expression) for label in re.findall(r"\w+", text)}
    of_metrics = {label for name in KNOWN for label in KNOWN[name].labels if name in expression}
    if "ALERTS" not in expression:
        yield from (f"nothing has the label {label}" for label in sorted(grouped - of_metrics - TARGET - {"le"}))


@pytest.mark.parametrize(("title", "expression"), EVERY_QUERY, ids=[title for title, _ in EVERY_QUERY])
def test_a_query_means_metrics_that_there_are(title: str, expression: str) -> None:
    assert list(faults(expression)) == []
    assert set(re.findall(r"\b([a-zA-Z_]+)\{", expression)) <= KNOWN.keys() | FOREIGN | {
        f"{name}_bucket" for name in KNOWN
    }


@pytest.mark.parametrize(
    ("expression", "fault"),
    [
        ("reconciler_leaders", "there is no metric reconciler_leaders"),
        ('reconciler_hosts{status="all"}', "reconciler_hosts has no label status"),
        ('reconciler_hosts{state=~"all|gone"}', "reconciler_hosts has no state gone"),
        ("rate(reconciler_hosts[5m])", "reconciler_hosts is a gauge"),
        ("reconciler_troubles_total", "reconciler_troubles_total is a counter"),
        ("sum by (service) (reconciler_paused)", "nothing has the label service"),
    ],
)
def test_one_that_does_not_is_found(expression: str, fault: str) -> None:
    assert list(faults(expression)) == [fault]


def test_the_list_has_every_limit_of_the_gate() -> None:
    code = "".join(path.read_text() for path in (ROOT / "reconciler/core/gate").glob("*.py"))
    assert set(re.findall(r'Refusal\("([a-z-]+)"', code)) <= set(KNOWN["reconciler_refusals_total"].known["limit"])


def busy(pair: Pair, minute: int) -> None:
    """Everything happens, every minute."""
    differing = (Differing("edge", "web", "auto", "auto", 3, 2, 1),)
    pair.first.publish(
        leads(
            minute, differing=differing, queue=3, problems=1, halted=("x",), ages=answers(100, 1),
            lagging_since=moment(0),
        )
    )  # fmt: skip
    for event in (
        Polled("r1", moved=True),
        HostObserved(Reply("h", "unreachable", "timed out")),
        HostFinished("edge", Reply("h", "done", outcomes=(Outcome(Key("file", "/etc/x"), "changed"),))),
        PlanMade("r1", 0.2 * minute, 3, 4),
        Refused(("deletes",), ("edge",), ("a",)),
        RunFinished(1, "failed"),
        Applied(1, "failed", ("edge",), 7.0 * minute),
        Troubled("the loop", "why"),
        RolloutHalted("edge", "1 of 2"),
        RolledBack("edge", 2, "succeeded", "r1", 3),
        RunRecovered(1, moment(0), 2, 1, 0),
        Notified("team", 1),
    ):
        pair.first.on(event)
    pair.first.webhook("github", "accepted")


def asked(expression: str) -> str:
    """A query as Grafana sends it, when all is chosen."""
    return re.sub(r"\$(job|project|service)", ".*", expression).replace("$__rate_interval", "4m")


def test_every_panel_shows_something(tmp_path: Path) -> None:
    """By promtool, which also parses every query."""
    alerts = {"series": 'ALERTS{alertname="ReconcilerDown", alertstate="firing"}', "values": "1x30"}
    results = [
        {
            "expr": f"count({asked(query.expression)}) > bool 0",
            "eval_time": "30m",
            "exp_samples": [{"labels": "{}", "value": 1}],
        }
        for _, query in QUERIES
    ]
    test = {"interval": "1m", "input_series": [*scraped(busy, 30), alerts], "promql_expr_test": results}
    examined(tmp_path, None, test)


def test_one_that_shows_nothing_would_be_noticed(tmp_path: Path) -> None:
    nothing = {"expr": "count(reconciler_gone) > bool 0", "eval_time": "5m"}
    test = {"interval": "1m", "input_series": scraped(busy, 5), "promql_expr_test": [nothing]}
    with pytest.raises(AssertionError, match="reconciler_gone"):
        examined(
            tmp_path, None, {**test, "promql_expr_test": [{**nothing, "exp_samples": [{"labels": "{}", "value": 1}]}]}
        )


@pytest.mark.parametrize(("title", "query"), QUERIES, ids=[title for title, _ in QUERIES])
def test_lines_are_named_by_labels_that_they_have(title: str, query: Query) -> None:
    kept = re.findall(r"\bby \(([^)]*)\)", query.expression)
    labels = set(re.findall(r"\w+", kept[-1])) if kept else TARGET
    assert set(re.findall(r"\{\{(\w+)\}\}", query.legend)) <= labels


@pytest.mark.parametrize(("uid", "panel"), PANELS, ids=[f"{uid}: {panel.title}" for uid, panel in PANELS])
def test_a_panel_says_what_it_shows_and_leads_somewhere(uid: str, panel: Panel) -> None:
    assert panel.help.endswith(".")
    assert panel.link in {"", *(board.uid for board in DASHBOARDS)}


@pytest.mark.parametrize("board", DASHBOARDS, ids=lambda board: board.uid)
def test_no_panel_covers_another_or_leaves_the_page(board: object) -> None:
    document = json.loads((PACKAGING / f"grafana/{board.uid}.json").read_text())
    covered = set()
    for panel in document["panels"]:
        x, y, w, h = (panel["gridPos"][of] for of in "xywh")
        cells = {(x + dx, y + dy) for dx in range(w) for dy in range(h)}
        assert not cells & covered
        assert x + w <= 24
        covered |= cells
    ids = [panel["id"] for panel in document["panels"]]
    assert len(set(ids)) == len(ids)
