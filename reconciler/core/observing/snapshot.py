"""What a store knows of hosts, as one value that can leave it: so that a plan can be made where no store is reached.

Answers, records and times that are equal stand in it once. It holds what the store holds: no secret, but what hosts
said, which is untrusted. Must not know files, signatures or how it is packed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from reconciler.core import instant
from reconciler.core.observing.owned_json import owned_fields, owned_from
from reconciler.model.digest import digest
from reconciler.model.errors import Stalled
from reconciler.model.key import Key
from reconciler.model.observation import Fact, Head, Observation, Owned, Ownership
from reconciler.model.order import Order, Orders
from reconciler.model.run import Run

VERSION = 1
_HINT = "export it again: reconciler observe export --out FILE"


class _Row(NamedTuple):
    """A host in the document; numbers lead into its tables, -1 to nothing."""

    observed_at: int
    asked_at: int
    identity: str
    fingerprint: str
    unreachable: str
    answers: int
    since: int
    asked: str
    answered: str
    alike: str
    records: int
    path: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """`taken_at` is when, `store` of which store. Hosts are made of it when they are asked for."""

    taken_at: datetime
    store: str
    orders: Orders
    rows: Mapping[str, Sequence[Any]]
    answers: Sequence[Mapping[Key, Fact]]
    records: Sequence[Mapping[Key, Owned]]
    moments: Sequence[datetime]
    since: Sequence[Mapping[Key, datetime]]

    def heads(self) -> Mapping[str, Head]:
        """As `ports.Known`."""
        return {host: self._head(host, _Row(*row)) for host, row in self.rows.items()}

    def observations(self, hosts: Collection[str] | None = None) -> Mapping[str, Observation]:
        """As `ports.Known`. Hosts that said the same share a mapping, equal facts are one object."""
        rows = self._some(hosts)
        return {host: self._observation(host, row) for host, row in rows.items() if row.asked_at >= 0}

    def ownership(self, hosts: Collection[str] | None = None) -> Mapping[str, Ownership]:
        """As `ports.Known`."""
        rows = self._some(hosts)
        return {h: Ownership(h, row.path, self.records[row.records]) for h, row in rows.items() if row.records >= 0}

    def runs(self, _limit: int = 20) -> list[Run]:
        """As `ports.Known`: what was run is not in it."""
        return []

    def _some(self, hosts: Collection[str] | None) -> dict[str, _Row]:
        wanted = self.rows if hosts is None else sorted(host for host in hosts if host in self.rows)
        return {host: _Row(*self.rows[host]) for host in wanted}

    def _head(self, host: str, row: _Row) -> Head:
        return Head(
            host,
            self._moment(row.observed_at),
            row.fingerprint,
            row.unreachable,
            row.asked,
            row.answered,
            row.alike,
            row.records >= 0,
            row.identity,
        )

    def _observation(self, host: str, row: _Row) -> Observation:
        return Observation(
            host=host,
            observed_at=self._moment(row.observed_at),
            asked_at=self.moments[row.asked_at],
            identity=row.identity,
            fingerprint=row.fingerprint,
            facts=self.answers[row.answers],
            since=self.since[row.since] if row.since >= 0 else {},
            unreachable=row.unreachable,
        )

    def _moment(self, number: int) -> datetime | None:
        return self.moments[number] if number >= 0 else None


@dataclass(frozen=True, slots=True)
class Contents:
    """What goes into a snapshot: all that a store knows of hosts, and what operators ordered."""

    taken_at: datetime
    store: str
    orders: Orders
    heads: Mapping[str, Head]
    observations: Mapping[str, Observation]
    ownership: Mapping[str, Ownership]


class _Table:
    """Each different thing once, by its number. What is the same object is looked at once."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._numbers: dict[str, int] = {}
        self._seen: dict[int, tuple[object, int]] = {}

    def of(self, thing: object, value: Any = None) -> int:
        """The number of `value()`, or of the thing itself."""
        seen = self._seen.get(id(thing))
        if seen is None:
            seen = self._seen[id(thing)] = (thing, self.put(value() if value else thing))
        return seen[1]

    def put(self, value: Any) -> int:
        name = digest(value)
        number = self._numbers.setdefault(name, len(self.values))
        if number == len(self.values):
            self.values.append(value)
        return number


def snapshot_bytes(contents: Contents) -> bytes:
    """The document; the same for the same contents."""
    tables = _Tables()
    hosts = sorted(contents.heads.keys() | contents.observations.keys() | contents.ownership.keys())
    rows = {host: list(tables.row(host, contents)) for host in hosts}
    document = {
        "format_version": VERSION,
        "taken_at": instant.to_text(contents.taken_at),
        "store": contents.store,
        "orders": [_order(order) for order in _all(contents.orders)],
        "facts": tables.facts.values,
        "answers": tables.answers.values,
        "owned": tables.owned.values,
        "records": tables.records.values,
        "since": tables.since.values,
        "moments": tables.moments.values,
        "hosts": rows,
    }
    return orjson.dumps(document, option=orjson.OPT_SORT_KEYS)


@dataclass(slots=True)
class _Tables:
    facts: _Table = field(default_factory=_Table)
    answers: _Table = field(default_factory=_Table)
    owned: _Table = field(default_factory=_Table)
    records: _Table = field(default_factory=_Table)
    since: _Table = field(default_factory=_Table)
    moments: _Table = field(default_factory=_Table)

    def row(self, host: str, contents: Contents) -> _Row:
        head, seen, ours = (of.get(host) for of in (contents.heads, contents.observations, contents.ownership))
        assert isinstance(head, Head | None)
        assert isinstance(seen, Observation | None)
        assert isinstance(ours, Ownership | None)
        return _Row(
            observed_at=self.moment(seen.observed_at) if seen else -1,
            asked_at=self.moment(seen.asked_at) if seen else -1,
            identity=seen.identity if seen else "",
            fingerprint=seen.fingerprint if seen else "",
            unreachable=seen.unreachable if seen else "",
            answers=self.answers.of(seen.facts, lambda: self._told(seen.facts)) if seen else -1,
            since=self.since.put([[*key, self.moment(at)] for key, at in sorted(seen.since.items())])
            if seen and seen.since
            else -1,
            asked=head.asked if head else "",
            answered=head.answered if head else "",
            alike=head.alike if head else "",
            records=self.records.of(ours.owned, lambda: self._owned(ours.owned)) if ours and ours.owned else -1,
            path=ours.path if ours else "",
        )

    def moment(self, at: datetime | None) -> int:
        return -1 if at is None else self.moments.put(instant.to_text(at))

    def _told(self, facts: Mapping[Key, Fact]) -> list[list[Any]]:
        return [[*key, self.facts.of(fact, lambda fact=fact: _fact(fact))] for key, fact in sorted_items(facts)]

    def _owned(self, owned: Mapping[Key, Owned]) -> list[int]:
        return [self.owned.of(each, lambda each=each: owned_fields(each)) for _, each in sorted_items(owned)]


def sorted_items(mapping: Mapping[Key, Any]) -> Iterable[tuple[Key, Any]]:
    """By key; what it leads to needs no order."""
    return ((key, mapping[key]) for key in sorted(mapping))


def read_snapshot(data: bytes) -> Snapshot:
    """The snapshot in a document whose signature was verified: it is ours, so that only its form is looked at.

    Raises Stalled when it is none, or of another version.
    """
    try:
        document = orjson.loads(data)
        version = document["format_version"]
        if version == VERSION:
            return _read(document)
    except (LookupError, TypeError, ValueError, AttributeError):
        raise Stalled("this is no snapshot of observations", _HINT) from None
    raise Stalled(f"this snapshot has format_version {version}; this version of Reconciler reads {VERSION}", _HINT)


def _read(document: Mapping[str, Any]) -> Snapshot:
    moments = [instant.from_text(text) for text in document["moments"]]
    facts = [Fact(query, said, given) for query, said, given in document["facts"]]
    owned = [owned_from(value) for value in document["owned"]]
    keys: dict[tuple[str, str], Key] = {}
    orders = [_order_from(values) for values in document["orders"]]
    return Snapshot(
        taken_at=instant.from_text(document["taken_at"]),
        store=document["store"],
        orders=Orders(
            pause=next((order for order in orders if order.kind == "pause"), None),
            freezes=tuple(order for order in orders if order.kind == "freeze"),
            pins={order.subject: order for order in orders if order.kind == "pin"},
        ),
        rows=document["hosts"],
        answers=[
            {keys.setdefault((kind, name), Key(kind, name)): facts[fact] for kind, name, fact in told}
            for told in document["answers"]
        ],
        records=[{owned[number].key: owned[number] for number in numbers} for numbers in document["records"]],
        moments=moments,
        since=[{Key(kind, name): moments[at] for kind, name, at in lines} for lines in document["since"]],
    )


def _fact(fact: Fact) -> list[Any]:
    return [fact.query, fact.facts, fact.facts_digest]


def _all(orders: Orders) -> Iterable[Order]:
    yield from [orders.pause] if orders.pause else []
    yield from orders.freezes
    yield from orders.pins.values()


def _order(order: Order) -> list[Any]:
    until = instant.to_text(order.until) if order.until else None
    return [order.kind, order.who, order.why, instant.to_text(order.at), order.subject, until, order.revision]


def _order_from(values: Sequence[Any]) -> Order:
    kind, who, why, at, subject, until, revision = values
    return Order(kind, who, why, instant.from_text(at), subject, instant.from_text(until) if until else None, revision)
