"""Every example is checked, follows the schemas, and can be planned. `tests/machines` applies them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from reconciler.core.schemas import generate
from reconciler.kinds import builtin
from tests.command_line import ROOT, reconciler
from tests.examples.copies import EXAMPLES, copy, copy_here, documents

every_example = pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
FILES = sorted((ROOT / "examples").rglob("*.yaml"))
SCHEMA = Draft202012Validator(generate(builtin())["any.schema.json"])


def test_there_are_examples() -> None:
    assert [path.name for path in EXAMPLES] == ["baseline", "database", "web-stack"]


@every_example
def test_it_is_in_order(example: Path, tmp_path: Path) -> None:
    done = reconciler("validate", "--output", "json", cwd=copy(example, tmp_path / "state"))
    assert json.loads(done.stdout) == {"format_version": 1, "documents": len(documents(example)), "problems": []}
    assert (done.returncode, done.stderr) == (0, "")


@every_example
def test_its_documents_follow_the_schema(example: Path) -> None:
    found = {str(file.name): [e.message for e in SCHEMA.iter_errors(document)] for file, document in documents(example)}
    assert {file: errors for file, errors in found.items() if errors} == {}


@pytest.mark.parametrize("file", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_editors_are_told_the_schema(file: Path) -> None:
    first = file.read_text().splitlines()[0]
    told = first.removeprefix("# yaml-language-server: $schema=")
    assert told != first
    assert (file.parent / told).resolve() == ROOT / "schemas" / "any.schema.json"


@every_example
def test_it_is_planned_without_asking_anybody(example: Path, tmp_path: Path) -> None:
    state = copy(example, tmp_path / "state")
    done = reconciler("plan", "--no-observe", "--store", str(tmp_path / "db"), "--output", "json", cwd=state)
    plan = json.loads(done.stdout)
    assert (done.returncode, plan["steps"]) == (0, [])
    assert plan["managed"] == plan["summary"]["unknown"] > 0
    assert {reason["reason"] for reason in plan["blocked"]} == {"not-observed"}


@every_example
def test_it_is_planned_for_this_computer(example: Path, tmp_path: Path) -> None:
    """Probes only look, so asking the computer that runs the tests harms nothing. What they find is its business."""
    state = copy_here(example, tmp_path / "state")
    settings = {"RECONCILER_ALLOW_LOCAL": "true", "RECONCILER_CACHE_DIR": str(tmp_path / "cache")}
    done = reconciler("plan", "--store", str(tmp_path / "db"), "--output", "json", cwd=state, **settings)
    plan = json.loads(done.stdout)
    counts = plan["summary"]
    assert done.returncode == (2 if plan["steps"] else 0), done.stderr
    assert counts["create"] + counts["update"] + counts["unchanged"] + counts["unknown"] == plan["managed"]
    assert counts["delete"] == 0
    assert [reason for reason in plan["blocked"] if reason["reason"] in ("unreachable", "held")] == []


def test_each_is_in_the_list() -> None:
    text = (ROOT / "examples" / "README.md").read_text()
    assert [path.name for path in EXAMPLES if f"({path.name}/README.md)" not in text] == []
