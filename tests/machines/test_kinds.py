"""Every kind on a real machine: made, in order at the second look, drifting when somebody changes it, healed, pruned.

One story is played once on one machine with all kinds together; each kind's part in it is in `cases`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from reconciler.kinds import builtin
from tests.lab import Lab, Machine
from tests.machines.cases import ADOPTED, BEFORE, CASES, EVERY, REMOVED
from tests.machines.conftest import fresh
from tests.machines.state import StateRepo, changes, results

pytestmark = pytest.mark.machines

HOST = "lab-1"


@dataclass
class Story:
    """What was seen, stage by stage. `looks` holds what each case's `look` printed after each apply."""

    machine: Machine
    plans: dict[str, dict[str, Any]] = field(default_factory=dict)
    runs: dict[str, dict[str, Any]] = field(default_factory=dict)
    drifted: dict[tuple[str, str, str], dict[str, Any]] = field(default_factory=dict)
    looks: dict[str, dict[str, str]] = field(default_factory=dict)
    refusal: str = ""

    def after(self, stage: str, run: dict[str, Any], plan: dict[str, Any]) -> None:
        """What an apply has left: the machine, and the plan that follows."""
        self.runs[stage], self.plans[stage] = run, plan
        self.looks[stage] = {n: self.machine.run(c.look, check=False).stdout.strip() for n, c in EVERY.items()}


@pytest.fixture(scope="module")
def story(lab: Lab, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    state = StateRepo(lab, tmp_path_factory.mktemp("story"), cache)
    story = Story(lab[HOST])
    story.machine.run(BEFORE)
    state.service("everything", [case.resource for case in CASES.values()], HOST)
    state.service("adopted", [case.resource for case in ADOPTED.values()], HOST)
    state.service("stays", [{"directory": "/srv/stays"}], HOST)
    state.commit("everything")
    story.after("applied", state.apply(), state.plan())
    for case in EVERY.values():
        story.machine.run(case.meddle)
    story.drifted = state.drift()
    story.after("healed", state.apply("--heal"), state.plan())
    for service in ("everything", "adopted"):
        state.remove(f"services/{service}.yaml")
    state.commit("nothing but what stays")
    story.refusal = state.run("apply", "--yes").err
    story.after("pruned", state.apply("--allow-deletes", str(len(CASES))), state.plan())
    yield story
    fresh(lab)


each = pytest.mark.parametrize("name", EVERY)


def test_every_kind_has_its_part_in_the_story() -> None:
    assert {case.key[0] for case in CASES.values()} == set(builtin())


@each
def test_apply_makes_it_so(story: Story, name: str) -> None:
    assert story.looks["applied"][name] == EVERY[name].there.strip()


def test_only_what_differs_is_changed(story: Story) -> None:
    outcomes = results(story.runs["applied"], HOST)
    in_order = {(*case.key,) for case in ADOPTED.values()} - {key[1:] for key in outcomes}
    assert in_order == {ADOPTED[n].key for n in ("group", "link", "cron", "authorized_key", "unit")}
    assert set(outcomes.values()) == {"changed"}


@pytest.mark.parametrize("stage", ["applied", "healed", "pruned"])
def test_a_plan_after_an_apply_is_empty(story: Story, stage: str) -> None:
    assert changes(story.plans[stage], HOST) == []
    assert story.plans[stage]["summary"]["unknown"] == 0


@each
def test_a_manual_change_is_drift(story: Story, name: str) -> None:
    drifted = story.drifted[HOST, *EVERY[name].key]
    seen = [REMOVED] if drifted["action"] == "create" else [field["path"] for field in drifted["fields"]]
    assert seen == [EVERY[name].drifts]
    assert drifted["since"] is not None


def test_nothing_else_drifts(story: Story) -> None:
    assert {key[1:] for key in story.drifted} == {case.key for case in EVERY.values()}


@each
def test_healing_undoes_it(story: Story, name: str) -> None:
    assert story.looks["healed"][name] == EVERY[name].there.strip()


@each
def test_what_we_made_goes_and_what_was_there_stays(story: Story, name: str) -> None:
    assert story.looks["pruned"][name] == EVERY[name].gone.strip()


def test_only_what_we_made_was_deleted(story: Story) -> None:
    deleted = {key[1:] for key in results(story.runs["pruned"], HOST)}
    # Its line was there before in another form; commands and services can't be undone.
    let_go = {CASES[n].key for n in ("line", "service", "service-masked", "command", "command-unless")}
    assert deleted == {case.key for case in CASES.values()} - let_go
    assert f"deletes {len(deleted)} resources; the limit is 10" in story.refusal
    assert story.machine.exists("/srv/stays")
