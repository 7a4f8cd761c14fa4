"""A limit refuses, somebody approves exactly that plan, and it runs; what can't be approved says why."""

from __future__ import annotations

import re

import pytest

from tests.cli.place import Place

FILES = "".join(f"    - file: /etc/f{n}\n      content: x\n" for n in range(6))
BASE = (
    "apiVersion: reconciler/v1\nkind: Service\nmetadata: {name: base}\nspec:\n"
    f"  hosts: {{matchLabels: {{role: web}}}}\n  resources:\n{FILES}"
)


@pytest.fixture
def retiring(fleet: Place) -> Place:
    """Two hosts with a service of six files, which has just left Git."""
    fleet.commit({"services/base.yaml": BASE})
    assert fleet.run("apply", "--yes").code == 0
    (fleet.state / "services/base.yaml").unlink()
    fleet.commit()
    return fleet


def test_approve_exactly_this_plan(retiring: Place) -> None:
    said = retiring.run("plan")
    command = re.search(r"approve exactly this plan: reconciler approve ([0-9a-f]{8}) --reason", said.out)
    assert command is not None, said.out
    digest = command[1]
    refused = retiring.run("apply", "--plan", digest)
    assert (refused.code, f"reconciler apply --plan {digest}" in refused.err) == (1, True)
    approved = retiring.run("approve", digest, "--reason", "retire base, CHG-1234", "--output", "json")
    assert approved.code == 0
    document = approved.document
    assert (document["plan"][:8], document["reason"]) == (digest, "retire base, CHG-1234")
    assert [(lift["limit"], lift["value"], lift["actual"]) for lift in document["lifts"]] == [("deletes", 10, 12)]
    assert retiring.run("apply", "--yes").code == 1, "a plan of now is another one"
    assert (retiring.root("web-1") / "etc/f0").exists()
    done = retiring.run("apply", "--plan", digest)
    assert (done.code, "12 deleted" in done.out) == (0, True)
    assert not (retiring.root("web-1") / "etc/f0").exists()
    again = retiring.run("approve", digest, "--reason", "once more")
    assert (again.code, "applied already" in again.err) == (1, True)


def test_an_approval_ends(retiring: Place) -> None:
    digest = re.search(r"reconciler approve ([0-9a-f]{8})", retiring.run("plan").out)
    assert digest is not None
    said = retiring.run("approve", digest[1], "--reason", "too late", "--expires", "0s")
    assert (said.code, "Go on: reconciler apply --plan" in said.out) == (0, True)
    assert retiring.run("apply", "--plan", digest[1]).code == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["approve", "0000", "--reason", "x"], "there is no plan '0000' in the store"),
        (["approve", "0000"], "--reason"),
        (["approve", "0000", "--reason", " "], "--reason is empty"),
        (["approve", "0000", "--reason", "x", "--expires", "soon"], "no duration"),
        (["apply", "--plan", ""], "there is no plan '' in the store"),
        (["apply", "x.json", "--plan", "0000"], "FILE and --plan exclude each other"),
    ],
)
def test_what_can_not_be_approved(fleet: Place, arguments: list[str], words: str) -> None:
    said = fleet.run(*arguments)
    assert (said.code, words in said.err) == (1, True), said.err


def test_a_plan_that_breaks_no_limit_needs_no_word(fleet: Place) -> None:
    assert fleet.run("plan", "--out", "plan.json").code == 2
    digest = fleet.run("plan", "--no-observe", "--out", "again.json", "--output", "json").document["digest"]
    said = fleet.run("approve", digest[:8], "--reason", "to be sure")
    assert (said.code, "no limit refuses plan" in said.err) == (1, True)
    assert fleet.run("apply", "--plan", digest[:8]).code == 0


def test_a_canary_that_fails_halts_and_another_try_is_somebodys_word(fleet: Place) -> None:
    rollout = "  rollout: {canary: 1, health: [{tcp: {port: 1, host: 127.0.0.1}}]}\n"
    (fleet.base / "reconciler.toml").write_text("[health]\npatience = 0\n")
    fleet.commit({"services/base.yaml": BASE + rollout})
    options = ("--yes", "--config", str(fleet.base / "reconciler.toml"))
    said = fleet.run("apply", *options)
    assert said.code == 1
    assert "Run 1 halted" in said.out
    assert "web-1 is not healthy: tcp 127.0.0.1:1: 127.0.0.1 is this machine itself" in said.out
    assert "base/1  health bad on 1 host" in said.err
    assert not (fleet.root("web-2") / "etc/f0").exists()
    again = fleet.run("apply", *options)
    assert (again.code, "run 1" in again.err, "--again" in again.err) == (1, True, True)
    assert fleet.run("apply", "--again", *options).code == 1, "it is tried, and not well once more"
