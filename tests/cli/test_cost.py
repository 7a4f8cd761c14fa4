"""What a command loads: nothing that it doesn't use. Counts of modules, not seconds."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.cli.place import Place

HEAVY = {"alembic", "ansible_runner", "jinja2", "jsonschema", "networkx", "orjson", "pydantic", "pygit2", "rich"}
HEAVY |= {"sqlalchemy", "yaml"}
DAEMON = {"apscheduler", "prometheus_client", "starlette", "structlog", "uvicorn"}
HEAVY |= DAEMON
SCRIPT = """
import json, sys
from reconciler.cli.main import run
code = run(sys.argv[1:])
print("\\n" + json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def loaded(place: Place, *arguments: str) -> set[str]:
    """The heavy packages that a command loads."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments],
        cwd=place.state,
        env=place.env,
        capture_output=True,
        text=True,
        check=True,
    )
    return HEAVY.intersection(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["plan", "--help"], ["apply", "--help"], ["nope"]])
def test_help_loads_nothing_heavy(place: Place, arguments: list[str]) -> None:
    assert loaded(place, *arguments) == set()


def test_validate_loads_no_store_no_ansible_and_no_graphs(fleet: Place) -> None:
    assert loaded(fleet, "validate") == {"jinja2", "orjson", "pydantic", "pygit2", "yaml"}


def test_a_plan_from_the_store_loads_no_progress_bar(moved: Place) -> None:
    found = loaded(moved, "plan", "--no-observe")
    assert "sqlalchemy" in found
    # The graph library only says where something goes round.
    assert not {"rich", "jsonschema", "ansible_runner", "networkx"} & found


def test_only_the_daemon_loads_what_a_daemon_needs(moved: Place) -> None:
    for arguments in (["plan", "--no-observe"], ["status"], ["serve", "--help"], ["config", "show"]):
        assert not DAEMON & loaded(moved, *arguments), arguments


def test_runs_reads_the_store_only(moved: Place) -> None:
    assert not {"pygit2", "jinja2", "yaml", "ansible_runner", "networkx"} & loaded(moved, "runs")
