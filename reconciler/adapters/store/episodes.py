"""Drift that is remembered, in rows and back: one row for each manner of drift, its span and its end, whatever the
number of hosts. What the rows mean is in `core.recording.history`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, insert, or_, select, update

from reconciler.adapters.store import content
from reconciler.adapters.store.content import Contents
from reconciler.adapters.store.runs import changed_by
from reconciler.adapters.store.tables import episode
from reconciler.core.recording.history import healed
from reconciler.model.digest import digest
from reconciler.model.episode import Episode, Thing, manner
from reconciler.model.key import Key
from reconciler.model.run import Run

_OPEN = episode.c.until.is_(None)


def drifting(connection: Connection) -> tuple[str, list[Episode]]:
    """The episodes without an end, in the order in which they came, and a mark that another write changes."""
    rows = _open(connection)
    return _mark(rows), _loaded(connection, rows)


def note(connection: Connection, mark: str, changed: Sequence[Episode]) -> bool:
    """Writes episodes that were worked out from what bore the mark; False (and nothing) if that has changed since."""
    if _mark(_open(connection)) != mark:
        return False
    _write(connection, changed)
    return True


def heal(connection: Connection, run: Run, at: datetime) -> None:
    """Ends the drift that a run has undone."""
    rows = _open(connection)
    if rows and (outcomes := changed_by(connection, run.id)):
        _write(connection, healed(_loaded(connection, rows), outcomes, run.id, at))


def since(connection: Connection, moment: datetime, key: Key | None) -> list[Episode]:
    """Episodes that had no end at that moment, or that began later, in the order in which they were first written."""
    statement = select(episode).where(or_(_OPEN, episode.c.until >= moment)).order_by(episode.c.id)
    if key is not None:
        statement = statement.where(episode.c.kind == key.kind, episode.c.name == key.name)
    return _loaded(connection, list(connection.execute(statement)))


def forget(connection: Connection, before: datetime) -> None:
    """Deletes those that ended before."""
    connection.execute(delete(episode).where(episode.c.until < before))


def _open(connection: Connection) -> list[Row[Any]]:
    return list(connection.execute(select(episode).where(_OPEN).order_by(episode.c.id)))


def _mark(rows: Sequence[Row[Any]]) -> str:
    return digest([[row.id, row.manner, row.hosts] for row in rows])


def _write(connection: Connection, changed: Sequence[Episode]) -> None:
    contents = Contents()
    rows = [_row(each, contents) for each in changed]
    contents.save(connection)
    if new := [row for each, row in zip(changed, rows, strict=True) if not each.id]:
        connection.execute(insert(episode), new)
    old = [{"number": each.id, **row} for each, row in zip(changed, rows, strict=True) if each.id]
    if old:
        connection.execute(update(episode).where(episode.c.id == bindparam("number")), old)


def _row(each: Episode, contents: Contents) -> dict[str, Any]:
    return {
        "service": each.thing.service,
        "kind": each.thing.key.kind,
        "name": each.thing.key.name,
        "since": each.since,
        "until": each.until,
        "ended": each.ended,
        "run": each.run,
        "manner": contents.add("manner", each.manner.document()),
        "hosts": contents.add("hosts", each.hosts),
    }


def _loaded(connection: Connection, rows: Sequence[Row[Any]]) -> list[Episode]:
    """Equal sets of hosts, and equal manners, are one object."""
    hosts = {name: tuple(names) for name, names in content.load(connection, "hosts", {row.hosts for row in rows})}
    manners = {name: manner(said) for name, said in content.load(connection, "manner", {row.manner for row in rows})}
    return [
        Episode(
            thing=Thing(row.service, Key(row.kind, row.name)),
            manner=manners[row.manner],
            since=row.since,
            hosts=hosts[row.hosts],
            until=row.until,
            ended=row.ended,
            run=row.run,
            id=row.id,
        )
        for row in rows
    ]
