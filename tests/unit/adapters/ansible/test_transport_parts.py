"""Programs with ordinary tasks: which visits there are, what each is for, and the one reply that comes of them."""

from __future__ import annotations

import importlib
import json

import pytest


@pytest.fixture
def parts(plugins):
    return importlib.import_module(f"{plugins}.parts")


class Host:
    """Does bundled works; `answers` are what it does instead, by the number of the visit."""

    def __init__(self, answers: dict[int, dict]) -> None:
        self.answers = answers
        self.visits: list[tuple[int, int, int]] = []

    def visit(self, part: dict) -> dict:
        assert part["holder"] == "me"
        self.visits.append((part["start"], part["end"], part["hold"]))
        if len(self.visits) - 1 in self.answers:
            return self.answers[len(self.visits) - 1]
        outcomes = [["ok", "", 0]] * (part["end"] - part["start"])
        said = {"status": "done", "reason": "", "identity": "m", "outcomes": outcomes}
        return {"kind": "reply", "reply": json.dumps(said if part["hold"] else {**said, "facts": [{}]})}


def _reply(**said: object) -> dict:
    return {"kind": "reply", "reply": json.dumps(said)}


BROKEN = {"kind": "broken", "rc": 255, "error": "broke", "begun": True, "told": []}


def _carry(parts, ordinary: list[int], answers: dict[int, dict] | None = None, task=None, works: int = 4):
    host, tasks = Host(answers or {}), []

    def perform(number: int) -> list:
        tasks.append((number, len(host.visits)))
        return task(number) if task else ["changed", "", 7]

    record = parts.carry(parts.Plan(works, ordinary, "me", 60), host.visit, perform)
    return host, tasks, record


@pytest.mark.parametrize(
    ("ordinary", "visits", "tasks"),
    [
        ([1], [(0, 1, 60), (2, 4, 0)], [(1, 1)]),
        ([0], [(0, 0, 60), (1, 4, 0)], [(0, 1)]),
        ([3], [(0, 3, 60), (4, 4, 0)], [(3, 1)]),
        ([1, 2], [(0, 1, 60), (3, 4, 0)], [(1, 1), (2, 1)]),
        ([0, 2], [(0, 0, 60), (1, 2, 60), (3, 4, 0)], [(0, 1), (2, 2)]),
        ([0, 1, 2, 3], [(0, 0, 60), (4, 4, 0)], [(0, 1), (1, 1), (2, 1), (3, 1)]),
    ],
)
def test_everything_is_checked_first_and_looked_at_last(parts, ordinary, visits, tasks):
    host, performed, record = _carry(parts, ordinary)
    assert host.visits == visits
    assert performed == tasks
    said = json.loads(record["reply"])
    assert (record["kind"], said["status"], said["facts"], said["identity"]) == ("reply", "done", [{}], "m")
    assert [o[0] for o in said["outcomes"]] == ["changed" if n in ordinary else "ok" for n in range(4)]


def test_a_task_that_fails_ends_the_program_and_the_host_is_looked_at(parts):
    host, _, record = _carry(parts, [1, 3], task=lambda _: ["failed", "no room", 7])
    said = json.loads(record["reply"])
    assert host.visits == [(0, 1, 60), (2, 2, 0)]
    assert (said["status"], said["facts"]) == ("failed", [{}])
    assert said["outcomes"] == [["ok", "", 0], ["failed", "no room", 7], ["skipped", "", 0], ["skipped", "", 0]]


def test_a_bundled_work_that_fails_ends_the_program_there(parts):
    failing = _reply(status="failed", reason="", identity="m", outcomes=[["failed", "x", 1]], facts=[{}])
    host, tasks, record = _carry(parts, [1], {0: failing})
    said = json.loads(record["reply"])
    assert (len(host.visits), tasks) == (1, [])
    assert (said["status"], [o[0] for o in said["outcomes"]]) == ("failed", ["failed", "skipped", "skipped", "skipped"])


@pytest.mark.parametrize(
    "first",
    [
        _reply(status="stale", outcomes=[["stale", "", 0]] * 4, facts=[]),
        _reply(status="refused", reason="held"),
        _reply(status="done", outcomes="nonsense"),
        {"kind": "reply", "reply": "[" * 50_000},
        {"kind": "reply", "reply": "7"},
        BROKEN,
    ],
)
def test_what_comes_of_the_first_visit_alone_is_left_as_it_is(parts, first):
    host, tasks, record = _carry(parts, [1], {0: first})
    assert (len(host.visits), tasks, record) == (1, [], first)


def test_what_was_done_is_told_when_the_host_is_lost(parts):
    def gone(number: int) -> list:
        raise parts.Broke("Broken pipe")

    _, _, at_task = _carry(parts, [2], task=gone)
    assert (at_task["kind"], at_task["error"], at_task["begun"]) == ("broken", "Broken pipe", True)
    assert json.loads(at_task["told"][0]) == [[0, "ok", "", 0], [1, "ok", "", 0]]
    later = {**BROKEN, "begun": False, "told": ['[[2, "ok", "", 0]]']}
    _, _, at_visit = _carry(parts, [1], {1: later})
    assert at_visit["begun"] is True
    assert [json.loads(text) for text in at_visit["told"]] == [
        [[0, "ok", "", 0], [1, "changed", "", 7]],
        [[2, "ok", "", 0]],
    ]
    _, _, overtaken = _carry(parts, [1], {1: _reply(status="refused", reason="run 1 is older")})
    assert (overtaken["kind"], overtaken["error"]) == ("broken", "the host did not go on: run 1 is older")
    assert len(json.loads(overtaken["told"][0])) == 2
