"""How much the store does: counts of statements and of rows, never times."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import event

from tests.integration.store.store_helpers import seen


class TestWork:
    """Counts of statements, so that the size of the work stays the number of different things."""

    @pytest.fixture
    def statements(self, store) -> list[tuple[str, int]]:
        made: list[tuple[str, int]] = []

        def note(_connection, _cursor, statement, parameters, _context, many):
            made.append((statement.split(" (")[0], len(parameters) if many else 1))

        event.listen(store._database.reader, "before_cursor_execute", note)
        return made

    def inserted(self, statements: list[tuple[str, int]], table: str) -> list[int]:
        return [count for statement, count in statements if statement == f"INSERT INTO {table}"]

    def test_a_thousand_equal_observations_are_one_body_in_a_few_statements(self, store, statements):
        store.save_observations(seen(f"h{n}") for n in range(1000))
        assert self.inserted(statements, "content") == [2]
        assert self.inserted(statements, "observation") == [1000]
        assert len(statements) == 4  # begin, look for contents, insert contents, insert rows

    def test_saving_the_same_again_writes_no_bodies(self, store, statements):
        store.save_observations(seen(f"h{n}", str(n)) for n in range(1000))
        assert sum(self.inserted(statements, "content")) == 2000
        statements.clear()
        store.save_observations(seen(f"h{n}", str(n), datetime.now(UTC)) for n in range(1000))
        assert self.inserted(statements, "content") == []
        assert len(statements) == 4  # begin, look for contents twice (2,000 of them), insert rows

    def test_one_host_that_changes_costs_one_body(self, store, statements):
        store.save_observations(seen(f"h{n}") for n in range(100))
        statements.clear()
        store.save_observations([*(seen(f"h{n}") for n in range(99)), seen("h99", "0600")])
        assert self.inserted(statements, "content") == [2]

    def test_loading_reads_each_body_once(self, store, statements):
        store.save_observations(seen(f"h{n}") for n in range(1000))
        statements.clear()
        assert len(store.observations()) == 1000
        assert len(statements) == 5  # begin, facts, bodies, sinces, hosts
