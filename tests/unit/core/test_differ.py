"""What differs from Git, counted by service: resources on hosts, also of hosts that nothing is known of."""

from __future__ import annotations

from datetime import timedelta

from reconciler.core.assessing.differ import Differing, differing
from tests.fakes.daemon import HOSTS, files
from tests.fakes.fleet import Fleet, fleet


def found(world: Fleet) -> dict[str, Differing]:
    made = world.plan()
    return dict(differing(made.plan, made.read.desired, made.assessment))


def counts(world: Fleet) -> dict[str, tuple[int, int, int]]:
    return {name: (d.pending, d.drift, d.unknown) for name, d in found(world).items()}


def state(**more: object) -> dict[str, object]:
    services = {"edge": {"resources": files("a", "b"), **more}, "base": {"resources": files("c")}}
    return {"hosts": HOSTS, "services": services}


def test_changes_are_counted_on_hosts_and_unknown_resources_too():
    with fleet(state()) as world:
        world.carrier.unreachable["web-3"] = "ssh: timed out"
        assert counts(world) == {"edge": (4, 0, 2), "base": (2, 0, 1)}
        world.apply()
        assert counts(world) == {"edge": (0, 0, 2), "base": (0, 0, 1)}
        world.carrier.unreachable.clear()
        world.clock.time += timedelta(hours=1)
        world.machine("web-1").paths["/etc/a"]["content"] = b"by hand\n"
        assert counts(world) == {"edge": (2, 1, 0), "base": (1, 0, 0)}


def test_who_wants_to_know_nothing_of_drift_is_told_nothing():
    with fleet(state(heal="off")) as world:
        world.apply()
        world.machine("web-1").paths["/etc/a"]["content"] = b"by hand\n"
        drift = found(world)["edge"]
        assert (drift.drift, drift.permitted) == (0, frozenset())
        assert drift.due


def test_what_is_due_has_a_digest_that_follows_it():
    with fleet(state()) as world:
        first, again = found(world)["edge"].due, found(world)["edge"].due
        world.carrier.unreachable["web-3"] = "ssh: timed out"
        assert first == again != found(world)["edge"].due
