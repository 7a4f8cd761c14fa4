"""Which schema a store has, and bringing it to ours. Loads alembic only when there is something to migrate."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, insert, inspect, select, text

from reconciler.adapters.store.dialect import Database
from reconciler.adapters.store.tables import identity
from reconciler.model.errors import Stalled

if TYPE_CHECKING:
    from alembic.config import Config

HEAD: Final = "0009"
"""The newest revision in `migrations`; a test holds both together."""

MIGRATIONS: Final = Path(__file__).parent / "migrations"


def bring_to_head(database: Database) -> str:
    """Makes a new store, or migrates an older one, in one transaction; answers the name that it got when it was made.

    Raises Stalled for what is no store of ours.
    """
    where = database.where
    with database.reader.begin() as connection:
        if version_of(connection, where) == HEAD:
            return _id(connection)
    with database.alone.begin() as connection:
        # Somebody else may have done it while we waited for the lock.
        version = version_of(connection, where)
        if version != HEAD:
            migrate(connection, version, where)
            _name(connection)
        return _id(connection)


def _id(connection: Connection) -> str:
    return str(connection.execute(select(identity.c.id)).scalar_one())


def migrate(connection: Connection, version: str | None, where: str, target: str = "head") -> None:
    """Runs the migrations from `version` (None: nothing there) in the connection's transaction."""
    from alembic import command
    from alembic.script import ScriptDirectory

    config = alembic_config()
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if version is not None and version not in known:
        raise Stalled(
            f"the store {where} has schema {version}, which is newer than this version of Reconciler ({HEAD})",
            "update Reconciler, or use another store",
        )
    config.attributes["connection"] = connection
    command.upgrade(config, target)


def alembic_config() -> Config:
    """Alembic's settings: our migrations, wherever the package is installed."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config


def version_of(connection: Connection, where: str) -> str | None:
    """The revision of the schema; None where there is nothing yet. Raises Stalled for another program's tables."""
    tables = inspect(connection).get_table_names()
    if "alembic_version" in tables:
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
        return None if found is None else str(found)
    if tables:
        raise Stalled(f"{where} is a database of another program, not a store", "give another path or database")
    return None


def _name(connection: Connection) -> None:
    if connection.execute(select(identity.c.id)).first() is None:
        connection.execute(insert(identity), {"id": uuid.uuid4().hex, "epoch": 0})
