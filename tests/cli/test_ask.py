"""Asking on a terminal, and what a terminal shows."""

from __future__ import annotations

import re

import pytest

from tests.cli.place import Place
from tests.cli.terminal import ended, terminal

QUESTION = "Apply this plan"


def applied(place: Place) -> bool:
    return (place.root("web-1") / "etc/web.conf").exists()


def test_yes_applies(fleet: Place) -> None:
    with terminal(fleet, "apply") as child:
        child.expect(QUESTION)
        assert "4 to create" in str(child.before)
        child.sendline("yes")
        code, said = ended(child)
    assert (code, applied(fleet)) == (0, True)
    assert "Run 1 succeeded: 4 created" in said


@pytest.mark.parametrize("answer", ["no", "", "y", "YES", "\x03", "\x04"], ids=repr)
def test_anything_else_applies_nothing(fleet: Place, answer: str) -> None:
    with terminal(fleet, "apply") as child:
        child.expect(QUESTION)
        child.expect(":")
        if answer.isprintable():
            child.sendline(answer)
        else:
            child.send(answer)
        code, said = ended(child)
    assert (code, applied(fleet)) == (1, False)
    assert "error:" in said
    assert "safe point" not in said


def test_yes_is_not_asked_for_when_nothing_changes(fleet: Place) -> None:
    assert fleet.run("apply", "--yes").code == 0
    with terminal(fleet, "apply") as child:
        code, said = ended(child)
    assert code == 0
    assert "No changes." in said
    assert QUESTION not in said


COLOR = re.compile(r"\x1b\[[0-9;]*m")


def test_a_terminal_has_colour_unless_told_otherwise(moved: Place) -> None:
    plan = ("plan", "--no-observe")
    shown = {}
    for name, arguments, env in (
        ("color", plan, {}),
        ("option", (*plan, "--no-color"), {}),
        ("variable", plan, {"NO_COLOR": "1"}),
        ("empty", plan, {"NO_COLOR": ""}),
    ):
        with terminal(moved, *arguments, **env) as child:
            shown[name] = re.sub(r"\d+ (s|min) ago", "ago", ended(child)[1])
    assert {name for name, text in shown.items() if COLOR.search(text)} == {"color", "empty"}
    assert COLOR.sub("", shown["color"]) == shown["option"] == shown["variable"]


@pytest.mark.parametrize("arguments", [("plan", "--no-observe"), ("drift", "--no-observe"), ("runs",)])
def test_nothing_is_wider_than_the_terminal(moved: Place, arguments: tuple[str, ...]) -> None:
    with terminal(moved, *arguments, "--no-color", columns=72) as child:
        _, said = ended(child)
    assert [line for line in said.splitlines() if len(line) > 72] == []


def test_without_colour_progress_has_none_either(fleet: Place) -> None:
    with terminal(fleet, "observe", "--no-color") as child:
        code, said = ended(child)
    assert code == 0
    assert "2 of 2 hosts answered." in said
    assert not COLOR.search(said)
