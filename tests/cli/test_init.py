"""`init`: what it writes is a state repository that validates, and nothing is lost by it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reconciler.cli.init import FIRST, SCHEMA
from tests.cli.place import ROOT, Place, place_in


@pytest.fixture
def empty(tmp_path: Path) -> Place:
    return place_in(tmp_path)


def test_what_init_writes_validates(empty: Place) -> None:
    said = empty.run("init")
    assert (said.code, said.err) == (0, "")
    empty.commit()
    checked = empty.run("validate", "--output", "json")
    assert (checked.code, checked.document["problems"], checked.document["documents"]) == (0, [], 2)
    assert "reconciler.toml" not in empty.git("ls-files").split()


def test_init_says_what_to_do_next(empty: Place) -> None:
    said = empty.run("init", "new/fleet").out
    commands = [line.strip() for line in said.partition("Next")[2].splitlines()[1:] if line.strip()]
    assert commands == [
        "cd new/fleet",
        "git init",
        'git add . && git commit -m "First state"',
        "reconciler validate",
        "reconciler plan",
    ]
    assert "git init" not in empty.run("init").out


def test_every_document_names_the_schema_that_is_there(empty: Place) -> None:
    empty.run("init")
    for name in FIRST:
        if name.endswith(".yaml"):
            path = empty.state / name
            first, _, schema = path.read_text().splitlines()[0].partition("$schema=")
            assert first == "# yaml-language-server: "
            assert json.loads((path.parent / schema).read_text()) == json.loads(
                (ROOT / "schemas/any.schema.json").read_text()
            )


@pytest.mark.parametrize("name", [*FIRST, SCHEMA])
def test_init_overwrites_nothing(empty: Place, name: str) -> None:
    empty.write({name: "mine"})
    said = empty.run("init")
    assert (said.code, said.out) == (1, "")
    assert f"{name} is there already; nothing was written" in said.err
    written = [str(p.relative_to(empty.state)) for p in empty.state.rglob("*") if p.is_file() and ".git" not in p.parts]
    assert written == [name]


def test_the_settings_that_init_writes_are_read(empty: Place) -> None:
    empty.run("init")
    settings = empty.state / "reconciler.toml"
    settings.write_text(settings.read_text().replace("deletes = 10", "deletes = -1"))
    said = empty.run("validate")
    assert (said.code, "limits.deletes" in said.err) == (1, True)
