"""Cost against size as a chart of text, both on a logarithmic scale: a straight line at 45° grows with the size."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

Series = Mapping[str, Sequence[tuple[float, float]]]
"""Points (size, cost), both above zero, by what was measured."""

MARKS = "o*x+#@"
COLUMNS = 8
ROWS = 4
"""Characters for a factor of ten, each way."""


def chart(series: Series, size: str, cost: str) -> str:
    """A code block of Markdown. Where two points fall on one place, the later series is seen."""
    points = [point for found in series.values() for point in found]
    left, right = _decades([x for x, _ in points])
    low, high = _decades([y for _, y in points])
    width, height = (right - left) * COLUMNS + 1, (high - low) * ROWS + 1
    grid = [[" "] * width for _ in range(height)]
    for mark, found in zip(MARKS, series.values(), strict=False):
        for x, y in found:
            row, column = _at(y, low, ROWS), _at(x, left, COLUMNS)
            grid[height - 1 - row][column] = mark
    lines = [f"{_label(high - i // ROWS) if i % ROWS == 0 else '':>9} |{''.join(row)}" for i, row in enumerate(grid)]
    lines.append(f"{'':>9} +" + "-" * width)
    lines.append(f"{'':>11}" + "".join(f"{_label(at):<{COLUMNS}}" for at in range(left, right + 1)).rstrip())
    legend = [f"  {mark} {name}" for mark, name in zip(MARKS, series, strict=False)]
    return "\n".join(["```text", f"{cost} against {size}", *lines, *legend, "```"])


def _decades(values: Sequence[float]) -> tuple[int, int]:
    return math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))


def _at(value: float, start: int, steps: int) -> int:
    return round((math.log10(value) - start) * steps)


def _label(power: int) -> str:
    return f"{10**power:,}" if power >= 0 else f"{10.0**power:.{-power}f}"
