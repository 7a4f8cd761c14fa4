"""What a dashboard is made of: panels with their queries, in rows, and variables to choose by.

Knows nothing of any dashboard's form on disk (`grafana`), nor which there are (`dashboards`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Shape = Literal["stat", "timeseries", "table", "bargauge"]
Steps = tuple[tuple[float | None, str], ...]
"""From which value on which colour; the first begins at None."""

GOOD_WHEN_NONE: Steps = ((None, "green"), (1, "orange"))
BAD_WHEN_ANY: Steps = ((None, "green"), (1, "red"))
NEUTRAL: Steps = ((None, "blue"),)


@dataclass(frozen=True, slots=True)
class Query:
    """`legend` names a line by its labels, as `{{service}}`. `now`: only the newest value is wanted."""

    expression: str
    legend: str = ""
    now: bool = False


@dataclass(frozen=True, slots=True)
class Panel:
    """`width` is in 24ths of the page, `height` in Grafana's units of 30 pixels. `names` are words for values;
    `stacked`: lines stand on each other; `link` leads to the dashboard with that uid."""

    title: str
    shape: Shape
    queries: tuple[Query, ...]
    help: str
    unit: str = "short"
    width: int = 12
    height: int = 8
    steps: Steps = NEUTRAL
    names: tuple[tuple[str, str], ...] = ()
    stacked: bool = False
    link: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class Variable:
    """Something to choose by: the values that a label of a metric has."""

    name: str
    label: str
    query: str


@dataclass(frozen=True, slots=True)
class Dashboard:
    """`uid` names it for ever, so that links last; `span` is how far back it looks at first."""

    uid: str
    title: str
    help: str
    rows: tuple[Row, ...]
    variables: tuple[Variable, ...]
    span: str = "6h"


def stat(title: str, expression: str, help: str, steps: Steps = NEUTRAL, unit: str = "short") -> Panel:
    """One number, large."""
    return Panel(title, "stat", (Query(expression, now=True),), help, unit, 4, 4, steps)


def lines(title: str, help: str, *queries: tuple[str, str], unit: str = "short", stacked: bool = False) -> Panel:
    """How something went: (expression, legend) for each line or family of lines."""
    return Panel(title, "timeseries", tuple(Query(*query) for query in queries), help, unit, stacked=stacked)


def ranking(title: str, help: str, expression: str, legend: str) -> Panel:
    """The most of something by now, as bars."""
    return Panel(title, "bargauge", (Query(expression, legend, now=True),), help, steps=((None, "orange"),))
