"""What a host answers is untrusted: well formed and as asked, or not used at all."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from reconciler.adapters.ansible import reply
from reconciler.adapters.ansible.settings import SshSettings
from reconciler.model.delivery import Delivery, Outcome, Payload, Work
from reconciler.model.desired import Host
from reconciler.model.key import Key, Place

A, B = Key("file", "/a"), Key("file", "/b")
HOST = Host("web-1", Place("hosts.yaml"), address="10.0.0.1", user="deploy")
LOOK = Delivery(HOST, Payload({A: {"probe": "path"}, B: {"probe": "path"}}))
CHANGE = Delivery(HOST, Payload({A: {"probe": "path"}}, (Work(A, {}, "", ()), Work(B, {}, "", ()))))
SETTINGS = SshSettings(known_hosts_file="/etc/known", cache_dir="/nowhere")


def _answer(**fields: Any) -> str:
    return json.dumps({"status": "done", "reason": "", "identity": "m1", "facts": [], "outcomes": [], **fields})


def test_facts_come_back_in_order():
    got = reply.from_host(_answer(facts=[{"exists": True}, {"exists": False}]), LOOK)
    assert (got.status, got.identity) == ("done", "m1")
    assert got.facts == {A: {"exists": True}, B: {"exists": False}}


@pytest.mark.parametrize(
    ("status", "outcomes", "reason"),
    [
        ("done", [["changed", "", 1500], ["ok", "", 0]], ""),
        ("failed", [["failed", "no room", 1500], ["skipped", "", 0]], "file//a: no room"),
        ("stale", [["skipped", "", 0], ["stale", "", 0]], "not as planned any more: file//b"),
    ],
)
def test_outcomes_come_back_in_order(status, outcomes, reason):
    got = reply.from_host(_answer(status=status, facts=[{}], outcomes=outcomes), CHANGE)
    assert (got.status, got.reason) == (status, reason)
    assert [o.result for o in got.outcomes] == [o[0] for o in outcomes]
    assert got.outcomes[0] == Outcome(A, outcomes[0][0], outcomes[0][1], outcomes[0][2] / 1000)


def _nested(depth: int) -> str:
    return _answer().replace('"facts": []', '"facts": [' + '{"a":' * depth + "{}" + "}" * depth + ",{}]")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not JSON"),
        ("[]", "not an object"),
        ("[" * 100_000, "not JSON"),
        (_answer(status="dance"), "status"),
        (_answer(status=["done"]), "status"),
        (_answer(facts=[{}]), "2 entries"),
        (_answer(facts={"file//a": {}}), "2 entries"),
        (_answer(facts=[{}, {}], outcomes=[["ok", "", 0]]), "0 entries"),
        (_answer(facts=[{}, 1]), "not an object"),
        (_answer(facts=[{}, {"a": [0.5]}]), "fraction"),
        (_answer(facts=[{}, {"a": 2**63}]), "64 bits"),
        (_nested(64), "nested"),
        (_answer(facts=[{}, {}]).replace('"m1"', '"\\ud800"'), "not JSON"),
        (_answer(identity=["m1"], facts=[{}, {}]), "text"),
        (_answer(status="failed", facts=[{}, {}]), "contradicts"),
        (_answer(status="broken", reason="KeyError: 'x'"), "KeyError"),
        (" " * (reply.LARGEST + 2000), "larger than 8 MiB"),
    ],
)
def test_nonsense_is_not_used(text, says):
    got = reply.from_host(text, LOOK)
    assert got.status == "failed"
    assert says in got.reason
    assert not got.facts
    assert not got.outcomes


@pytest.mark.parametrize(
    "outcomes",
    [
        [["failed", "", 0], ["ok", "", 0]],
        [["changed", "", 0], ["stale", "", 0]],
        [["changed", "", -1], ["ok", "", 0]],
        [["changed", 3, 1], ["ok", "", 0]],
        [["danced", "", 1], ["ok", "", 0]],
        [[["ok"], "", 1], ["ok", "", 0]],
        [["ok", ""], ["ok", "", 0]],
    ],
)
def test_nonsense_after_works_means_that_nobody_knows(outcomes):
    assert reply.from_host(_answer(facts=[{}], outcomes=outcomes), CHANGE).status == "lost"


def test_messages_lose_control_characters_and_have_an_end():
    text = _answer(
        status="failed", facts=[{}], outcomes=[["failed", "\x1b[31mred" + "x" * 9000, 0], ["skipped", "", 0]]
    )
    message = reply.from_host(text, CHANGE).outcomes[0].message
    assert message.startswith("[31mred")
    assert len(message) == 4000


def _record(**fields: Any) -> bytes:
    return json.dumps({"kind": "broken", "rc": 255, "error": "", "begun": False, **fields}).encode()


@pytest.mark.parametrize(
    ("record", "status", "reason"),
    [
        (_record(kind="skipped"), "skipped", "not begun: the run was stopped"),
        (_record(kind="unfit", reason="no such module"), "failed", "no such module"),
        (_record(error="ssh: connect to host 10.0.0.1 port 22: Connection timed out"), "unreachable", "ssh: timed out"),
        (_record(rc=127, error="sh: 1: /usr/bin/python3: not found"), "unreachable", "no python3 at /usr/bin/python3"),
        (_record(error="Timeout, server 10.0.0.1 not responding."), "lost", "ssh: the host stopped answering"),
        (_record(rc=255, begun=True), "lost", "the connection ended without a reply"),
        # A host that has begun can say what it likes: nobody believes any more that nothing was done.
        (_record(begun=True, error="Permission denied (publickey)"), "lost", "Permission denied (publickey)"),
        (_record(begun=True, rc=127), "lost", "the connection ended without a reply"),
        # What never left us can't have done anything, whatever was said.
        (_record(error="ssh: odd", sent=False), "unreachable", "ssh: odd"),
        (_record(error="", sent=False), "unreachable", "ssh: the host gave no reason"),
        (_record(error="odd", sent=True), "lost", "odd"),
    ],
)
def test_records_of_the_action_plugin(record, status, reason):
    got = reply.from_record(record, CHANGE, SETTINGS)
    assert (got.host, got.status) == ("web-1", status)
    assert got.reason.startswith(reason)


def test_unfit_modules_fail_the_first_work_and_skip_the_others():
    got = reply.from_record(_record(kind="unfit", reason="no such module"), CHANGE, SETTINGS)
    assert got.outcomes == (Outcome(A, "failed", "no such module"), Outcome(B, "skipped"))


def test_where_fanning_out_is_impossible_the_other_way_is_taken_unless_it_was_asked_for():
    unable = _record(kind="unable", reason="ModuleNotFoundError: No module named 'asyncssh'")
    assert reply.from_record(unable, CHANGE, SETTINGS) is None
    got = reply.from_record(unable, CHANGE, replace(SETTINGS, carrier="fan-out"))
    assert got is not None
    assert (got.status, got.reason) == (
        "unreachable",
        "the fan-out carrier can't be used: ModuleNotFoundError: No module named 'asyncssh'",
    )


@pytest.mark.parametrize(
    ("text", "before", "results"),
    [
        ('[[0, "changed", "", 5], [1, "ok", "", 0]]', 0, ["changed", "ok"]),
        ('[[1, "failed", "no room", 5]]', 1, ["failed"]),
        ('[[1, "ok", "", 5]]', 0, []),  # out of order: it would be taken for another work's
        ('[[0, "ok", "", 5], [0, "ok", "", 5]]', 0, ["ok"]),
        ('[[0, "ok", "", 5], [1, "ok", "", 5], [2, "ok", "", 5]]', 0, ["ok", "ok"]),
        ('[[0, "skipped", "", 5]]', 0, []),
        ('[[0, "dance", "", 5]]', 0, []),
        ('[[0, ["ok"], "", 5]]', 0, []),
        ('[[0, "ok", 7, 5]]', 0, []),
        ('[[0, "ok", "", -1]]', 0, []),
        ('[["0", "ok", "", 5], 3, null]', 0, []),
        ("{}", 0, []),
        ("nonsense", 0, []),
        ("[" * 50_000, 0, []),
    ],
)
def test_what_a_host_tells_before_its_reply(text, before, results):
    told = reply.told(text, CHANGE, before)
    assert [outcome.result for outcome in told] == results
    assert [outcome.key for outcome in told] == [A, B][before : before + len(results)]


def test_what_was_told_is_kept_when_contact_is_lost():
    told = ['[[0, "changed", "\\u001b[2J", 1500]]', "nonsense", '[[1, "ok", "", 0]]']
    record = {"kind": "broken", "rc": 255, "error": "Broken pipe", "begun": True, "told": told}
    got = reply.from_record(json.dumps(record).encode(), CHANGE, SETTINGS)
    assert (got.status, got.reason) == ("lost", "ssh: the connection broke")
    assert got.outcomes == (Outcome(A, "changed", "[2J", 1.5), Outcome(B, "ok"))
