"""Policies: how expressions are bounded, what they see, how often they are asked, and what the gate makes of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from reconciler.core.explain.pr_outline import gate_words
from reconciler.core.expression import LONGEST, Failed, compiled
from reconciler.core.gate import Allowance, warned
from reconciler.core.gate.policies import judged
from reconciler.core.gate.policy_cases import read_cases, tried
from reconciler.core.proposing.effect import effect_of
from reconciler.loop import reconcile
from reconciler.model.approval import Approval
from tests.fakes.fleet import START, Fleet, fleet

HOSTS = {f"web-{n}": {"role": "web", "env": "prod" if n <= 3 else "test"} for n in range(1, 7)}


def policy(name: str, when: str, **more: Any) -> dict[str, str]:
    """A document of that name; `project` belongs to its metadata."""
    import yaml

    metadata = {"name": name} | ({"project": more.pop("project")} if "project" in more else {})
    spec = {"effect": "deny", "message": "not like this", "when": when, **more}
    document = {"apiVersion": "reconciler/v1", "kind": "Policy", "metadata": metadata, "spec": spec}
    return {f"policies/{name}.yaml": yaml.safe_dump(document)}


def app(*names: str, **more: Any) -> dict[str, Any]:
    return {"resources": [{"file": f"/etc/{name}", "content": "{{ host.name }}\n"} for name in names], **more}


@pytest.fixture
def world() -> Iterator[Fleet]:
    """Six hosts, three of them prod, with two files each; then one file leaves Git."""
    with fleet({"hosts": HOSTS, "services": {"app": app("one", "two"), "db": app("db")}}) as world:
        assert world.apply().status == "succeeded"
        world.commit({"services": {"app": app("one")}})
        yield world


def refused(world: Fleet) -> list[tuple[str, float, tuple[str, ...]]]:
    planned = world.plan()
    found = reconcile.refusals(world.world, planned, Allowance())
    return [(refusal.subject, refusal.actual, refusal.examples) for refusal in found]


DELETES = 'change.action == "delete"'


def test_a_deny_refuses_and_says_which_policy_what_and_where(world: Fleet) -> None:
    world.commit({"files": policy("no-deletes", DELETES, message="ask team-infra first")})
    planned = world.plan()
    [refusal] = reconcile.refusals(world.world, planned, Allowance())
    assert (refusal.limit, refusal.subject, refusal.actual) == ("policy", "no-deletes", 6)
    assert refusal.message == "policy no-deletes: ask team-infra first (policies/no-deletes.yaml:4:3)"
    assert refusal.examples == ("app: 6 × delete file//etc/two",)
    assert refusal.hint == f'approve exactly this plan: reconciler approve {planned.plan.digest[:8]} --reason "…"'


def test_a_warning_refuses_nothing(world: Fleet) -> None:
    world.commit({"files": policy("careful", DELETES, effect="warn")})
    planned = world.plan()
    assert reconcile.refusals(world.world, planned, Allowance()) == []
    assert [warning.subject for warning in warned(planned.plan, planned.read.desired)] == ["careful"]


@pytest.mark.parametrize(
    ("more", "hosts"),
    [
        ({}, 6),
        ({"hosts": {"matchLabels": {"env": "prod"}}}, 3),
        ({"hosts": {"matchExpressions": [{"key": "env", "operator": "NotIn", "values": ["prod", "test"]}]}}, 0),
        ({"services": ["db"]}, 0),
        ({"services": ["app"]}, 6),
    ],
)
def test_it_is_for_what_it_names(world: Fleet, more: dict[str, Any], hosts: int) -> None:
    world.commit({"files": policy("no-deletes", DELETES, **more)})
    assert refused(world) == ([("no-deletes", hosts, (f"app: {hosts} × delete file//etc/two",))] if hosts else [])


def test_a_projects_policy_is_for_its_own_services_only(world: Fleet) -> None:
    world.commit(
        {
            "projects": {"web": {"hosts": {"matchLabels": {"role": "web"}}}},
            "services": {"app": app("one", project="web"), "db": app(project="")},
            "files": policy("no-deletes", DELETES, project="web"),
        }
    )
    assert [subject for subject, _, _ in refused(world)] == ["no-deletes"]
    world.commit({"services": {"app": app("one", "two", project="web")}})
    assert refused(world) == []


@pytest.mark.parametrize(
    ("when", "holds"),
    [
        (DELETES, True),
        ("plan.delete > 5", True),
        ("plan.delete > 6", False),
        ("plan.hosts == plan.fleet", True),
        ('service.name == "app" && service.hosts == 6 && service.changing == 6', True),
        ('change.kind in ["package", "user"]', False),
        ('change.name.startsWith("/etc/")', True),
        ('change.cause == "drift"', False),
        ("false", False),
    ],
)
def test_what_an_expression_sees(world: Fleet, when: str, holds: bool) -> None:
    world.commit({"files": policy("rule", when)})
    assert bool(refused(world)) == holds


@pytest.mark.parametrize(
    ("when", "holds"),
    [
        ('change.fields.exists(f, f.path == "mode")', True),
        ('change.fields.exists(f, f.path == "owner")', False),
        ('change.fields.exists(f, f.path == "mode" && f.before == "0644" && f.after == "0666")', True),
        ('change.fields.exists(f, f.after.endsWith("7"))', False),
        ('change.fields.exists(f, f.cause == "pending")', True),
        ("change.fields.exists(f, f.sensitive)", False),
    ],
)
def test_it_sees_fields_and_their_values(when: str, holds: bool) -> None:
    def app_conf(mode: str) -> dict[str, Any]:
        return {"resources": [{"file": "/etc/one", "content": "x", "mode": mode}]}

    with fleet({"hosts": HOSTS, "services": {"app": app_conf("0644")}}) as world:
        world.apply()
        world.commit({"services": {"app": app_conf("0666")}, "files": policy("rule", when)})
        assert bool(refused(world)) == holds


def test_nothing_of_what_is_sensitive_is_seen() -> None:
    token = {"file": "/etc/token", "content": "s3cret", "sensitive": True}
    leaks = 'change.fields.exists(f, string(f.after).contains("2bb8"))'  # sha256 of it begins so
    with fleet({"hosts": HOSTS, "services": {"app": {"resources": [token]}}}) as world:
        world.commit({"files": {**policy("leaks", leaks), **policy("nulls", "change.fields.all(f, f.after == null)")}})
        planned = world.plan()
        found = {refusal.subject: refusal.message for refusal in reconcile.refusals(world.world, planned, Allowance())}
    assert "nulls" in found
    assert "2bb8" not in found.get("leaks", "").replace(leaks, "")


@pytest.mark.parametrize("hosts", [6, 60])
@pytest.mark.parametrize(
    ("when", "evaluations"),
    [(DELETES, 2), ("plan.delete > 5", 1), ('service.name == "app"', 1), ("change.name == service.name", 2)],
)
def test_it_is_asked_for_each_distinct_change_however_many_hosts(hosts: int, when: str, evaluations: int) -> None:
    """The content is each host's own, so that every host has a program of its own; they have one shape."""
    names = {f"web-{n}": {"role": "web"} for n in range(hosts)}
    with fleet({"hosts": names, "services": {"app": app("one", "two")}}) as world:
        world.commit({"files": policy("rule", when)})
        planned = world.plan()
        assert len(planned.plan.programs) == hosts
        assert judged(planned.plan, planned.read.desired).evaluations == evaluations


def test_an_expression_is_compiled_once(world: Fleet) -> None:
    compiled.cache_clear()
    world.commit({"files": policy("rule", DELETES)})
    for _ in range(3):
        refused(world)
    assert compiled.cache_info().misses == 1


def test_one_that_has_no_answer_denies_and_stops_no_other(world: Fleet) -> None:
    world.commit({"files": {**policy("bad", "change.nothing == 1"), **policy("good", DELETES)}})
    found = {refusal.subject: refusal for refusal in reconcile.refusals(world.world, world.plan(), Allowance())}
    assert set(found) == {"bad", "good"}
    assert found["bad"].message == (
        "policy bad has no answer: there is no field 'nothing' (for delete file//etc/two of app); so it denies this "
        "plan (policies/bad.yaml:4:3)"
    )


@pytest.mark.parametrize(
    ("when", "says"),
    [
        ("change.action ==", "the expression can't be read: <input>"),
        ("chnge.action == 'delete'", "Undefined variable"),
        ("1 + 1", "it gives int, not true or false"),
        ("true &&" * 200 + " true", "limit is 1,000"),
        ("[1].all(a, [1].all(b, [1].all(c, true)))", "more than 2 loops"),
        ("(" * 400 + "true" + ")" * 400, "can't be read"),
    ],
)
def test_one_that_can_not_be_used_is_told_and_denies_all_it_may_be_meant_for(
    world: Fleet, when: str, says: str
) -> None:
    world.commit({"files": policy("rule", when)})
    planned = world.plan()
    [problem] = [p for p in planned.read.desired.problems if p.document == "Policy/rule"]
    assert says in problem.message
    assert problem.place.path == "policies/rule.yaml"
    [refusal] = reconcile.refusals(world.world, planned, Allowance())
    assert refusal.subject == "rule"
    assert "it can't be used, so nobody knows what it says" in refusal.message


def test_one_that_names_nobodys_service_can_not_be_used(world: Fleet) -> None:
    world.commit({"files": policy("rule", "false", services=["apq"])})
    planned = world.plan()
    [problem] = planned.read.desired.problems
    assert problem.message == 'nobody defines the service "apq"'
    assert [refusal.subject for refusal in reconcile.refusals(world.world, planned, Allowance())] == ["rule"]


def test_an_approval_lifts_a_deny_unless_the_policy_says_that_nobody_can(world: Fleet) -> None:
    world.commit({"files": {**policy("soft", DELETES), **policy("hard", DELETES, approvable=False)}})
    planned = world.plan()
    world.store.keep_plan(planned.plan, START)
    world.store.approve(Approval(planned.plan.digest, "ada", "CHG-1", START, START + timedelta(days=1)))
    [left] = reconcile.refusals(world.world, planned, Allowance(deletes=100, again=True, override="now"))
    assert left.subject == "hard"
    assert left.hint == "nobody can approve this: change what hard names, or the policy"


def test_loops_are_counted_outside_of_strings_only() -> None:
    text = "'.all(' != '.all(.all(.all(' && [1].all(x, [2].exists(y, y > x)) && [3].all(z, z > 0)"
    assert compiled(text).holds({}) is True
    with pytest.raises(Failed, match="more than 2 loops"):
        compiled("[1] . all (a, [1].map(b, [1].filter(c, true)) != [])")


@pytest.mark.parametrize(
    "text",
    [
        "["
        + ",".join("1" * 1 for _ in range(200))
        + "].all(x, ["
        + ",".join("1" for _ in range(200))
        + "].all(y, true))",
        '"' + "a" * 400 + '".matches("^(a+)+$")',
        "!" * 990 + "true",
        "-" * 900 + "1 < 0",
        "a" + ".b" * 400,
        "[" * 300 + "]" * 300,
    ],
)
def test_hostile_expressions_end(text: str) -> None:
    assert len(text) <= LONGEST
    try:
        compiled(text).holds({"a": {}})
    except Failed as failed:
        assert str(failed)


def test_a_pull_request_that_takes_a_policy_out_of_its_way_is_told(world: Fleet) -> None:
    base = world.commit({"files": policy("no-deletes", DELETES), "services": {"app": app("one", "two")}})
    world.plan()
    world.commit({"files": {"policies/no-deletes.yaml": None}, "services": {"app": app("one")}})
    proposal = world.propose(base)
    assert proposal.loosened == ("no-deletes",)
    assert [denial.subject for denial in proposal.overruled] == ["no-deletes"]
    assert proposal.refusals == ()
    assert gate_words(proposal) == "limits ok · changes 1 policy that would deny it"


def test_a_host_more_is_no_other_policy(world: Fleet) -> None:
    selector = {"hosts": {"matchLabels": {"env": "prod"}}}
    base = world.commit({"files": policy("no-deletes", DELETES, **selector)})
    world.commit({"hosts": {"web-9": {"role": "web", "env": "prod"}}})
    assert world.propose(base).loosened == ()


def test_policies_are_asked_about_the_effect_too(world: Fleet) -> None:
    """What an effect leaves out makes no difference to policies."""
    world.commit({"files": policy("rule", DELETES)})
    planned = world.plan()
    effect = effect_of(planned.plan)
    desired = planned.read.desired
    assert [f.changes for f in judged(effect, desired).findings] == [
        f.changes for f in judged(planned.plan, desired).findings
    ]


CASES = """\
cases:
  - name: a delete in prod is denied
    policy: no-deletes
    change: {action: delete}
    labels: {env: prod}
    expect: deny
  - name: nothing is said about test hosts
    policy: no-deletes
    change: {action: delete}
    labels: {env: test}
    expect: pass
  - name: an update is fine
    policy: no-deletes
    labels: {env: prod}
    expect: deny
  - name: a typo
    policy: no-delete
    expect: pass
  - name: no answer
    policy: bad
    expect: error
"""


def test_cases(world: Fleet) -> None:
    selector = {"hosts": {"matchLabels": {"env": "prod"}}}
    world.commit({"files": {**policy("no-deletes", DELETES, **selector), **policy("bad", "change.nothing == 1")}})
    documents = world.plan().read.documents
    cases, problems = read_cases("cases.yaml", CASES.encode())
    assert problems == ()
    assert [(each.answer, each.why) for each in tried(cases, documents.policies)] == [
        ("deny", ""),
        ("pass", ""),
        ("pass", "expected deny, and it says pass"),
        (None, 'there is no usable policy "no-delete"; did you mean "no-deletes"?'),
        ("error", ""),
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("cases: [{name: x, polcy: y, expect: deny}]", 'unknown field "polcy"'),
        ("cases: [{name: x, policy: y, expect: maybe}]", "maybe"),
        ("cases: {", ""),
        ("", "a file of cases is one document"),
        ("cases: []\n---\ncases: []\n", "a file of cases is one document"),
    ],
)
def test_what_is_wrong_with_a_file_of_cases_is_told_with_its_place(text: str, says: str) -> None:
    cases, problems = read_cases("cases.yaml", text.encode())
    assert cases == ()
    assert any(says in problem.message for problem in problems)
    assert all(problem.place.path == "cases.yaml" for problem in problems)
