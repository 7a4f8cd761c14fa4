"""What a run has heard of its hosts, and what of it is in their replies."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reconciler.adapters.ansible.directory import RunDirectory
from reconciler.adapters.ansible.settings import SshSettings
from reconciler.adapters.ansible.shard import Shard
from reconciler.model.delivery import Delivery, Outcome, Payload, Work
from reconciler.model.desired import Host
from reconciler.model.key import Key, Place

A, B = Key("file", "/a"), Key("file", "/b")
CHANGE = Payload({}, (Work(A, {}, "", ()), Work(B, {}, "", ())))
BROKEN = {"kind": "broken", "rc": 0, "error": "no reply within 2 seconds", "begun": False, "sent": True, "told": []}


class Run:
    """A fan-out of one host, h1, and what is heard of it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.heard: list[tuple[str, Outcome]] = []
        settings = SshSettings(cache_dir="/nowhere")
        self.shard = Shard(settings, RunDirectory(path), "fan-out", self._hear)
        self.shard.waiting["h1"] = Delivery(Host("web-1", Place("hosts.yaml")), CHANGE, 1, "s")

    def _hear(self, host: str, outcomes: object) -> None:
        self.heard += [(host, outcome) for outcome in outcomes]

    def tell(self, text: str) -> None:
        with (self.path / "news").open("a") as news:
            news.write(text)

    def end(self, record: dict[str, object]) -> None:
        (self.path / "results/h1").write_text(json.dumps(record))
        with (self.path / "done").open("a") as done:
            done.write("h1\n")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


def test_what_a_host_told_is_heard_once_and_kept_when_it_is_lost(run: Run) -> None:
    run.tell('h1 [[0, "changed", "", 5]]\nh9 [[0, "ok", "", 5]]\nh1 [[1, "o')
    assert list(run.shard.finished()) == []
    assert list(run.shard.finished()) == []
    assert run.heard == [("web-1", Outcome(A, "changed", "", 0.005))]
    run.end(BROKEN)
    [reply] = run.shard.finished()
    assert (reply.status, reply.outcomes) == ("lost", (Outcome(A, "changed", "", 0.005),))


def test_what_is_told_just_before_the_end_is_not_missed(run: Run) -> None:
    run.tell('h1 [[0, "changed", "", 5]]\nh1 [[0, "ok", "", 5]]\nh1 [[1, "ok", "", 0]]\n')
    run.end(BROKEN)
    [reply] = run.shard.finished()
    assert reply.outcomes == (Outcome(A, "changed", "", 0.005), Outcome(B, "ok"))
    assert [outcome for _, outcome in run.heard] == list(reply.outcomes)


def test_it_is_kept_when_the_run_itself_dies(run: Run) -> None:
    run.tell('h1 [[0, "changed", "", 5]]\n')
    (run.path / "sent/h1").touch()
    assert list(run.shard.finished()) == []
    [reply] = run.shard.rest("ERROR! killed")
    assert (reply.status, reply.reason) == ("lost", "ERROR! killed")
    assert reply.outcomes == (Outcome(A, "changed", "", 0.005),)


def test_a_reply_has_the_last_word(run: Run) -> None:
    run.tell('h1 [[0, "changed", "", 5]]\n')
    outcomes = [["ok", "", 0], ["failed", "no room", 0]]
    said = {"status": "failed", "reason": "", "identity": "m", "facts": [], "outcomes": outcomes}
    run.end({"kind": "reply", "reply": json.dumps(said)})
    [reply] = run.shard.finished()
    assert reply.status == "failed"
    assert [outcome.result for outcome in reply.outcomes] == ["ok", "failed"]
