"""The size of the work is the number of different things: counted, not timed, on fleets that differ only in size."""

from __future__ import annotations

import gc
from typing import Any

import pytest

from reconciler.core.linking.link import link
from reconciler.core.observing.ask import Questions, payloads
from reconciler.core.parsing.parse import parse
from reconciler.core.planning.batch import Caution
from reconciler.core.planning.plan_json import plan_bytes
from reconciler.core.resolving.render import compile_template
from reconciler.core.resolving.resolve import resolve
from reconciler.kinds import builtin
from reconciler.loop.observe import Freshness
from reconciler.loop.world import Memory
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


def test_one_host_stands_in_for_all_that_are_alike_but_for_their_own_content() -> None:
    edge = {"vars": {"a": 1}, "resources": [FIXED, BY_HOST]}
    with fleet({"hosts": web(40), "services": {"edge": edge}}) as world:
        world.apply()
        assert world.plan().plan.summary.changes == 0
        world.commit({"hosts": web(40), "services": {"edge": {**edge, "vars": {"a": 2}}}})
        planned = world.plan(freshness=Freshness(None))
        assert planned.plan.summary.update == 40
        assert (len(planned.observations), planned.assessment.comparisons) == (1, 1)
        assert planned.read.desired.renders == 1 + 40, "of the service that changed"
        world.memory = Memory()
        again = world.plan(freshness=Freshness(None))
        assert plan_bytes(again.plan) == plan_bytes(planned.plan), "as if each host had been looked at"


def test_a_change_of_one_service_renders_nothing_of_others() -> None:
    services = {"edge": {"vars": {"a": 1}, "resources": [FIXED]}, "other": {"resources": [BY_HOST]}}
    with fleet({"hosts": web(40), "services": services}) as world:
        assert world.plan().read.desired.renders == 1 + 40
        world.commit({"hosts": web(40), "services": {**services, "edge": {"vars": {"a": 2}, "resources": [FIXED]}}})
        assert world.plan().read.desired.renders == 1
        assert world.plan().read.desired.renders == 0


def test_what_was_judged_is_not_judged_again() -> None:
    state = {"hosts": web(40), "services": {"edge": {"vars": {"a": 1}, "resources": [FIXED, BY_SITE, BY_HOST]}}}
    with fleet(state) as world:
        first = world.plan()
        assert first.assessment.comparisons == 1 + 2 + 40
        again = world.plan(freshness=Freshness(None))
        assert (again.assessment.comparisons, again.plan) == (0, first.plan)
        rows = world.store.rows
        world.plan(freshness=Freshness(None))
        assert world.store.rows == rows


def test_memory_does_not_grow_with_plans() -> None:
    """Counted in objects that the collector knows, after as many commits as make everything come once."""
    with fleet() as world:
        counts = []
        for cycle in range(12):
            edge = {"vars": {"a": cycle}, "resources": [FIXED, BY_HOST]}
            world.source.forget()
            world.commit({"hosts": web(40), "services": {"edge": edge}})
            world.plan()
            for everything in (world.carrier.sent, world.ears.heard):
                everything.clear()
            compile_template.cache_clear()
            gc.collect()
            counts.append(len(gc.get_objects()))
        assert counts[-1] - counts[3] < 40, counts
