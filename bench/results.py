"""Tables of results, and the block of bench/RESULTS.md that one benchmark owns; the others' are left as they are."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

FILE = Path(__file__).parent / "RESULTS.md"
TITLE = """\
# Results

Written by the benchmarks themselves (`make bench`). Other machines give other figures; ratios differ less.
"""


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; numbers to the right."""
    lines = [f"| {' | '.join(heads)} |", "| --- |" + " ---: |" * (len(heads) - 1)]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join(lines)


def verdict(what: str, measured: float, bar: float, *, least: bool = False) -> tuple[str, ...]:
    """A row for a table of bars: at most that, or at least."""
    shown = f"{measured:,.0f}" if measured >= 100 else f"{measured:.2f}"
    holds = measured >= bar if least else measured <= bar
    return what, shown, f"{'≥' if least else '≤'} {bar:g}", "met" if holds else "missed"


def write(name: str, text: str) -> None:
    """Put a text in the place of the block of that name, or at the end."""
    block = f"<!-- bench:{name} -->\n{text.strip()}\n<!-- /bench:{name} -->\n"
    whole = FILE.read_text() if FILE.exists() else TITLE
    found = re.search(rf"<!-- bench:{name} -->\n.*?<!-- /bench:{name} -->\n", whole, re.DOTALL)
    whole = whole[: found.start()] + block + whole[found.end() :] if found else f"{whole}\n{block}"
    FILE.write_text(whole)


def machine(packages: Sequence[str] = ()) -> str:
    """What was measured on, in a line."""
    parts = [f"{_model()}, {os.cpu_count()} cores, {_memory()} GiB", f"Linux {platform.release().split('-')[0]}"]
    parts += [f"Python {platform.python_version()}"]
    for package in packages:
        try:
            parts.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    parts.append(f"load average {os.getloadavg()[2]:.0f}")  # processor time grows when others share the cores
    shown = subprocess.run(["ssh", "-V"], check=False, capture_output=True, text=True).stderr
    return "; ".join([*parts, shown.split(",")[0].strip()])


def _model() -> str:
    found = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1] if found else platform.machine()


def _memory() -> int:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)
