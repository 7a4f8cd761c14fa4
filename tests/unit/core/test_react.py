"""Whether a service that is due to start still needs to reload for its files."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reconciler.core.assessing.due import Due, Group, Reaction
from reconciler.core.assessing.react import reactions
from reconciler.kinds import builtin
from reconciler.model.desired import Profile, Resource
from reconciler.model.key import Key, Place
from reconciler.model.plan import Action, Change, FieldChange

REGISTRY = builtin()
FILE, UNIT = Key("file", "/etc/nginx/app.conf"), Key("unit", "nginx.service")
SPECS: dict[Key, dict[str, Any]] = {
    FILE: {"content": "x"},
    UNIT: {"content": "x"},
    Key("package", "nginx"): {},
    Key("package", "curl"): {},
    Key("service", "nginx"): {"state": "running", "reload_on": [str(FILE)]},
}


def resource(key: Key) -> Resource:
    spec = REGISTRY[key.kind].Spec.model_validate(SPECS[key])
    reload_on = tuple(Key.parse(ref) for ref in SPECS[key].get("reload_on", ()))
    return Resource(key, spec, "web", Place("x.yaml"), digest=str(key), reload_on=reload_on)


def due(key: Key, action: Action, *fields: str) -> Due:
    changes = tuple(FieldChange(name, None, "new", "pending") for name in fields)
    kind, spec = REGISTRY[key.kind], resource(key).spec
    change = Change(key, action, "pending", changes)
    return Due(change, "web", 0, provides=kind.provides(key.name, spec), after=kind.after(key.name, spec))


@pytest.mark.parametrize(
    ("others", "reloads"),
    [
        pytest.param([], [], id="what is being started reads its files"),
        pytest.param([due(UNIT, "create", "content")], [], id="a unit file starts nothing"),
        pytest.param([due(Key("package", "curl"), "create", "state")], [], id="another package"),
        pytest.param([due(Key("package", "nginx"), "create", "state")], ["reload"], id="its package may start it"),
    ],
)
def test_a_service_that_is_being_started_reloads_only_if_it_may_run_already(
    others: list[Due], reloads: list[str]
) -> None:
    keys = [FILE, Key("service", "nginx")]
    group = Group(Profile(tuple(resource(key) for key in keys), "d"), {}, {}, frozenset())
    dues = [*others, due(FILE, "create", "content"), due(Key("service", "nginx"), "create", "state")]
    assert [found.change.action for found in reactions(group, dues, set(), REGISTRY)] == reloads


def test_the_same_reaction_is_one_on_hosts_that_are_unlike() -> None:
    service = resource(Key("service", "nginx"))
    made: dict[Reaction, Due] = {}
    alone, beside = (
        Group(Profile((resource(FILE), service, *more), "d"), {}, {}, frozenset())
        for more in ([], [resource(Key("package", "curl"))])
    )
    dues = [due(FILE, "update", "content")]
    (first,) = reactions(alone, dues, set(), REGISTRY, made)
    (second,) = reactions(beside, [*dues, due(Key("package", "curl"), "create", "state")], set(), REGISTRY, made)
    assert first is second
    drifts = replace(dues[0], change=replace(dues[0].change, cause="drift"))
    (third,) = reactions(alone, [drifts], set(), REGISTRY, made)
    assert (first.change.cause, third.change.cause) == ("pending", "drift")
