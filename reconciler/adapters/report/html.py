"""Fills the page of a report. Style and script are files of the package, put into it and named by their digest in its
policy, so that nothing else in it can run, load or send anything.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any, Final

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from reconciler.adapters.report.chart import BARS, BOTTOM, HEIGHT, LEFT, WIDTH, chart
from reconciler.adapters.report.data import packed
from reconciler.core.explain.ignoring import Snippet
from reconciler.core.explain.past_text import manner_text
from reconciler.core.explain.report import Report
from reconciler.core.explain.report_text import effect_text, place_text
from reconciler.core.recording.past import Past
from reconciler.core.words import ago, names, printable
from reconciler.model.episode import Ending

ROWS: Final = 10
"""Of each short table."""
STATIC: Final = 50
"""Of the long one, where no script runs."""
ENDED: Final[dict[Ending, str]] = {"us": "healed by runs", "host": "put back", "git": "ended by Git"}
SHAPE: Final = {"width": WIDTH, "height": HEIGHT, "left": LEFT, "base": HEIGHT - BOTTOM, "bars": BARS}


def page(report: Report, snippets: Sequence[Snippet]) -> str:
    """The page as one document."""
    style, script = _part("page.css"), _part("page.js")
    data = packed(report)
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            report=report,
            snippets=snippets,
            chart=chart(report.points),
            shape=SHAPE,
            shares=_shares(report),
            # Ours, from the package: digests in the policy say so. The data is JSON without a `<`.
            style=Markup(style),  # noqa: S704
            script=Markup(script),  # noqa: S704
            data=Markup(data.json),  # noqa: S704
            left_out=data.left_out,
            hosts_cut=data.hosts_cut,
            policy=_policy(style, script),
            rows=ROWS,
            static=STATIC,
        )
    )


def _shares(report: Report) -> list[tuple[str, str, Any]]:
    return [
        ("services", "Service", report.services),
        ("sites", report.label.capitalize(), report.sites),
        ("kinds", "Kind", report.kinds),
        ("fields", "Field", report.fields),
    ]


def _policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return f"sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


@cache
def _part(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        loader=FunctionLoader(_part),
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.filters.update(
        number=lambda number: f"{number:,}", moment=_moment, ago=ago, names=names, manner=manner_text,
        ended=_ended, place=place_text, effect=effect_text,
    )  # fmt: skip
    return environment


def _shown(value: Any) -> str:
    """All text that is not ours to trust: nothing in it moves, hides or reorders anything."""
    return value if isinstance(value, Markup) else printable(str(value))


def _ended(past: Past) -> str:
    return ", ".join(f"{words} {past.ended[by]:,}×" for by, words in ENDED.items() if past.ended.get(by))


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
