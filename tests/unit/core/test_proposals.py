"""What a pull request brings on top of what is due, with what is known of hosts and without."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from reconciler.core.gate import Allowance, Limits
from reconciler.core.planning.plan_json import plan_bytes, read_plan
from reconciler.core.proposing.effect import differences, effect_of
from reconciler.core.proposing.problems import compared
from reconciler.loop import reconcile
from reconciler.model.approval import Approval
from reconciler.model.errors import Stalled
from reconciler.model.key import Key, Place
from reconciler.model.plan import Plan
from reconciler.model.problem import Problem
from tests.fakes.fleet import START, Fleet, fleet

HOSTS = {f"web-{number}": {"role": "web"} for number in range(1, 4)}
MOTD, CONF, OWN = Key("file", "/etc/motd"), Key("file", "/etc/app.conf"), Key("file", "/etc/name")


def service(**content: str) -> dict[str, Any]:
    """A service with a file each, named as its content is."""
    return {"resources": [{"file": f"/etc/{name}", "content": text} for name, text in content.items()]}


def app(conf: str = "one\n", motd: str = "hello\n") -> dict[str, Any]:
    resources = [
        {"file": "/etc/motd", "content": motd},
        {"file": "/etc/app.conf", "content": conf},
        {"file": "/etc/name", "content": "{{ host.name }}\n"},
    ]
    return {"resources": resources}


@pytest.fixture
def calm() -> Iterator[Fleet]:
    """Three hosts on which everything is as Git says."""
    with fleet({"hosts": HOSTS, "services": {"app": app()}}) as world:
        assert world.apply().status == "succeeded"
        world.plan()
        yield world


def told(plan: Plan) -> Mapping[str, Mapping[str, list[str]]]:
    """Action and resource, by host, of each service."""
    found: dict[str, dict[str, list[str]]] = {}
    for step in plan.steps:
        for program, hosts in step.programs.items():
            for host in hosts:
                changes = [f"{change.action} {change.key}" for change in plan.programs[program].changes]
                found.setdefault(step.service, {}).setdefault(host, []).extend(changes)
    return found


def everywhere(*changes: str) -> dict[str, list[str]]:
    return {host: list(changes) for host in HOSTS}


def test_only_what_it_brings_is_its_own(calm: Fleet) -> None:
    base = calm.commit({"services": {"app": app(motd="good morning\n")}})
    calm.machine("web-2").paths["/etc/name"]["content"] = b"by hand\n"
    calm.plan()
    calm.commit({"services": {"app": app(conf="two\n", motd="good morning\n")}})
    parts = calm.propose(base).parts
    assert told(parts.own) == {"app": everywhere("update file//etc/app.conf")}
    assert told(parts.pending) == {"app": everywhere("update file//etc/motd")}
    assert told(parts.drift) == {"app": {"web-2": ["update file//etc/name"]}}
    assert told(parts.dropped) == {}
    assert (parts.own.summary.update, parts.own.summary.hosts, parts.own.digest) == (3, 3, "")


def test_parts_that_are_alike_have_one_shape_whatever_they_were_taken_from(calm: Fleet) -> None:
    base = calm.source.revision().sha
    calm.machine("web-2").paths["/etc/name"]["content"] = b"by hand\n"
    calm.plan()
    calm.commit({"services": {"app": app(conf="two\n")}})
    own = calm.propose(base).parts.own
    assert len({program.shape for program in own.programs.values()}) == 1


def test_what_changes_what_is_pending_is_its_own(calm: Fleet) -> None:
    base = calm.commit({"services": {"app": app(conf="two\n")}})
    calm.commit({"services": {"app": app(conf="three\n")}})
    parts = calm.propose(base).parts
    assert told(parts.own) == {"app": everywhere("update file//etc/app.conf")}
    assert not parts.pending.steps


def test_what_would_not_be_due_any_more_is_told(calm: Fleet) -> None:
    base = calm.commit({"services": {"app": app(conf="two\n")}})
    calm.commit({"services": {"app": app()}})
    parts = calm.propose(base).parts
    assert not parts.own.steps
    assert told(parts.dropped) == {"app": everywhere("update file//etc/app.conf")}


def test_what_hosts_were_not_asked_for_yet_is_expected(calm: Fleet) -> None:
    """A new file is expected not to be there; one that leaves Git was asked for in other words, and is there."""
    base = calm.source.revision().sha
    resources = [{"file": "/etc/new", "content": "x"}, *app()["resources"][1:]]
    calm.commit({"services": {"app": {"resources": resources}}})
    proposal = calm.propose(base)
    assert told(proposal.parts.own) == {"app": everywhere("create file//etc/new", "delete file//etc/motd")}
    assert proposal.expected == {Key("file", "/etc/new")}
    asked = calm.plan().plan
    assert effect_of(asked).digest == proposal.effect


def test_what_is_found_otherwise_is_another_effect(calm: Fleet) -> None:
    base = calm.source.revision().sha
    calm.machine("web-3").paths["/etc/new"] = {**calm.machine("web-3").paths["/etc/motd"], "content": b"x"}
    resources = [{"file": "/etc/new", "content": "x"}, *app()["resources"]]
    calm.commit({"services": {"app": {"resources": resources}}})
    proposal, asked = calm.propose(base), calm.plan().plan
    assert effect_of(asked).digest != proposal.effect
    assert differences(proposal.plan, asked) == ["not any more: create file//etc/new of app on web-3"]


def test_a_plan_of_now_never_expects_anything(calm: Fleet) -> None:
    """What is expected must not get into plans that are run."""
    calm.commit({"services": {"app": {"resources": [{"file": "/etc/new", "content": "x"}, *app()["resources"]]}}})
    from reconciler.loop.observe import Freshness

    planned = calm.plan(freshness=Freshness(None))
    assert planned.assessment.expected == frozenset()
    assert not planned.plan.steps
    assert {item.message for item in planned.plan.blocked} == {"not observed yet"}


def test_without_a_store_it_is_the_difference_of_two_states(calm: Fleet) -> None:
    base = calm.commit({"services": {"app": app(motd="good morning\n")}})
    calm.machine("web-2").paths["/etc/name"]["content"] = b"by hand\n"
    resources = [
        {"file": "/etc/motd", "content": "good morning\n", "mode": "0600"},
        {"file": "/etc/name", "content": "{{ host.name }}\n"},
        {"file": "/etc/new", "content": "x"},
        {"service": "app", "state": "running", "restart_on": ["file//etc/new"]},
    ]
    calm.commit({"services": {"app": {"resources": resources}}})
    proposal = calm.propose(base, basis="none")
    assert proposal.effect == ""
    assert told(proposal.parts.own) == {
        "app": everywhere(
            "update file//etc/motd",
            "create file//etc/new",
            "create service/app",
            "delete file//etc/app.conf",
        )
    }
    change = next(c for p in proposal.plan.programs.values() for c in p.changes if c.key == MOTD)
    assert [(field.path, field.before, field.after) for field in change.fields] == [("mode", None, "0600")]
    assert (proposal.parts.pending.steps, proposal.parts.drift.steps) == ((), ())


def test_the_difference_compares_each_pair_once_however_many_hosts() -> None:
    from reconciler.core.proposing.difference import difference
    from reconciler.kinds.file import File

    hosts = {f"web-{number}": {"role": "web"} for number in range(60)}
    with fleet({"hosts": hosts, "services": {"app": app()}}) as world:
        base = world.source.revision().sha
        world.commit({"services": {"app": app(conf="two\n")}})
        asked: list[str] = []
        real = File.wanted
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(File, "wanted", lambda self, name, spec: (asked.append(name), real(self, name, spec))[1])
            proposal = world.propose(base, basis="none")
        assert proposal.parts.own.summary.update == 60
        assert asked == ["/etc/app.conf", "/etc/app.conf"]
        assert difference.__module__  # the name that the docs give


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ({"file": "/etc/x", "content": "x", "protect": True}, "protected"),
        ({"file": "/etc/x", "content": "x", "prune": "never"}, "released"),
    ],
)
def test_the_difference_keeps_what_is_not_to_be_deleted(entry: dict[str, Any], reason: str) -> None:
    with fleet({"hosts": HOSTS, "services": {"app": {"resources": [entry, *app()["resources"]]}}}) as world:
        base = world.source.revision().sha
        world.commit({"services": {"app": app()}})
        plan = world.propose(base, basis="none").plan
        assert not plan.steps
        assert [item.reason for item in plan.blocked] == [reason]


def test_secrets_and_what_is_sensitive_are_not_shown_in_a_difference() -> None:
    def secret(text: str) -> dict[str, Any]:
        return {"resources": [{"file": "/etc/token", "content": text, "sensitive": True}]}

    with fleet({"hosts": HOSTS, "services": {"app": secret("s3cret-one")}}) as world:
        base = world.source.revision().sha
        world.commit({"services": {"app": secret("s3cret-two")}})
        plan = world.propose(base, basis="none").plan
        [field] = [f for program in plan.programs.values() for change in program.changes for f in change.fields]
        assert (field.sensitive, field.before, field.after, field.diff) == (True, None, None, ())


def test_hosts_that_come_and_go_are_named(calm: Fleet) -> None:
    base = calm.source.revision().sha
    calm.commit({"hosts": {"web-3": None, "web-9": {"role": "web"}}})
    proposal = calm.propose(base)
    assert (proposal.joined, proposal.left) == (("web-9",), ("web-3",))
    assert not proposal.parts.own.steps
    known = calm.propose(base, basis="none").parts.own
    assert {host for step in known.steps for host in step.hosts} == {"web-9"}


def test_problems_are_those_that_it_brings_wherever_they_moved_to(calm: Fleet) -> None:
    bad = "apiVersion: reconciler/v1\nkind: Service\nmetadata: {name: bad}\nspec: {hosts: 1}\n"
    base = calm.source.commit({"services/bad.yaml": bad})
    calm.source.commit({"services/bad.yaml": "# moved\n" + bad, "services/new.yaml": bad.replace("bad", "new")})
    proposal = calm.propose(base)
    assert [problem.document for problem in proposal.introduced] == ["Service/new"]
    assert proposal.fixed == ()
    assert [problem.document for problem in calm.propose(calm.source.revision().sha, base).introduced] == []


def test_a_problem_that_stands_twice_is_mended_once() -> None:
    def at(line: int) -> Problem:
        return Problem(Place("a.yaml", line), "bad", "it is bad")

    assert compared([at(1), at(9)], [at(4)]) == ((), (at(9),))
    assert compared([], [at(4), at(5)]) == ((at(4), at(5)), ())


def test_what_the_gate_would_say_is_said_of_the_whole_plan(calm: Fleet) -> None:
    calm.limits = Limits(deletes=2, deletes_share=0)
    base = calm.source.revision().sha
    calm.commit({"services": {"app": {"resources": app()["resources"][1:]}}})
    proposal = calm.propose(base)
    assert [(refusal.limit, refusal.value, refusal.actual) for refusal in proposal.refusals] == [("deletes", 2, 3)]
    assert f"reconciler approve {proposal.effect[:8]}" in proposal.refusals[0].hint


def test_an_approval_of_the_effect_lets_the_plan_through_after_the_merge(calm: Fleet) -> None:
    calm.limits = Limits(deletes=2, deletes_share=0)
    base = calm.source.revision().sha
    calm.commit({"services": {"app": {"resources": app()["resources"][1:]}}})
    proposal = calm.propose(base)
    kept = read_plan(calm.store.plan(proposal.effect) or b"")
    assert kept.digest == effect_of(proposal.plan).digest == proposal.effect
    calm.store.approve(Approval(proposal.effect, "ada", "CHG-1", START, START.replace(day=30)))
    assert not calm.propose(base).refusals
    calm.clock.pass_by(5)
    planned = calm.plan()
    assert planned.plan.digest != proposal.effect
    assert not reconcile.refusals(calm.world, planned, Allowance())
    # One host more that loses something is another effect, and nobody approved that.
    calm.commit({"services": {"app": {"resources": app()["resources"][2:]}}})
    assert [refusal.limit for refusal in reconcile.refusals(calm.world, calm.plan(), Allowance())] == ["deletes"]


def test_an_effect_does_not_depend_on_commit_answers_or_time(calm: Fleet) -> None:
    calm.commit({"services": {"app": app(conf="two\n")}})
    first = calm.plan().plan
    calm.clock.pass_by(60)
    calm.machine("web-1").kernel["vm.swappiness"] = "1"
    calm.commit({"files": {"README": "a commit that asks for nothing else"}})
    second = calm.plan().plan
    assert first.digest != second.digest
    assert effect_of(first).digest == effect_of(second).digest
    assert differences(first, second) == []
    assert effect_of(effect_of(first)).digest == effect_of(first).digest


def test_an_effect_is_no_plan_that_could_be_run(calm: Fleet) -> None:
    calm.commit({"services": {"app": app(conf="two\n")}})
    effect = effect_of(calm.plan().plan)
    assert read_plan(plan_bytes(effect)).digest == effect.digest
    with pytest.raises(Stalled, match="is what a pull request would do, and no plan"):
        reconcile.saved(calm.world, effect, None)


def test_another_rollout_is_another_effect(calm: Fleet) -> None:
    calm.commit({"services": {"app": app(conf="two\n")}})
    first = calm.plan().plan
    calm.commit({"services": {"app": {**app(conf="two\n"), "rollout": {"canary": 1, "batches": ["100%"]}}}})
    second = calm.plan().plan
    assert effect_of(first).digest != effect_of(second).digest
    [said] = differences(first, second)
    assert said.startswith("the same changes on the same hosts, in another order")
