"""The size of the work is the number of different things: counted, not timed, on fleets that differ only in size."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.core.ask import Questions, payloads
from reconciler.core.batch import Caution
from reconciler.core.link import link
from reconciler.core.parse import parse
from reconciler.core.resolve import resolve
from reconciler.kinds import builtin
from reconciler.model.desired import Desired
from tests.fakes.fleet import fleet, written


def desired(hosts: dict[str, Any], *resources: dict[str, Any], **values: Any) -> Desired:
    state = {"hosts": hosts, "services": {"edge": {"vars": {"a": 1, "b": 1}, "resources": list(resources), **values}}}
    blobs = [(path, (text or "").encode()) for path, text in written(state).items()]
    kinds = builtin()
    found = resolve("r", link(parse(blobs, kinds), kinds, allow_local=True), lambda _: None, kinds)
    assert found.problems == ()
    return found


def web(count: int, **values: Any) -> dict[str, Any]:
    """Hosts in two sites, with the same vars."""
    return {
        f"web-{n}": {"labels": {"role": "web", "site": ("lon", "fra")[n % 2]}, "spec": {"vars": values}}
        for n in range(count)
    }


FIXED = {"file": "/etc/fixed", "content": "{{ vars.a }}"}
BY_SITE = {"file": "/etc/site", "content": "{{ host.labels.site }}"}
BY_HOST = {"file": "/etc/host", "content": "{{ host.name }}"}


@pytest.mark.parametrize(
    ("resources", "values", "renders", "profiles"),
    [
        ([FIXED], {}, 1, 1),
        ([FIXED, BY_SITE], {}, 3, 2),
        ([FIXED, BY_SITE, BY_HOST], {}, 1 + 2 + 40, 40),
        ([FIXED], {"a": 2}, 1, 1),
        ([FIXED], {"b": 2}, 1, 1),
        ([{"package": "nginx"}, {"package": "git"}], {}, 2, 1),
    ],
)
def test_an_entry_is_rendered_once_for_each_distinct_set_of_values(
    resources: list[dict[str, Any]], values: dict[str, Any], renders: int, profiles: int
) -> None:
    found = desired(web(40, **values), *resources)
    assert found.renders == renders
    assert len({id(profile) for profile in found.profiles.values()}) == profiles


def test_only_hosts_with_a_value_of_their_own_are_rendered_apart() -> None:
    hosts = web(40) | {"web-7": {"labels": {"role": "web", "site": "lon"}, "spec": {"vars": {"a": 7}}}}
    found = desired(hosts, FIXED)
    assert found.renders == 2
    assert found.profiles["web-7"] is not found.profiles["web-8"] is found.profiles["web-9"]


def test_hosts_with_the_same_questions_share_one_payload() -> None:
    found = desired(web(40), FIXED, BY_SITE)
    asked = payloads(found, {}, Questions(builtin()))
    assert len({id(payload) for payload in asked.values()}) == len({id(p) for p in found.profiles.values()}) == 2


@pytest.mark.parametrize("hosts", [2, 40])
def test_each_distinct_pair_is_compared_once(hosts: int) -> None:
    state = {"hosts": web(hosts), "services": {"edge": {"vars": {"a": 1}, "resources": [FIXED, BY_SITE]}}}
    with fleet(state) as world:
        first = world.plan()
        assert first.assessment.comparisons == 3, "fixed, and site twice; nobody has either"
        assert len(first.assessment.verdicts) == 2
        world.apply(first)
        settled = world.plan()
        assert settled.assessment.comparisons == 0, "settled by digest"
        for host in ("web-0", "web-1"):
            world.machine(host).paths["/etc/fixed"]["content"] = b"by hand"
        assert world.plan().assessment.comparisons == 1


@pytest.mark.parametrize("hosts", [4, 40])
def test_a_plan_is_the_size_of_what_differs(hosts: int) -> None:
    state = {"hosts": web(hosts), "services": {"edge": {"vars": {"a": 1}, "resources": [FIXED, BY_SITE]}}}
    with fleet(state) as world:
        world.caution = Caution(rollout_hosts=40)  # all at once
        planned = world.plan()
        assert (len(planned.plan.programs), len(planned.plan.steps)) == (2, 1)
        assert len({program.shape for program in planned.plan.programs.values()}) == 1
        world.carrier.sent.clear()
        run = world.apply(planned)
        assert len({id(delivery.payload) for delivery in world.carrier.sent}) == 2
        assert len(run.outcomes) == 3 + 1, "one row for each distinct program and resource"
        assert len(planned.plan.programs) == 2


def test_after_an_apply_equal_hosts_still_are_alike() -> None:
    state = {"hosts": web(40), "services": {"edge": {"vars": {"a": 1}, "resources": [FIXED]}}}
    with fleet(state) as world:
        world.apply()
        assert len(world.plan().assessment.verdicts) == 1
