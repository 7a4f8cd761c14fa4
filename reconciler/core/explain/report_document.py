"""A report of drift as one JSON document: all of it, with every host."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from reconciler.core.explain.ignoring import Snippet
from reconciler.core.explain.report import Report, Share, Story
from reconciler.core.instant import to_text
from reconciler.model.episode import Episode, Thing


def report_document(report: Report, snippets: Sequence[Snippet]) -> dict[str, Any]:
    """The report for programs."""
    return {
        "format_version": 1,
        "since": to_text(report.period.since),
        "until": to_text(report.period.until),
        "revision": report.revision,
        "label": report.label,
        "hosts": report.fleet,
        "drifting_hosts": report.drifting,
        "going_on": report.going_on,
        "drifts": report.drifts,
        "ended": dict(report.ended),
        "points": [
            {"at": to_text(p.at), "going_on": p.going_on, "begun": p.begun, "ended": dict(p.ended)}
            for p in report.points
        ],
        "services": _shares(report.services),
        "sites": _shares(report.sites),
        "kinds": _shares(report.kinds),
        "fields": _shares(report.fields),
        "things": [_story(story) for story in report.stories],
        "ignore": [_snippet(snippet) for snippet in snippets],
    }


def _shares(shares: Sequence[Share]) -> list[dict[str, Any]]:
    names = ("name", "owner", "things", "hosts", "drifts", "going_on")
    return [{name: getattr(share, name) for name in names} for share in shares]


def _story(story: Story) -> dict[str, Any]:
    past = story.past
    return {
        **_thing(story.thing),
        "owner": story.owner,
        "project": story.project,
        "path": story.place.path if story.place else None,
        "line": story.place.line if story.place else None,
        "since": _time(past.since),
        "drifts": past.drifts,
        "most_on_one_host": past.times,
        "ended": dict(past.ended),
        "healed_in_a_day": past.healed,
        "fighting": list(past.fighting),
        "episodes": [_episode(episode) for episode in story.episodes],
    }


def _episode(episode: Episode) -> dict[str, Any]:
    return {
        "since": to_text(episode.since),
        "until": _time(episode.until),
        "ended": episode.ended,
        "run": episode.run,
        "action": episode.manner.action,
        "various": episode.manner.various,
        "fields": [
            {"path": f.path, "desired": f.desired, "observed": f.observed, "sensitive": f.sensitive}
            for f in episode.manner.fields
        ],
        "hosts": list(episode.hosts),
    }


def _snippet(snippet: Snippet) -> dict[str, Any]:
    return {
        "path": snippet.path,
        "line": snippet.line,
        "last": snippet.last,
        "how": snippet.how,
        "text": list(snippet.lines),
        "fields": list(snippet.fields),
        "things": [_thing(thing) for thing in snippet.things],
        "silences": [{**_thing(each.thing), "hosts": sorted(each.hosts)} for each in snippet.silences],
        "remaining": [_thing(thing) for thing in snippet.remaining],
    }


def _thing(thing: Thing) -> dict[str, Any]:
    return {"service": thing.service, "kind": thing.key.kind, "name": thing.key.name}


def _time(moment: datetime | None) -> str | None:
    return to_text(moment) if moment else None
