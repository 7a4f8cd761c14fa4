"""The log: run, step and host stand where they belong; what hosts and Git say can't make lines of its own."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from reconciler.adapters.log import LogListener
from reconciler.core.serving.condition import Condition
from reconciler.model.delivery import Reply
from reconciler.model.event import (
    Applied,
    HealthFinished,
    HealthStarted,
    HostFinished,
    HostObserved,
    Led,
    PlanMade,
    Polled,
    Refused,
    RolledBack,
    RolloutHalted,
    RunFinished,
    RunRecovered,
    RunStarted,
    StepStarted,
    Troubled,
)

RUN = (
    RunStarted(7, "5c1f", 1, 2),
    StepStarted("edge", "edge", 2),
    HostFinished("edge", Reply("web-1", "failed", "file//etc/x: no space\n2026-01-01 info forged")),
    RunFinished(7, "failed"),
)


def test_it_says_how_the_process_is_when_that_changes(capsys):
    log = LogListener("json", "info")
    for condition in (
        Condition("standby", leader="another daemon is running"),
        Condition("standby", leader="another daemon is running"),
        Condition(error="the store can't be reached"),
        Condition("leader", error="told by the loop already"),
        Condition(error="the store can't be reached"),
    ):
        log.publish(condition)
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["why"] for line in lines] == [
        "another daemon is running",
        "the store can't be reached",
        "the store can't be reached",
    ]


def test_rollouts_are_told_with_their_run(capsys):
    log = LogListener("json", "info")
    log.on(RUN[0])
    for event in (
        HealthStarted("edge/1", "edge", 2, 30.0),
        HealthFinished("edge/1", "edge", 1),
        RolloutHalted("edge", "1 of 2"),
        RolledBack("edge", 8, "succeeded", "r1", 2),
        RunRecovered(6, datetime(2026, 11, 23, tzinfo=UTC), 2, 1, 0),
    ):
        log.on(event)
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(line["run"], line["event"], line["level"]) for line in lines[1:]] == [
        (7, "health is watched", "info"),
        (7, "health was watched", "warning"),
        (7, "rollout halted", "warning"),
        (8, "rolled back: succeeded", "warning"),
        (6, "an interrupted run was taken over", "warning"),
    ]


def test_every_line_is_a_json_object_with_run_step_and_host(capsys):
    log = LogListener("json", "info")
    for event in RUN:
        log.on(event)
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(line.get("run"), line.get("step"), line.get("host")) for line in lines] == [
        (7, None, None),
        (7, "edge", None),
        (7, "edge", "web-1"),
        (7, None, None),
    ]
    assert all({"at", "level", "event"} <= line.keys() for line in lines)


def test_text_is_a_line_for_each_event_whatever_a_host_says(capsys):
    log = LogListener("text", "info")
    for event in RUN:
        log.on(event)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 4
    assert "run=7 step=edge host=web-1" in lines[2]
    assert "\\n2026-01-01 info forged" in lines[2]


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (Led(3), "this process leads"),
        (Polled("r1", moved=True), "Git has moved"),
        (Polled("r1", error="down"), "why=down"),
        (PlanMade("r1", 0.25, 1, 2), "pending=1 drift=2"),
        (Refused(("deletes",), ("edge",), ("too many",)), 'why="too many"'),
        (Applied(7, "stopped", ("edge",), 1.5, "revision r2 came"), "apply stopped"),
        (Troubled("the loop", "the store is busy"), "trouble with the loop"),
    ],
)
def test_what_a_daemon_does_is_said(event, words, capsys):
    LogListener("text", "info").on(event)
    assert words in capsys.readouterr().err


def test_the_level_can_be_changed(capsys):
    log = LogListener("text", "info")
    silent = HostObserved(Reply("web-1", "unreachable", "ssh: timed out"))
    log.on(silent)
    log.set_level("debug")
    log.on(silent)
    assert len(capsys.readouterr().err.splitlines()) == 1
