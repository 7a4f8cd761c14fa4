"""The plan document: exact both ways, sealed, and refused with a reason when it is not what it should be."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from reconciler.core import exchange
from reconciler.core.planning.plan_json import (
    check_plan,
    plan_bytes,
    plan_digest,
    plan_document,
    plan_from_document,
    plan_schema,
    read_plan,
    sealed,
)
from reconciler.model.errors import Stalled
from reconciler.model.key import Key
from reconciler.model.plan import Blocked, Change, FieldChange, Plan, Program, Release, Step, Summary
from reconciler.model.rollout import Batch, CommandCheck, HttpCheck, PrometheusCheck, TcpCheck, Terms, UnitCheck

CHANGE = Change(
    key=Key("file", "/etc/motd"),
    action="update",
    cause="drift",
    fields=(
        FieldChange("content", "sha256:1", "sha256:2", "pending", False, ("-old", "+new")),
        FieldChange("password", None, None, "drift", True),
    ),
    requires=(Key("package", "nginx"), Key("file", "/etc")),
    because="somebody changed the host",
    desired="d1",
    query={"probe": "path", "path": "/etc/motd", "want": ["content"]},
    expect="f1",
)
PLAN = sealed(
    Plan(
        revision="1a2b3c4",
        fingerprint="fp",
        observed_at=datetime(2026, 11, 23, 10, 2, 11, 500, tzinfo=UTC),
        fleet=3,
        managed=9,
        steps=(
            Step("base", "base", (), {"p1": ("a", "b")}),
            Step("edge", "edge", ("base",), {"p1": ("c",), "p2": ("a",)}, Batch(1, 1, "lon", canary=True)),
        ),
        rollouts={
            "edge": Terms(
                budget=2,
                at_once=1,
                bake=60,
                on_failure="rollback",
                health=(
                    HttpCheck("http://{{ host.address }}/"),
                    TcpCheck("80"),
                    UnitCheck("nginx"),
                    CommandCheck(("true", "-x")),
                    PrometheusCheck("up", at_least=1),
                ),
                stages=("canary 1", "5%"),
                domain="site",
            )
        },
        programs={
            "p1": Program("p1", "s1", (CHANGE,)),
            "p2": Program("p2", "s1", (Change(Key("service", "nginx"), "reload", "pending", sensitive=True),)),
        },
        blocked=(
            Blocked("unreachable", "ssh: timed out", ("d",)),
            Blocked("unknown", "not permitted", ("a",), "edge", Key("user", "app"), "root"),
        ),
        releases=(Release("left-git", ("a",), Key("file", "/etc/x"), "old"),),
        summary=Summary(update=3, restart=1, unchanged=5, hosts=3),
        incomplete=True,
    )
)

programs = st.builds(
    Program,
    st.just("p"),
    st.text(),
    st.lists(
        st.builds(
            Change,
            st.builds(Key, st.text("abc", min_size=1), st.text(min_size=1)),
            st.sampled_from(["create", "update", "delete", "restart", "reload"]),
            st.sampled_from(["pending", "drift"]),
            because=st.text(),
            requires=st.lists(st.builds(Key, st.text("ab-", min_size=1), st.text(min_size=1))).map(tuple),
            query=st.dictionaries(st.text(), st.none() | st.booleans() | st.integers(-9, 9) | st.text()),
        ),
        max_size=3,
    ).map(tuple),
)


def same(one: Plan, other: Plan) -> bool:
    """Programs are compared by value here: in the model they are equal only to themselves."""

    def plain(plan: Plan) -> tuple[Any, ...]:
        return replace(plan, programs={}), {n: (p.id, p.shape, p.changes) for n, p in plan.programs.items()}

    return plain(one) == plain(other)


def altered(path: str, value: Any) -> dict[str, Any]:
    """The document of PLAN with one value changed; the path's steps are split by dots."""
    document = json.loads(plan_bytes(PLAN))
    *way, last = [int(s) if s.isdigit() else s for s in path.split(".")]
    at = document
    for step in way:
        at = at[step]
    at[last] = value
    return document


def test_a_plan_comes_back_exactly():
    assert same(read_plan(plan_bytes(PLAN)), PLAN)


@given(program=programs, host=st.text(min_size=1), message=st.text())
def test_any_plan_comes_back_exactly_and_satisfies_the_schema(program, host, message):
    plan = sealed(
        replace(
            PLAN,
            programs={"p": program},
            steps=(Step("s", "svc", (), {"p": (host,)}),),
            blocked=(Blocked("reason", message, (host,)),),
        )
    )
    assert check_plan(plan_document(plan)) == []
    assert same(read_plan(plan_bytes(plan)), plan)


def test_the_document_reads_in_this_order():
    assert list(plan_document(PLAN)) == [
        "format_version", "revision", "observed_at", "fingerprint", "fleet", "managed", "incomplete", "machines",
        "summary", "rollouts", "steps", "programs", "blocked", "released", "digest",
    ]  # fmt: skip
    document = plan_document(PLAN)
    assert document["observed_at"] == "2026-11-23T10:02:11.000500Z"
    assert document["programs"]["p1"]["changes"][0]["requires"] == ["package/nginx", "file//etc"]
    assert document["blocked"][0]["kind"] is None


def test_the_schema_is_one_and_has_no_regex_that_can_explode():
    Draft202012Validator.check_schema(plan_schema())
    text = json.dumps(plan_schema())
    assert text.count('"pattern"') == text.count(json.dumps(r"^[^/]+/[\s\S]")) > 0


def test_the_digest_covers_everything_but_itself():
    assert plan_digest(replace(PLAN, digest="x")) == PLAN.digest
    others = [
        replace(PLAN, revision="2"),
        replace(PLAN, incomplete=False),
        replace(PLAN, observed_at=None),
        replace(PLAN, blocked=()),
        replace(PLAN, releases=()),
        replace(PLAN, summary=Summary()),
        replace(PLAN, programs={**PLAN.programs, "p2": Program("p2", "other", ())}),
    ]
    assert len({plan_digest(plan) for plan in [PLAN, *others]}) == 1 + len(others)


def test_the_zone_of_a_time_does_not_matter_but_it_needs_one():
    east = PLAN.observed_at.astimezone(timezone(timedelta(hours=9)))
    assert plan_digest(replace(PLAN, observed_at=east)) == PLAN.digest
    with pytest.raises(ValueError, match="no time zone"):
        plan_document(replace(PLAN, observed_at=datetime(2026, 1, 1)))


def test_an_unsealed_plan_is_not_written():
    with pytest.raises(ValueError, match="not sealed"):
        plan_bytes(replace(PLAN, revision="other"))


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("fleet", "3", "fleet: '3' is not of type 'integer'"),
        ("managed", -1, "managed: -1 is less than the minimum"),
        ("observed_at", "yesterday", "observed_at: is not a time"),
        ("observed_at", "2026-11-23T10:02:11", "observed_at: is not a time"),
        ("extra", 1, "'extra' was unexpected"),
        ("steps.0.needs", ["edge"], "wait for each other"),
        ("steps.0.needs", ["gone"], "steps/0/needs: names a step that is not in the plan"),
        ("steps.1.id", "base", "an id comes twice"),
        ("steps.0.programs", {"p9": ["a"]}, "names a program that is not in the plan"),
        ("steps.1.programs.p1", ["a"], "steps/1/programs: a host comes twice"),
        ("steps.1.programs.p1", [""], "should be non-empty"),
        ("programs.p1.changes.0.action", "explode", "'explode' is not one of"),
        ("programs.p1.changes.0.requires", ["nginx"], "does not match"),
        ("programs.p1.changes.0.kind", "", "should be non-empty"),
        ("summary.update", None, "None is not of type 'integer'"),
    ],
)
def test_what_is_wrong_with_a_document_is_said_with_its_place(path, value, says):
    problems = check_plan(altered(path, value))
    assert any(says in problem for problem in problems), problems


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "not JSON"),
        (b"revision: main\n", "not JSON"),
        (b"\xff\xfe{}", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "no format_version"),
        (b'{"resource_changes": []}', "no format_version"),
        (b'{"format_version": 2}', "format_version 2; this version of Reconciler reads 1"),
        (b'{"format_version": true}', "reads 1"),
        (b'{"format_version": {"a": 1}}', "of another kind"),
        (b'{"format_version": 1}', "'revision' is a required property"),
        (orjson.dumps(altered("revision", "99")), "altered after it was made"),
        (orjson.dumps(altered("steps.0.programs.p1", ["a", "b", "z"])), "altered after it was made"),
        (orjson.dumps(altered("digest", "0" * 32)), "altered after it was made"),
        (
            orjson.dumps(altered("programs.p1.changes.0.query", {"x": "DEEP"})).replace(
                b'"DEEP"', b"[" * 500 + b"]" * 500
            ),
            "nested too deeply",
        ),
    ],
)
def test_a_file_that_is_no_plan_is_refused(data, says):
    with pytest.raises(Stalled) as stalled:
        read_plan(data)
    assert says in stalled.value.message
    assert "reconciler plan" in stalled.value.hint


def test_a_file_that_is_too_large_is_not_parsed(monkeypatch):
    monkeypatch.setattr(exchange, "LARGEST", 10)
    with pytest.raises(Stalled, match="the limit is 10"):
        read_plan(b"not JSON at all")


def test_messages_about_a_hostile_document_are_short_and_plain():
    problems = check_plan(altered("fleet", "\x1b[2J" + "x" * 10_000)) + check_plan(altered("steps", ["\x1b"] * 1000))
    assert len(problems) <= 1 + exchange.MOST_ERRORS
    assert all(len(p) < 600 and p.isprintable() for p in problems)


def test_a_document_without_contradictions_is_what_from_document_takes():
    assert check_plan(plan_document(PLAN)) == []
    assert same(plan_from_document(json.loads(json.dumps(plan_document(PLAN)))), PLAN)
