"""Drift over time as shapes of SVG: an area for what goes on, bars for what began and what ended. Numbers in, numbers
out; colours are the style's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from reconciler.core.explain.report import Point
from reconciler.model.episode import Ending

WIDTH, HEIGHT, BARS = 960, 190, 92
LEFT, BOTTOM, TOP = 52, 22, 10
ENDINGS: Final[tuple[Ending, ...]] = ("us", "host", "git")


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle, with the class that says what it is."""

    name: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Span:
    """What a reader points at: a column of the whole chart with what it says."""

    x: float
    width: float
    text: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A label at a place on an axis."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Both charts, on one axis of time. `area` and `line` are path data."""

    area: str
    line: str
    levels: tuple[Tick, ...]
    times: tuple[Tick, ...]
    bars: tuple[Bar, ...]
    spans: tuple[Span, ...]
    most: int


def chart(points: Sequence[Point]) -> Chart:
    """The shapes for these points, of which there is at least one."""
    top = _rounded_up(max(point.going_on for point in points))
    width = (WIDTH - LEFT) / len(points)
    spots = [(LEFT + (n + 1) * width, _height(point.going_on, top)) for n, point in enumerate(points)]
    spots.insert(0, (float(LEFT), _height(_before(points[0]), top)))
    line = "M" + " L".join(f"{x:.1f} {y:.1f}" for x, y in spots)
    base = HEIGHT - BOTTOM
    most = max(1, *(max(point.begun, sum(point.ended.values())) for point in points))
    return Chart(
        area=f"{line} L{WIDTH} {base} L{LEFT} {base} Z",
        line=line,
        levels=tuple(Tick(_height(level, top), f"{level:,}") for level in _levels(top)),
        times=_times(points, width),
        bars=tuple(bar for n, point in enumerate(points) for bar in _bars(point, LEFT + n * width, width, most)),
        spans=tuple(Span(round(LEFT + n * width, 1), round(width, 1), _told(point)) for n, point in enumerate(points)),
        most=most,
    )


def _before(point: Point) -> int:
    return point.going_on - point.begun + sum(point.ended.values())


def _height(level: int, top: int) -> float:
    return round(HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * level / top, 1)


def _rounded_up(number: int) -> int:
    """The next of 4, 8, 12, 20, 40, 80 …: a quarter of it is a whole number."""
    size = 1
    while True:
        for step in (4, 8, 12, 20):
            if number <= step * size:
                return step * size
        size *= 10


def _levels(top: int) -> list[int]:
    return [top * quarter // 4 for quarter in range(5)]


def _times(points: Sequence[Point], width: float) -> tuple[Tick, ...]:
    every = max(1, len(points) // 6)
    long = points[-1].at - points[0].at
    form = "%d %b" if long.days >= 5 else "%d %b %H:%M"
    return tuple(
        Tick(round(LEFT + (n + 1) * width, 1), point.at.strftime(form))
        for n, point in enumerate(points)
        if n % every == every // 2
    )


def _bars(point: Point, x: float, width: float, most: int) -> list[Bar]:
    """What began above the middle, what ended below it, by what ended it."""
    middle, room = BARS / 2, BARS / 2 - 4
    gap = min(2.0, width / 4)
    tall = room * point.begun / most
    bars = [Bar("begun", x + gap / 2, middle - tall, width - gap, tall)] if point.begun else []
    low = middle
    for ending in ENDINGS:
        if number := point.ended.get(ending, 0):
            deep = room * number / most
            bars.append(Bar(ending, x + gap / 2, low, width - gap, deep))
            low += deep
    return [Bar(b.name, round(b.x, 1), round(b.y, 1), round(b.width, 1), round(max(b.height, 0.8), 1)) for b in bars]


def _told(point: Point) -> str:
    us, host, git = (point.ended.get(ending, 0) for ending in ENDINGS)
    return (
        f"until {_moment(point.at)}: {point.going_on:,} going on; {point.begun:,} began, {us:,} healed by runs, "
        f"{host:,} put back, {git:,} ended by Git"
    )


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
