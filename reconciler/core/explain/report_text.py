"""A report of drift as Markdown, and as CSV for spreadsheets.

Text from Git or hosts can neither end a cell nor be a formula.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from reconciler.core.explain.ignoring import Snippet
from reconciler.core.explain.markdown import cell, fenced
from reconciler.core.explain.past_text import ENDINGS, ended_text, manner_text, moved_text
from reconciler.core.explain.report import WHOLE, Report, Share, Story
from reconciler.core.instant import to_text
from reconciler.core.words import counted, names, printable, since, value
from reconciler.model.episode import Episode, FieldDrift

ROWS = 15
"""Of each table for people; all of it is in the other formats."""
NAMES = 100
"""Hosts that a cell of a spreadsheet names."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
COLUMNS = (
    *("service", "owner", "project", "kind", "name", "place", "action", "field", "git", "host"),
    *("since", "until", "ended", "run", "hosts", "host_names"),
)


def report_markdown(report: Report, snippets: Sequence[Snippet]) -> Iterator[str]:
    """The answer first, then tables."""
    yield f"# Drift, {report.period.since:%Y-%m-%d %H:%M} to {report.period.until:%Y-%m-%d %H:%M} UTC"
    yield ""
    yield from _summary(report)
    yield from _recurring(report)
    yield from _oldest(report)
    shares = (("service", report.services), (report.label, report.sites), ("kind", report.kinds))
    for title, rows in (*shares, ("field", report.fields)):
        yield from _shares(title, rows)
    for snippet in snippets:
        yield from _snippet(snippet)
    yield f"Revision `{report.revision[:7]}`, places by the label `{cell(report.label)}`."


def _summary(report: Report) -> Iterator[str]:
    if not report.stories:
        yield f"**Nothing drifted on {counted(report.fleet, 'host')}.**"
        yield ""
        return
    things = sum(1 for story in report.stories if story.past.drifting)
    verb = "thing drifts" if things == 1 else "things drift"
    yield f"**{things:,} {verb} on {report.drifting:,} of {counted(report.fleet, 'host')} now.**"
    yield ""
    became = [f"{report.ended[e]:,} {words}" for e, words in ENDINGS.items() if report.ended.get(e)]
    if report.going_on:
        became.append(f"{report.going_on:,} {'goes' if report.going_on == 1 else 'go'} on")
    yield f"{counted(report.drifts, 'drift')} of {counted(len(report.stories), 'thing')}: {', '.join(became)}."
    yield ""
    for story in report.fights:
        yield (
            f"> **Two masters?** {_thing(story)} was healed {counted(story.past.healed, 'time')} within a day on "
            f"{cell(names(story.past.fighting))}"
        )
        yield ""


def _recurring(report: Report) -> Iterator[str]:
    found = report.recurring
    if found:
        yield "## Comes back"
        yield ""
        yield "| what | service | owner | most on one host | drifts | ended |"
        yield "| --- | --- | --- | --- | --- | --- |"
    for story in found[:ROWS]:
        ended = cell(ended_text(story.past).removeprefix(": "))
        yield f"| {_thing(story)} | {_whose(story)} | {story.past.times:,} | {story.past.drifts:,} | {ended} |"
    yield from _more(found)


def _oldest(report: Report) -> Iterator[str]:
    found = report.oldest
    if found:
        yield "## Drifts for the longest time"
        yield ""
        yield "| what | service | owner | since | hosts | how |"
        yield "| --- | --- | --- | --- | --- | --- |"
    for story in found[:ROWS]:
        hosts = cell(names(sorted(story.past.drifting)))
        how = cell(manner_text(story.last.manner))
        when = since(story.past.since, report.period.until).removeprefix("since ")
        yield f"| {_thing(story)} | {_whose(story)} | {when} | {hosts} | {how} |"
    yield from _more(found)


def _shares(title: str, rows: Sequence[Share]) -> Iterator[str]:
    if rows:
        yield f"## By {cell(title)}"
        yield ""
        yield f"| {cell(title)} | things | hosts | drifts | now |"
        yield "| --- | --- | --- | --- | --- |"
    for row in rows[:ROWS]:
        yield f"| {cell(row.name)} | {row.things:,} | {row.hosts:,} | {row.drifts:,} | {row.going_on:,} |"
    yield from _more(rows)


def _more(rows: Sequence[object]) -> Iterator[str]:
    if len(rows) > ROWS:
        yield ""
        yield f"… and {len(rows) - ROWS:,} more"
    if rows:
        yield ""


def _snippet(snippet: Snippet) -> Iterator[str]:
    yield f"## Leave it alone: {cell(str(snippet.things[0].key))}"
    yield ""
    yield f"{cell(place_text(snippet))}:"
    yield ""
    yield fenced("\n".join(snippet.lines), "yaml")
    yield ""
    yield cell(effect_text(snippet))
    yield ""


def place_text(snippet: Snippet) -> str:
    """Where it is to be written."""
    where = printable(snippet.path)
    match snippet.how:
        case "after":
            return f"in {where}, below line {snippet.line}"
        case "in":
            return f"in {where}, line {snippet.line} becomes"
        case _ if snippet.last == snippet.line:
            return f"in {where}, instead of line {snippet.line}"
        case _:
            return f"in {where}, instead of lines {snippet.line} to {snippet.last}"


def effect_text(snippet: Snippet) -> str:
    """What it would silence."""
    said = [f"{s.thing.key} on {names(sorted(s.hosts))}" for s in snippet.silences]
    now = f"Silences now: {'; '.join(said[:5])}" if said else "Nothing of it drifts now"
    more = f" and {len(said) - 5:,} more" if len(said) > 5 else ""
    left = names([str(thing.key) for thing in snippet.remaining])
    rest = f". Drifts in another way too, and that is still told: {left}" if left else ""
    return printable(f"{now}{more}{rest}.")


def _thing(story: Story) -> str:
    return cell(str(story.thing.key))


def _whose(story: Story) -> str:
    return f"{cell(story.thing.service)} | {cell(story.owner)}"


def report_csv(report: Report) -> str:
    """A row for each field of each episode."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for story in report.stories:
        for episode in story.episodes:
            writer.writerows(_rows(story, episode))
    return out.getvalue()


def _rows(story: Story, episode: Episode) -> Iterator[list[str]]:
    place = f"{story.place.path}:{story.place.line}" if story.place else ""
    key = story.thing.key
    head = [story.thing.service, story.owner, story.project, key.kind, key.name, place]
    run = str(episode.run) if episode.run else ""
    more = f" and {len(episode.hosts) - NAMES} more" if len(episode.hosts) > NAMES else ""
    hosts = [str(len(episode.hosts)), " ".join(episode.hosts[:NAMES]) + more]
    times = [to_text(episode.since), to_text(episode.until) if episode.until else "", episode.ended or "", run]
    whole = WHOLE.get(episode.manner.action)
    fields = [("", "", whole)] if whole else [(f.path, *_sides(f)) for f in episode.manner.fields]
    for field in fields:
        yield [spreadsheet(each) for each in (*head, episode.manner.action, *field, *times, *hosts)]


def _sides(field: FieldDrift) -> tuple[str, str]:
    told = field.desired is not None or field.observed is not None
    return (value(field.desired), value(field.observed)) if told else ("", moved_text(field))


def spreadsheet(text: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    out = printable(text)
    return f"'{out}" if out.lstrip().startswith(_FORMULA) else out
