"""The store in PostgreSQL 14 or newer: reading its address, connecting, and what its errors mean.

Must not know tables. A password comes from a file, from PGPASSFILE or PGPASSWORD; never from the address, which
stands in command lines and in messages.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, create_engine, event

from reconciler.adapters.store.dialect import RESTORE, WAIT_SECONDS, Database
from reconciler.model.errors import Retry, Stalled

if TYPE_CHECKING:
    import psycopg

OLDEST: Final = 140000
_LOCK: Final = 0x5265636F6E63696C
"""Writers share this lock of the database; who deletes contents or changes the schema has it alone."""
_PATIENCE: Final = {
    # A network that swallows packets must end as an error, long before a lease ends.
    "connect_timeout": WAIT_SECONDS,
    "tcp_user_timeout": WAIT_SECONDS * 1000,
    "keepalives_idle": WAIT_SECONDS,
    "keepalives_interval": 2,
    "keepalives_count": 3,
}


def database(address: str, password: str = "") -> Database:
    """The database at a libpq address. Raises Stalled for what is no address, or has a password in it."""
    given = _parsed(address)
    where = _where(given)
    engine = create_engine(
        "postgresql+psycopg://",
        creator=_connector({**_PATIENCE, "application_name": "reconciler", **given}, password, where),
        hide_parameters=True,
        pool_pre_ping=True,
        pool_timeout=WAIT_SECONDS,
    )
    event.listen(engine, "begin", _begin)
    return Database(
        where=where,
        # What is read in several statements must be one state: nobody else's commit in the middle.
        reader=engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True),
        writer=engine.execution_options(lock=f"SELECT pg_advisory_xact_lock_shared({_LOCK})"),
        alone=engine.execution_options(lock=f"SELECT pg_advisory_xact_lock({_LOCK})"),
        claims=engine.execution_options(),
        meaning=meaning,
    )


def _begin(connection: Connection) -> None:
    if lock := connection.get_execution_options().get("lock"):
        connection.exec_driver_sql(lock)


def _parsed(address: str) -> dict[str, Any]:
    try:
        from psycopg import ProgrammingError
        from psycopg.conninfo import conninfo_to_dict
    except ImportError:
        raise Stalled("a store in PostgreSQL needs psycopg", "pip install 'reconciler[postgresql]'") from None
    try:
        given = conninfo_to_dict(address)
    except ProgrammingError:
        # The driver's own message repeats what it could not read, perhaps a password.
        raise Stalled("the store's address can't be read", "write it as postgresql://USER@HOST:PORT/DATABASE") from None
    if given.pop("password", None) is not None:
        raise Stalled(
            "there is a password in the store's address; other users can see it there",
            "put it into a file that store_password_file names, or into ~/.pgpass, and change it",
        )
    return given


def _where(given: Mapping[str, Any]) -> str:
    user = f"{given['user']}@" if given.get("user") else ""
    port = f":{given['port']}" if given.get("port") else ""
    return f"postgresql://{user}{given.get('host', '')}{port}/{given.get('dbname', '')}"


def _connector(given: dict[str, Any], password: str, where: str) -> Callable[[], psycopg.Connection[Any]]:
    import psycopg

    known: dict[str, Any] = {**given, "password": password} if password else given

    def connect() -> psycopg.Connection[Any]:
        connection = psycopg.connect(**known)
        if connection.info.server_version < OLDEST:
            connection.close()
            raise Stalled(f"{where} is older than PostgreSQL 14", "update it, or give another one")
        wait = f"{WAIT_SECONDS}s"
        for name, value in (("lock_timeout", wait), ("idle_in_transaction_session_timeout", "60s")):
            connection.execute("SELECT set_config(%s, %s, false)", (name, value))
        connection.commit()
        return connection

    return connect


def meaning(error: BaseException, where: str) -> Retry | Stalled | None:
    """What to do about an error of psycopg's, by its SQLSTATE; one without a state comes from connecting."""
    import psycopg

    if not isinstance(error, psycopg.Error):
        return None
    state = error.sqlstate or ""
    if not state:
        return _unreached(error, where) if isinstance(error, psycopg.OperationalError) else None
    for prefix, make in _MEANINGS.items():
        if state.startswith(prefix):
            return make(where, _first_line(error))
    return None


def _unreached(error: BaseException, where: str) -> Retry | Stalled:
    said = _first_line(error)
    for words in ("authentication failed", "no pg_hba.conf entry", "does not exist", "no password supplied"):
        if words in str(error):
            return Stalled(f"the store {where} does not let us in ({said})", _ACCESS)
    return Retry(f"the store {where} can't be reached ({said})", "look whether the database runs; then try again")


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


_ACCESS: Final = "look at the address, at store_password_file or PGPASSFILE, and at what the user may do there"


def _busy(where: str, _said: str) -> Retry:
    return Retry(f"the store {where} is busy: another process was writing the same", "try again")


def _gone(where: str, said: str) -> Retry:
    return Retry(f"the connection to the store {where} was lost ({said})", "try again")


def _access(where: str, said: str) -> Stalled:
    return Stalled(f"the store {where} does not let us in ({said})", _ACCESS)


def _standby(where: str, said: str) -> Stalled:
    return Stalled(f"the store {where} can't be written ({said})", "give the address of the primary")


def _full(where: str, said: str) -> Stalled:
    return Stalled(f"the store {where} has no room ({said})", "make room where the database keeps its data")


def _corrupt(where: str, said: str) -> Stalled:
    return Stalled(f"the store {where} is damaged ({said})", RESTORE)


_MEANINGS: Final[Mapping[str, Callable[[str, str], Retry | Stalled]]] = {
    # 23: two wrote what refers to each other; the second time it is plain who came first.
    **dict.fromkeys(("23503", "23505", "40", "55P03", "57014"), _busy),
    **dict.fromkeys(("08", "57P", "53300", "25P03"), _gone),
    **dict.fromkeys(("28", "3D000", "42501"), _access),
    "25006": _standby,
    **dict.fromkeys(("53100", "53200"), _full),
    **dict.fromkeys(("XX001", "XX002", "58030"), _corrupt),
}
"""By the beginning of the SQLSTATE: https://www.postgresql.org/docs/current/errcodes-appendix.html"""
