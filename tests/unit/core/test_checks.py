"""Health checks filled in for hosts, what hosts are asked for them, and checks that can't be."""

from __future__ import annotations

import pytest

from reconciler.core.resolving.checks import answer, filled, query
from reconciler.core.resolving.render import RenderError, Scope
from reconciler.model.rollout import Check, CommandCheck, HttpCheck, PrometheusCheck, TcpCheck, UnitCheck
from tests.fakes.fleet import fleet

VALUES = {
    "host": Scope("host", {"name": "web-1", "address": "192.0.2.1", "labels": {}}),
    "vars": Scope("vars", {"port": 8080, "unit": "nginx", "bad": "-x"}),
    "project": Scope("project", {}),
}


@pytest.mark.parametrize(
    ("check", "expected"),
    [
        (HttpCheck("http://{{ host.address }}:{{ vars.port }}/", 204), HttpCheck("http://192.0.2.1:8080/", 204)),
        (TcpCheck("{{ vars.port }}"), TcpCheck("8080", "192.0.2.1")),
        (UnitCheck("{{ vars.unit }}"), UnitCheck("nginx")),
        (CommandCheck(("probe", "--port={{ vars.port }}", "{{ host.name }}"), 3),
         CommandCheck(("probe", "--port=8080", "web-1"), 3)),
        (PrometheusCheck('up{h="{{ host.name }}"}', at_most=1), PrometheusCheck('up{h="web-1"}', at_most=1)),
    ],
)  # fmt: skip
def test_templates_are_filled_in(check: Check, expected: Check) -> None:
    assert filled(check, VALUES) == expected


@pytest.mark.parametrize(
    ("check", "message"),
    [
        (HttpCheck("http://{{ vars.nothing }}/"), "vars.nothing is not defined"),
        (HttpCheck("{{ host.name }}"), "'web-1' is not a URL"),
        (HttpCheck("{{ vars.port"), "unexpected"),
        (TcpCheck("{{ host.name }}"), "'web-1' is not a port"),
        (TcpCheck("99999"), "'99999' is not a port"),
        (TcpCheck("80", ""), "there is no host"),
        (UnitCheck("{{ vars.bad }}"), "'-x' is not the name of a unit"),
        (CommandCheck(("", "x")), "the command has no name"),
        (CommandCheck(("x", "a\0b")), "the command has no name"),
        (PrometheusCheck("up", "{{ host.name }}"), "'web-1' is not a URL"),
    ],
)
def test_what_makes_no_sense(check: Check, message: str) -> None:
    with pytest.raises(RenderError) as error:
        filled(check, VALUES)
    assert message in error.value.message


def test_what_a_host_is_asked_and_says() -> None:
    unit, command = UnitCheck("nginx"), CommandCheck(("true",), 3)
    assert query(unit) == {"probe": "systemd", "unit": "nginx.service", "want": ["state"]}
    assert query(command) == {
        "probe": "command", "unless": ["true"], "user": None, "chdir": None, "seconds": 3, "called": "true",
    }  # fmt: skip
    assert answer(unit, {"load": "loaded", "state": "running"}) == ""
    assert answer(unit, {"load": "loaded", "state": "failed"}) == "nginx is failed"
    assert answer(unit, {"load": "not-found"}) == "nginx is not-found"
    assert answer(unit, {}) == "nginx is not there"
    assert answer(command, {"done": True}) == ""
    assert answer(command, {"done": False}) == "true did not end with 0"
    assert answer(command, {"error": "true: took more than 3 seconds"}) == "true: took more than 3 seconds"


def test_a_check_that_can_not_be_filled_in_holds_the_service_where_it_is_so() -> None:
    check = {"http": {"url": "http://{{ host.address }}:{{ vars.port }}/"}}
    service = {"resources": [{"file": "/etc/a", "content": "x"}], "rollout": {"health": [check]}}
    there = {"labels": {"role": "web"}, "spec": {"vars": {"port": 80}}}
    with fleet({"hosts": {"web-1": there, "web-2": {"role": "web"}}, "services": {"edge": service}}) as world:
        planned = world.plan()
        assert [step.hosts for step in planned.plan.steps] == [("web-1",)]
        [problem] = planned.read.desired.problems
        assert (problem.reason, problem.place.path) == ("template-error", "services/edge.yaml")
        assert problem.message == "vars.port is not defined (on web-2)"


def test_a_project_without_commands_has_no_health_checks_that_run_one() -> None:
    service = {
        "project": "shop",
        "resources": [{"file": "/etc/a", "content": "x"}],
        "rollout": {"health": [{"command": {"argv": ["true"]}}]},
    }
    for kinds, problems in ((["file"], ["outside-project"]), (["file", "command"], [])):
        state = {"hosts": {"a": {"role": "web"}}, "services": {"edge": service}, "projects": {"shop": {"kinds": kinds}}}
        with fleet(state) as world:
            assert [problem.reason for problem in world.plan().read.desired.problems] == problems
