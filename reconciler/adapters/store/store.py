"""The `Store` port on SQL: each method is one transaction. What is in it is in the modules of the nouns."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Connection, Engine

from reconciler.adapters.store import (
    approvals,
    attempts,
    content,
    copies,
    episodes,
    heads,
    health,
    leases,
    observed,
    orders,
    owned,
    postgresql,
    runs,
    schema,
    sqlite,
    tenancy,
    ticks,
)
from reconciler.adapters.store.content import Contents
from reconciler.adapters.store.dialect import Database, damaged, others_wrote
from reconciler.adapters.store.outbox import SqlOutbox
from reconciler.adapters.store.recent import Recent
from reconciler.adapters.store.tables import host_outcome, outcome
from reconciler.adapters.store.tenancy import Tenancy
from reconciler.adapters.store.tenure import Tenure
from reconciler.model.approval import Approval
from reconciler.model.attempt import Attempt
from reconciler.model.episode import Episode
from reconciler.model.key import Key
from reconciler.model.lease import Lease
from reconciler.model.observation import Head, InOrder, Observation, Ownership
from reconciler.model.order import Order, OrderKind, Orders
from reconciler.model.plan import Plan
from reconciler.model.run import HostOutcome, Intent, Run, RunOutcome, RunStatus

TIDIED = "tidied"
"""The schedule by which a store is tidied: one tick a day."""


def open_store(path: Path, create_parent: bool = False) -> SqlStore:
    """The store in an SQLite file; a new one is made, for this user only, where there is no file.

    `create_parent` also makes the directory (for the default path; a path that somebody gave is rather mistyped).
    Raises Stalled when the file is no store, damaged, of a newer version, or can't be written.
    """
    path = path.absolute()
    sqlite.make_file(path, create_parent)
    return SqlStore(sqlite.database(path), tenancy.by_file(path))


def open_postgresql(address: str, password: str = "", lease: float = tenancy.SECONDS) -> SqlStore:
    """The store in a PostgreSQL database of its own; its tables are made where there are none.

    `lease` is how many seconds a lease lasts unless it is renewed. Raises Stalled when the database does not let us
    in, is no store, or is too old or too new; Retry when it can't be reached.
    """
    return SqlStore(postgresql.database(address, password), tenancy.by_time(lease))


class SqlStore:
    """What must be remembered. Writes are whole: all of a call, or nothing of it.

    Naive times are refused with ValueError.
    """

    def __init__(self, database: Database, tenancy: Tenancy) -> None:
        """Makes or migrates the tables. Raises as `open_store`, and closes the database then."""
        self._database = database
        self._tenancy = tenancy
        self._heads: Recent[Head] = Recent()
        self._seen: Recent[Observation] = Recent()
        self._ours: Recent[Ownership] = Recent()
        try:
            with database.failures():
                self._id = schema.bring_to_head(database)
        except BaseException:
            database.close()
            raise

    @property
    def outbox(self) -> SqlOutbox:
        """Where notices are kept until they are sent."""
        return SqlOutbox(self._reading, self._writing)

    @property
    def rows(self) -> int:
        """Hosts of which something was read so far, each time that it was."""
        return self._heads.rows + self._seen.rows + self._ours.rows

    @property
    def id(self) -> str:
        return self._id

    def heads(self) -> Mapping[str, Head]:
        with self._reading() as connection:
            return self._heads.all(others_wrote(connection), partial(heads.load, connection))

    def note_in_order(self, found: Mapping[str, InOrder]) -> None:
        if not found:
            return
        with self._writing() as connection:
            self._heads.changed(found)
            heads.note(connection, found)

    def observations(self, hosts: Collection[str] | None = None) -> Mapping[str, Observation]:
        with self._reading() as connection:
            load = partial(observed.load, connection)
            return load(None) if hosts is None else self._seen.some(others_wrote(connection), hosts, load)

    def save_observations(
        self, observations: Iterable[Observation], known: Mapping[str, Observation] | None = None
    ) -> None:
        self._save(list(observations), [], known)

    def ownership(self, hosts: Collection[str] | None = None) -> Mapping[str, Ownership]:
        with self._reading() as connection:
            load = partial(owned.load, connection)
            return load(None) if hosts is None else self._ours.some(others_wrote(connection), hosts, load)

    def save_ownership(self, ownership: Iterable[Ownership]) -> None:
        self._save([], list(ownership))

    def begin_run(self, plan: Plan, actor: str, at: datetime, epoch: int, undoes: int | None = None) -> Run:
        new = Run(0, plan.digest, plan.revision, actor, at, epoch=epoch, undoes=undoes)
        with self._writing() as connection:
            return runs.begin(connection, plan, new)

    def unfinished(self) -> list[Run]:
        with self._reading() as connection:
            return runs.unfinished(connection)

    def take_over(self, run: Run, epoch: int) -> Run:
        with self._writing() as connection:
            return runs.take_over(connection, run, epoch)

    def intend(self, run: Run, step: str, hosts: Sequence[str]) -> None:
        contents = Contents()
        name = contents.add("hosts", sorted(hosts))
        with self._writing() as connection:
            contents.save(connection)
            runs.intend(connection, run, step, name)

    def intents(self, run_id: int) -> list[Intent]:
        with self._reading() as connection:
            return runs.intents(connection, run_id)

    def record(
        self,
        run: Run,
        outcomes: Sequence[RunOutcome],
        host_outcomes: Sequence[HostOutcome],
        observations: Sequence[Observation],
        ownership: Sequence[Ownership],
    ) -> None:
        contents = Contents()
        done = runs.outcome_rows(run.id, outcomes, contents)
        missed = runs.host_outcome_rows(run.id, host_outcomes, contents)
        seen, kept = observed.rows(observations, contents), owned.rows(ownership, contents)
        with self._writing() as connection:
            self._changed(seen, kept)
            runs.check(connection, run)
            contents.save(connection)
            runs.save(connection, outcome, done)
            runs.save(connection, host_outcome, missed)
            observed.save(connection, seen)
            owned.save(connection, kept)
            heads.end(connection, [row["host"] for row in kept])

    def end_run(self, run: Run, status: RunStatus, at: datetime) -> None:
        with self._writing() as connection:
            runs.end(connection, run, status, at)
            episodes.heal(connection, run, at)

    def drifting(self) -> tuple[str, Sequence[Episode]]:
        with self._reading() as connection:
            return episodes.drifting(connection)

    def note_drift(self, mark: str, changed: Sequence[Episode]) -> bool:
        with self._transaction(self._database.alone) as connection:
            return episodes.note(connection, mark, changed)

    def episodes(self, since: datetime, key: Key | None = None) -> Sequence[Episode]:
        with self._reading() as connection:
            return episodes.since(connection, since, key)

    def runs(self, limit: int = 20) -> list[Run]:
        with self._reading() as connection:
            return runs.newest(connection, limit)

    def run(self, run_id: int) -> Run | None:
        with self._reading() as connection:
            return runs.one(connection, run_id)

    def runs_of(self, plan_digest: str) -> list[Run]:
        with self._reading() as connection:
            return runs.of_plan(connection, plan_digest)

    def last_runs(self, revision: str) -> Mapping[str, Run]:
        with self._reading() as connection:
            return runs.last_of(connection, revision)

    def runs_undoing(self, run_id: int) -> list[Run]:
        with self._reading() as connection:
            return runs.undoing(connection, run_id)

    def keep_plan(self, plan: Plan, at: datetime) -> None:
        with self._writing() as connection:
            approvals.keep(connection, plan, at)

    def plans_like(self, prefix: str) -> list[str]:
        with self._reading() as connection:
            return approvals.like(connection, prefix)

    def approve(self, approval: Approval) -> None:
        with self._writing() as connection:
            approvals.add(connection, approval)

    def approvals(self, plan_digest: str) -> list[Approval]:
        with self._reading() as connection:
            return approvals.of_plan(connection, plan_digest)

    def plan(self, plan_digest: str) -> bytes | None:
        with self._reading() as connection:
            return runs.plan_of(connection, plan_digest)

    def compact(self) -> int:
        """Forgets values that nothing refers to any more; how many. Changes nothing that the store says."""
        with self._transaction(self._database.alone) as connection:
            return content.compact(connection)

    def orders(self, now: datetime) -> Orders:
        with self._reading() as connection:
            return orders.holding(connection, now)

    def give_order(self, order: Order) -> None:
        with self._writing() as connection:
            orders.give(connection, order)

    def end_order(self, kind: OrderKind, subject: str, who: str, at: datetime) -> bool:
        with self._writing() as connection:
            return orders.end(connection, kind, subject, who, at)

    def ordered(self, limit: int = 20) -> list[Order]:
        with self._reading() as connection:
            return orders.newest(connection, limit)

    def attempts(self) -> Mapping[str, Attempt]:
        with self._reading() as connection:
            return attempts.load(connection)

    def save_attempts(self, made: Sequence[Attempt]) -> None:
        with self._writing() as connection:
            attempts.save(connection, list(made))

    def claim_tick(self, schedule: str, fire_time: datetime) -> bool:
        with self._writing() as connection:
            return ticks.claim(connection, schedule, fire_time)

    def see_delivery(self, source: str, name: str, at: datetime, *, waits: bool = False) -> bool:
        with self._writing() as connection:
            return ticks.see(connection, source, name, at, waits)

    def take_waiting(self) -> bool:
        with self._reading() as connection:
            if not ticks.any_waits(connection):
                return False
        with self._writing() as connection:
            return ticks.take_waiting(connection)

    def tidy(self, at: datetime, keep: timedelta | None) -> int:
        # Nothing refers to most of what hosts said before they said something else, whether or not runs are old.
        if not self.claim_tick(TIDIED, at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)):
            return 0
        with self._transaction(self._database.alone) as connection:
            gone = self._forgotten(connection, at - keep) if keep is not None else 0
            content.compact(connection)
            return gone

    def forget(self, before: datetime) -> int:
        """Deletes runs that began, and drift that ended, before; how many runs. Values stay until `compact`."""
        with self._transaction(self._database.alone) as connection:
            return self._forgotten(connection, before)

    @staticmethod
    def _forgotten(connection: Connection, before: datetime) -> int:
        episodes.forget(connection, before)
        return runs.forget(connection, before)

    def backup(self, file: Path) -> None:
        """Writes everything into a new file, as of one moment. See `copies`."""
        copies.backup(self._database, file)

    def restore(self, file: Path, replace: bool = False) -> int:
        """Puts a backup in the place of everything, while nobody applies; answers the epoch after which it goes on.

        The store has the backup's name then, so this object is of no use any more.
        """
        with self.hold("apply"), self._database.failures():
            return copies.restore(self._database, file, replace)

    def problems(self) -> list[str]:
        """What is wrong with it, in words."""
        return health.problems(self._database)

    @contextmanager
    def hold(self, purpose: str) -> Iterator[Tenure]:
        with self._tenancy(self._claiming, purpose) as tenure:
            yield tenure

    def holder(self, purpose: str) -> Lease | None:
        with self._reading() as connection:
            return leases.holder(connection, purpose)

    def close(self) -> None:
        self._database.close()

    def _save(
        self,
        observations: Sequence[Observation],
        ownership: Sequence[Ownership],
        known: Mapping[str, Observation] | None = None,
    ) -> None:
        contents = Contents()
        seen, kept = observed.rows(observations, contents), owned.rows(ownership, contents)
        with self._writing() as connection:
            seen = seen if known is None else observed.still(connection, seen, known)
            self._changed(seen, kept)
            contents.save(connection)
            observed.save(connection, seen)
            owned.save(connection, kept)
            heads.end(connection, [row["host"] for row in kept])

    def _changed(self, seen: Sequence[Mapping[str, Any]], kept: Sequence[Mapping[str, Any]]) -> None:
        """To be said within the transaction, when nobody else reads. What is not written after all is read again."""
        observed_now, owned_now = [row["host"] for row in seen], [row["host"] for row in kept]
        self._seen.changed(observed_now)
        self._ours.changed(owned_now)
        self._heads.changed((*observed_now, *owned_now))

    def _reading(self) -> AbstractContextManager[Connection]:
        return self._transaction(self._database.reader)

    def _writing(self) -> AbstractContextManager[Connection]:
        return self._transaction(self._database.writer)

    def _claiming(self) -> AbstractContextManager[Connection]:
        return self._transaction(self._database.claims)

    @contextmanager
    def _transaction(self, engine: Engine) -> Iterator[Connection]:
        try:
            with self._database.failures(), engine.begin() as connection:
                yield connection
        except (zlib.error, orjson.JSONDecodeError, KeyError) as error:
            raise damaged(self._database.where, "a value in it can't be read, or is missing") from error
