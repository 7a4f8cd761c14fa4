"""Windows, freezes and pins among documents and in the gate: what they mean, and what becomes of mistakes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from reconciler.core.gate import Allowance
from reconciler.core.parsing.parse import parse_file
from reconciler.core.parsing.parsed_json import Kept, Pages, to_page
from reconciler.kinds import builtin
from reconciler.loop import reconcile
from reconciler.model.calendar import Reach
from reconciler.model.order import Order
from tests.fakes.fleet import START, Fleet, fleet
from tests.sample import HOST, linked, many, project, service

WINDOW = """\
apiVersion: reconciler/v1
kind: Window
metadata: {name: nights}
spec: {effect: allow, cron: "0 22 * * mon-fri", duration: 1h30m, timezone: Europe/Berlin, services: [edge]}
"""
FREEZE = """\
apiVersion: reconciler/v1
kind: Freeze
metadata: {name: xmas, project: web}
spec: {reason: holidays, until: "2026-12-27T08:00:00+01:00"}
"""


def test_what_is_written_is_what_is_meant():
    found = linked({"a.yaml": many(WINDOW, FREEZE, service("edge"), project("web")), "h.yaml": HOST})
    assert found.problems == ()
    (window,), (freeze,) = found.restraints.windows, found.restraints.freezes
    assert (window.effect, window.cron, window.duration) == ("allow", "0 22 * * mon-fri", timedelta(minutes=90))
    assert (window.zone, window.reach, window.origin) == ("Europe/Berlin", Reach(services=("edge",)), "a.yaml:3:12")
    assert (freeze.reason, freeze.reach) == ("holidays", Reach(within="web"))
    assert freeze.until == datetime(2026, 12, 27, 7, 0, tzinfo=UTC)


def test_they_are_kept_in_the_cache_of_documents_as_they_are():
    result = parse_file("a.yaml", many(WINDOW, FREEZE, project("web", "sync: auto")).encode(), builtin())
    (kept,) = Pages().wanted(to_page([Kept("b1", result)]), {"a.yaml": "b1"})
    for before, after in zip(result.documents, kept.result.documents, strict=True):
        fields = [name for name in before.__slots__ if name != "marks"]
        assert [getattr(after, name) for name in fields] == [getattr(before, name) for name in fields]
        assert after.marks["metadata", "name"] == before.marks["metadata", "name"]


@pytest.mark.parametrize("broken", [WINDOW.replace("1h30m", "0s"), WINDOW.replace("edge", "egde"), FREEZE])
def test_one_that_can_not_be_used_freezes_all_that_it_may_be_meant_for(broken):
    found = linked({"a.yaml": many(broken, service("edge")), "h.yaml": HOST})
    (freeze,) = found.restraints.freezes
    assert (freeze.reach, found.restraints.windows) == (Reach(), ())
    assert "can't be used" in freeze.reason
    assert found.services.keys() == {"edge"}


def test_a_mistake_in_a_projects_paths_freezes_that_project_only():
    bad = WINDOW.replace("1h30m", "0s")
    found = linked({"web/a.yaml": bad, "b.yaml": project("web", "paths: [web]"), "h.yaml": HOST})
    assert [freeze.reach for freeze in found.restraints.freezes] == [Reach(within="web")]


FILE = [{"file": "/etc/a", "content": "x\n"}]


@pytest.fixture
def world():
    other = [{"file": "/etc/b", "content": "x\n"}]
    services = {"edge": {"resources": FILE}, "other": {"resources": other}}
    with fleet({"hosts": {"web-1": {"role": "web"}}, "services": services}) as made:
        yield made


def refused(world: Fleet, allowance: Allowance | None = None) -> list[tuple[str, str]]:
    found = reconcile.refusals(world.world, world.plan(), allowance or Allowance())
    return [(refusal.limit, refusal.message) for refusal in found]


def order(world: Fleet, kind: Any, subject: str = "") -> None:
    world.store.give_order(Order(kind, "ada", "because", START, subject))


class TestGate:
    def test_a_pause_refuses_everything_and_an_override_lets_it_through(self, world):
        assert refused(world) == []
        order(world, "pause")
        ((limit, message),) = refused(world)
        assert (limit, "edge, other: paused by ada" in message, "because" in message) == ("pause", True, True)
        assert refused(world, Allowance(override="INC-7")) == []

    def test_an_override_lifts_no_other_limit(self, world):
        world.apply()
        many_files = [{"file": f"/etc/f{n}", "content": "x"} for n in range(12)]
        world.commit({"services": {"edge": {"resources": FILE + many_files}}})
        world.apply()
        world.commit({"services": {"edge": {"resources": FILE}}})
        order(world, "freeze", "service:edge")
        assert [limit for limit, _ in refused(world)] == ["freeze", "deletes"]
        assert [limit for limit, _ in refused(world, Allowance(override="INC-7"))] == ["deletes"]

    def test_a_freeze_names_what_it_holds_up_and_how_to_leave_it_out(self, world):
        order(world, "freeze", "service:edge")
        (refusal,) = reconcile.refusals(world.world, world.plan(), Allowance())
        assert refusal.message.startswith("edge: frozen by service:edge (ordered by ada): because")
        assert "--exclude service:edge" in refusal.hint

    def test_nothing_to_do_is_never_refused(self, world):
        world.apply()
        order(world, "pause")
        assert refused(world) == []


class TestPins:
    def pin(self, world: Fleet, sha: str, name: str = "edge") -> None:
        world.store.give_order(Order("pin", "ada", "why", START, name, START + timedelta(days=1), sha))

    def wanted(self, world: Fleet) -> dict[str, str]:
        desired = world.plan().read.desired
        return {r.key.name: r.spec.content for r in desired.profiles["web-1"].resources}

    def test_its_document_and_files_are_those_of_then(self, world):
        templated = [{"file": "/etc/a", "template": "files/a.j2"}]
        then = world.commit({"services": {"edge": {"resources": templated}}, "files": {"files/a.j2": "then"}})
        world.commit({"files": {"files/a.j2": "now"}})
        assert self.wanted(world)["/etc/a"] == "now"
        self.pin(world, then)
        assert self.wanted(world) == {"/etc/a": "then", "/etc/b": "x\n"}

    def test_one_that_moved_to_another_file_or_left_git_is_found(self, world):
        then = world.source.revision().sha
        text = world.source.files["services/edge.yaml"]
        world.source.commit({"services/edge.yaml": None, "moved.yaml": text.replace("x", "new")})
        self.pin(world, then)
        assert self.wanted(world)["/etc/a"] == "x\n"
        world.source.commit({"moved.yaml": None})
        assert self.wanted(world)["/etc/a"] == "x\n"

    def test_a_mistake_of_now_does_not_keep_it_from_being_used(self, world):
        then = world.source.revision().sha
        world.source.commit({"services/edge.yaml": world.source.files["services/edge.yaml"] + "nonsense: 1\n"})
        assert "edge" not in world.plan().read.desired.services
        self.pin(world, then)
        desired = world.plan().read.desired
        assert "edge" in desired.services
        assert [p.severity for p in desired.problems if p.document == "Service/edge"] == ["warning"]

    @pytest.mark.parametrize("name", ["edge", "nobody"])
    def test_one_that_can_not_be_followed_is_held_and_nothing_is_pruned(self, world, name):
        world.apply()
        self.pin(world, "feed" * 10, name)
        world.commit({"services": {"edge": {"resources": []}}})
        planned = world.plan()
        problems = [p for p in planned.read.desired.problems if p.reason == "bad-pin"]
        assert [p.document for p in problems] == [f"Service/{name}"]
        assert f"reconciler unpin {name}" in problems[0].hint
        assert planned.plan.summary.delete == (0 if name == "edge" else 1)
