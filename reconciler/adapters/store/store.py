"""The `Store` port on SQL: each method is one transaction. What is in it is in the modules of the nouns."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path

import orjson
from sqlalchemy import Connection, Engine

from reconciler.adapters.store import approvals, content, heads, lock, observed, owned, runs, schema
from reconciler.adapters.store.content import Contents
from reconciler.adapters.store.dialect import damaged, failures, sqlite_engine, writer
from reconciler.adapters.store.tables import host_outcome, outcome
from reconciler.model.approval import Approval
from reconciler.model.errors import Stalled
from reconciler.model.observation import Head, Observation, Ownership
from reconciler.model.plan import Plan
from reconciler.model.run import HostOutcome, Run, RunOutcome, RunStatus


def open_store(path: Path, create_parent: bool = False) -> SqlStore:
    """The store in an SQLite file; a new one is made, for this user only, where there is no file.

    `create_parent` also makes the directory (for the default path; a path that somebody gave is rather mistyped).
    Raises Stalled when the file is no store, damaged, of a newer version, or can't be written.
    """
    path = path.absolute()
    _make_file(path, create_parent)
    engine = sqlite_engine(path)
    try:
        with failures(str(path)):
            schema.bring_to_head(engine, str(path))
            name = schema.store_id(engine)
    except BaseException:
        engine.dispose()
        raise
    return SqlStore(
        engine, name, str(path), lambda purpose: lock.exclusive(path.with_name(path.name + ".lock"), purpose)
    )


class SqlStore:
    """What must be remembered. Writes are whole: all of a call, or nothing of it.

    Naive times are refused with ValueError. `where` names the database for people.
    """

    def __init__(
        self, engine: Engine, name: str, where: str, locked: Callable[[str], AbstractContextManager[None]]
    ) -> None:
        self._engine = engine
        self._writer = writer(engine)
        self._id = name
        self._where = where
        self._locked = locked

    @property
    def id(self) -> str:
        return self._id

    def heads(self) -> Mapping[str, Head]:
        with self._reading() as connection:
            return heads.load(connection)

    def note_in_order(self, found: Mapping[str, tuple[str, str]]) -> None:
        with self._writing() as connection:
            heads.note(connection, found)

    def observations(self, hosts: Collection[str] | None = None) -> Mapping[str, Observation]:
        with self._reading() as connection:
            return observed.load(connection, hosts)

    def save_observations(self, observations: Iterable[Observation]) -> None:
        self._save(list(observations), [])

    def ownership(self, hosts: Collection[str] | None = None) -> Mapping[str, Ownership]:
        with self._reading() as connection:
            return owned.load(connection, hosts)

    def save_ownership(self, ownership: Iterable[Ownership]) -> None:
        self._save([], list(ownership))

    def begin_run(self, plan: Plan, actor: str, at: datetime, undoes: int | None = None) -> Run:
        with self._writing() as connection:
            return runs.begin(connection, plan, actor, at, undoes)

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
            runs.check(connection, run.id)
            contents.save(connection)
            runs.save(connection, outcome, done)
            runs.save(connection, host_outcome, missed)
            observed.save(connection, seen)
            owned.save(connection, kept)
            heads.end(connection, [row["host"] for row in kept])

    def end_run(self, run: Run, status: RunStatus, at: datetime) -> None:
        with self._writing() as connection:
            runs.end(connection, run.id, status, at)

    def runs(self, limit: int = 20) -> list[Run]:
        with self._reading() as connection:
            return runs.newest(connection, limit)

    def run(self, run_id: int) -> Run | None:
        with self._reading() as connection:
            return runs.one(connection, run_id)

    def runs_of(self, plan_digest: str) -> list[Run]:
        with self._reading() as connection:
            return runs.of_plan(connection, plan_digest)

    def runs_undoing(self, run_id: int) -> list[Run]:
        with self._reading() as connection:
            return runs.undoing(connection, run_id)

    def keep_plan(self, plan: Plan) -> None:
        with self._writing() as connection:
            approvals.keep(connection, plan)

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
        with self._writing() as connection:
            return content.compact(connection)

    def exclusive(self, purpose: str) -> AbstractContextManager[None]:
        return self._locked(purpose)

    def close(self) -> None:
        self._engine.dispose()

    def _save(self, observations: Sequence[Observation], ownership: Sequence[Ownership]) -> None:
        contents = Contents()
        seen, kept = observed.rows(observations, contents), owned.rows(ownership, contents)
        with self._writing() as connection:
            contents.save(connection)
            observed.save(connection, seen)
            owned.save(connection, kept)
            heads.end(connection, [row["host"] for row in kept])

    def _reading(self) -> AbstractContextManager[Connection]:
        return self._transaction(self._engine)

    def _writing(self) -> AbstractContextManager[Connection]:
        return self._transaction(self._writer)

    @contextmanager
    def _transaction(self, engine: Engine) -> Iterator[Connection]:
        try:
            with failures(self._where), engine.begin() as connection:
                yield connection
        except (zlib.error, orjson.JSONDecodeError, KeyError) as error:
            raise damaged(self._where, "a value in it can't be read, or is missing") from error


def _make_file(path: Path, create_parent: bool) -> None:
    try:
        if create_parent:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except FileNotFoundError:
        raise Stalled(f"the store's directory {path.parent} is not there", "make it, or give another path") from None
    except OSError as error:
        raise Stalled(
            f"the store {path} can't be opened: {error.strerror}",
            "let this user write the file and its directory, or give another path",
        ) from None
