"""Observations in rows and back: a row for each host, what it said as shared content."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import partial
from sys import intern
from typing import Any

from sqlalchemy import Connection, select

from reconciler.adapters.store import bulk, content
from reconciler.adapters.store.content import Contents, rows_of
from reconciler.adapters.store.driver import reader
from reconciler.adapters.store.tables import observation
from reconciler.core import instant
from reconciler.model.key import Key
from reconciler.model.observation import Fact, Observation

_FACTS, _SINCE = (observation.columns.keys().index(name) for name in ("facts", "since"))


class _Keys(dict[tuple[str, str], Key]):
    """Each key once, by its kind and name."""

    def __missing__(self, pair: tuple[str, str]) -> Key:
        key = self[pair] = Key(*pair)
        return key


def rows(observations: Sequence[Observation], contents: Contents) -> list[dict[str, Any]]:
    """The rows for hosts (the last of several for one host), with what they refer to added to `contents`."""
    last = {seen.host: seen for seen in observations}
    # In one order for everybody, so that two who write the same hosts wait for each other instead of both failing.
    return [_row(last[host], contents) for host in sorted(last)]


def still(
    connection: Connection, new: Sequence[dict[str, Any]], known: Mapping[str, Observation]
) -> list[dict[str, Any]]:
    """Of rows to be written those of hosts of which still is known what was. No other can be written until the
    transaction ends."""
    columns = (observation.c.host, observation.c.asked_at, observation.c.fingerprint, observation.c.unreachable)
    there: dict[str, tuple[object, ...]] = {}
    for hosts in content.batches([row["host"] for row in new]):
        found = select(*columns).where(observation.c.host.in_(hosts)).order_by(observation.c.host).with_for_update()
        there.update((row.host, (row.asked_at, row.fingerprint, row.unreachable)) for row in connection.execute(found))
    was = {host: (seen.asked_at, seen.fingerprint, seen.unreachable) for host, seen in known.items()}
    return [row for row in new if there.get(row["host"]) == was.get(row["host"])]


def save(connection: Connection, new: Sequence[dict[str, Any]]) -> None:
    """Writes rows whose contents are there."""
    bulk.put(connection, observation, new)


def load(connection: Connection, hosts: Collection[str] | None) -> dict[str, Observation]:
    """Observations of these hosts (None: all). Hosts that said the same share a mapping, equal facts are one object."""
    found = rows_of(connection, observation, hosts)
    told = content.load(connection, "facts", None if hosts is None else {row[_FACTS] for row in found})
    # Keys and queries recur on every host: one object each, or a fleet does not fit into memory.
    keys = _Keys()
    said = {name: [(keys[kind, item], fact) for kind, item, fact in items] for name, items in told}
    names = None if hosts is None else {fact for items in said.values() for _, fact in items}
    facts = {
        name: Fact(intern(q), answer, given) for name, (q, answer, given) in content.load(connection, "fact", names)
    }
    bodies = {name: {key: facts[fact] for key, fact in items} for name, items in said.items()}
    since = content.load(connection, "since", None if hosts is None else {row[_SINCE] for row in found if row[_SINCE]})
    moments = {name: _moments(items) for name, items in since}
    at = reader(connection, observation.c.asked_at)
    return {
        host: Observation(
            host=host,
            observed_at=at(observed_at),
            asked_at=at(asked_at),
            identity=identity,
            fingerprint=fingerprint,
            facts=bodies[facts],
            since=moments[moved] if moved else {},
            unreachable=unreachable,
        )
        for host, observed_at, asked_at, identity, fingerprint, unreachable, facts, moved in found
    }


def _row(seen: Observation, contents: Contents) -> dict[str, Any]:
    return {
        "host": seen.host,
        "observed_at": seen.observed_at,
        "asked_at": seen.asked_at,
        "identity": seen.identity,
        "fingerprint": seen.fingerprint,
        "unreachable": seen.unreachable,
        "facts": contents.once("facts", seen.facts, lambda: _body(seen.facts, contents)),
        "since": contents.add("since", _lines(seen.since)) if seen.since else None,
    }


def _body(facts: Mapping[Key, Fact], contents: Contents) -> list[list[str]]:
    # The digest that a host claims for its facts is not trusted to name them: it would let one host speak for others.
    return [
        [*key, contents.once("fact", fact, partial(_answer, fact))]
        for key, fact in sorted(facts.items(), key=lambda item: item[0])
    ]


def _answer(fact: Fact) -> list[object]:
    return [fact.query, fact.facts, fact.facts_digest]


def _lines(since: Mapping[Key, datetime]) -> list[list[str]]:
    return [[*key, instant.to_text(since[key])] for key in sorted(since)]


def _moments(items: Sequence[Sequence[str]]) -> dict[Key, datetime]:
    return {Key(kind, name): instant.from_text(at) for kind, name, at in items}
