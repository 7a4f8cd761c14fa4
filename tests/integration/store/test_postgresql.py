"""What only a store in PostgreSQL has: addresses, passwords, a network in between, and leases that end."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator

import psycopg
import pytest
from psycopg import errors

from reconciler.adapters.store import open_postgresql, postgresql, tenure
from reconciler.adapters.store.tenure import FADING, OVER, Tenure
from reconciler.model.errors import ReconcilerError, Retry, Stalled
from reconciler.model.lease import Lease
from tests.integration.store.store_helpers import NOW, planned, seen
from tests.patience import until
from tests.stores import Place, place, server

SHORT = 3.0
"""Seconds that a lease lasts where a test waits for its end."""


@pytest.fixture
def here() -> Iterator[Place]:
    with place("postgresql") as found:
        yield found


def refusal(address: str, password: str = "") -> ReconcilerError:
    with pytest.raises(ReconcilerError) as refused:
        open_postgresql(address, password)
    assert refused.value.hint
    return refused.value


def elsewhere(work: Callable[[], None]) -> int:
    """Runs it in a process of its own; answers its number."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    return child


class TestAddresses:
    @pytest.mark.parametrize("address", ["postgresql://ada:hunter2@db/x", "postgresql://db/x?password=hunter2"])
    def test_a_password_in_the_address_is_refused_and_not_repeated(self, address):
        refused = refusal(address)
        assert "password" in refused.message
        assert "hunter2" not in f"{refused.message} {refused.hint}"

    def test_an_address_that_can_not_be_read_is_not_repeated(self):
        refused = refusal("postgresql://ada:hunter2@[db/x")
        assert "can't be read" in refused.message
        assert "hunter2" not in refused.message

    def test_a_database_that_is_not_there(self, here):
        refused = refusal(here.address.replace("/test_", "/none_"))
        assert isinstance(refused, Stalled)
        assert "does not let us in" in refused.message

    def test_a_server_that_is_not_there(self, tmp_path):
        refused = refusal(f"postgresql://ada@/x?host={tmp_path}")
        assert isinstance(refused, Retry)
        assert "can't be reached" in refused.message

    def test_a_password_comes_from_where_others_do_not_see_it(self, here, tmp_path, monkeypatch):
        here.close()
        guarded = here.address.replace("postgres@", "guarded@")
        with psycopg.connect(here.address, autocommit=True) as connection:
            connection.execute("DROP ROLE IF EXISTS guarded")
            connection.execute("CREATE ROLE guarded LOGIN SUPERUSER PASSWORD 'hunter2'")
        assert isinstance(refusal(guarded), Stalled)
        wrong = refusal(guarded, "hunter3")
        assert "hunter3" not in wrong.message
        open_postgresql(guarded, "hunter2").close()
        file = tmp_path / "pgpass"
        file.write_text("*:*:*:guarded:hunter2\n")
        file.chmod(0o600)
        monkeypatch.setenv("PGPASSFILE", str(file))
        open_postgresql(guarded).close()

    def test_an_old_server_is_refused(self, here, monkeypatch):
        here.close()
        monkeypatch.setattr(postgresql, "OLDEST", 990000)
        assert "older than PostgreSQL 14" in refusal(here.address).message

    @pytest.mark.parametrize(
        ("error", "reaction", "says"),
        [
            (errors.ReadOnlySqlTransaction, Stalled, "can't be written"),
            (errors.InsufficientPrivilege, Stalled, "does not let us in"),
            (errors.DiskFull, Stalled, "has no room"),
            (errors.DataCorrupted, Stalled, "is damaged"),
            (errors.SerializationFailure, Retry, "is busy"),
            (errors.DeadlockDetected, Retry, "is busy"),
            (errors.LockNotAvailable, Retry, "is busy"),
            (errors.AdminShutdown, Retry, "was lost"),
            (errors.TooManyConnections, Retry, "was lost"),
            (errors.UndefinedTable, type(None), ""),
        ],
    )
    def test_an_error_says_what_to_do(self, error, reaction, says):
        meant = postgresql.meaning(error("the database's words"), "postgresql://db/x")
        assert type(meant) is reaction
        assert meant is None or (says in meant.message and meant.hint)

    def test_a_connection_that_was_cut_is_made_again(self, here):
        store = here()
        store.save_observations([seen("a")])
        with psycopg.connect(server().address("postgres"), autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'reconciler'"
            )
        assert list(store.observations()) == ["a"]

    def test_processes_that_come_first_at_the_same_time_make_one_store(self):
        with place("postgresql", empty=True) as new:
            children = [elsewhere(lambda: new().close()) for _ in range(3)]
            assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0, 0, 0]
            assert len({new().id for _ in range(2)}) == 1


class TestLeases:
    def test_it_is_kept_for_as_long_as_it_is_held(self, here):
        here.lease = SHORT
        holder, other = here(), here()
        with holder.hold("apply") as held:
            first = other.holder("apply").expires_at
            until(lambda: other.holder("apply").expires_at > first)
            with pytest.raises(Retry, match="another apply is running"), other.hold("apply"):
                pass
            assert not held.over()

    def test_that_of_a_killed_process_ends_by_itself(self, here):
        here.lease = SHORT
        told, tell = os.pipe()

        def work() -> None:
            with here().hold("apply"):
                os.write(tell, b"x")
                time.sleep(60)

        here.close()
        child = elsewhere(work)
        os.close(tell)  # so that the end of the child is an end of the line
        assert os.read(told, 1) == b"x"
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        other = here()
        before = other.holder("apply")
        with pytest.raises(Retry, match=rf"pid {child} on .*its lease ends"), other.hold("apply"):
            pass
        until(lambda: free(other))
        assert other.holder("apply") is None
        assert before is not None

    def test_a_holder_that_was_paused_for_too_long_can_begin_nothing(self, here, monkeypatch):
        monkeypatch.setattr(tenure, "LAST", 1e6)  # it would end itself; here it shall try
        here.lease = SHORT
        told, tell = os.pipe()

        def work() -> None:
            store = here()
            with store.hold("apply") as held:
                os.write(tell, b"x")
                until(held.over)
                try:
                    store.begin_run(planned(), "late", NOW, held.epoch)
                except Stalled:
                    os.write(tell, b"refused")

        here.close()
        child = elsewhere(work)
        os.close(tell)  # so that the end of the child is an end of the line
        assert os.read(told, 1) == b"x"
        os.kill(child, signal.SIGSTOP)
        other = here()
        until(lambda: free(other))
        with other.hold("apply"):
            os.kill(child, signal.SIGCONT)
            assert os.read(told, 7) == b"refused"
        os.waitpid(child, 0)
        assert other.runs() == []

    def test_who_is_cut_off_from_the_database_stops_before_the_lease_ends(self, here):
        here.lease = SHORT
        store = here()
        with store.hold("apply") as held:
            with server().frozen():
                until(held.over)
            assert held.over(), "once over, always over"


def free(store) -> bool:
    try:
        with store.hold("apply"):
            return True
    except Retry:
        return False


class TestTenure:
    """On a steady clock that the test moves."""

    @pytest.fixture
    def moment(self) -> list[float]:
        return [100.0]

    def tenure(self, moment: list[float], seconds: float | None = 10) -> Tenure:
        return Tenure(Lease("apply", "x", 1, NOW), seconds, moment[0], lambda: moment[0])

    def test_it_fades_then_it_is_over(self, moment):
        tenure, seen = self.tenure(moment), []
        for moment[0] in (100, 100 + 10 * FADING, 100 + 10 * OVER):
            seen.append((tenure.fading(), tenure.over()))
        assert seen == [(False, False), (True, False), (True, True)]

    def test_over_stays_over(self, moment):
        tenure = self.tenure(moment)
        moment[0] += 9
        assert tenure.over()
        tenure.renewed = moment[0]
        assert tenure.over()

    def test_one_without_an_end_never_fades(self, moment):
        tenure = self.tenure(moment, None)
        moment[0] += 1e9
        assert not tenure.fading()

    def test_a_renewal_counts_from_before_it_was_asked_for(self, moment):
        tenure = self.tenure(moment)

        def slow() -> bool:
            moment[0] += 5
            return True

        moment[0] += 2
        tenure._renew(slow)
        assert tenure.renewed == 102

    def test_a_renewal_that_is_refused_ends_it_and_one_that_fails_does_not(self, moment):
        def unreachable() -> bool:
            raise Retry("no answer")

        tenure = self.tenure(moment)
        tenure._renew(unreachable)
        assert not tenure.over()
        tenure._renew(lambda: False)
        assert tenure.over()

    def test_a_process_that_does_not_let_go_in_time_ends_itself(self, moment):
        tenure, ended = self.tenure(moment, 0.01), []
        moment[0] += 1
        tenure.keep(lambda: True, lambda: ended.append(1))
        assert ended == [1]
