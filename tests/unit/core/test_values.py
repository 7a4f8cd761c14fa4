"""Which values templates see, where each came from, and what varies from host to host."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.core.resolving.opaque import Sealer
from reconciler.core.resolving.values import Origin, alike, context, origins, varies
from reconciler.model.desired import Host
from reconciler.model.document import ProjectDocument, Selector, ServiceDocument
from reconciler.model.key import Place
from reconciler.model.rollout import Rollout

AT = Place("x.yaml")
NO_SECRETS = Sealer(lambda _: None)
PROJECT = ProjectDocument("shop", AT, "", ("ada",), None, None, None, None, {"a": 1, "b": 1, "c": 1}, {})


def service(**values: Any) -> ServiceDocument:
    return ServiceDocument("edge", AT, "shop", "", Selector(), (), values, (), "manual", "report", Rollout(), {})


def host(**values: Any) -> Host:
    return Host("web-1", AT, {"site": "lon"}, "192.0.2.1", vars=values)


def test_the_host_wins_over_the_service_over_the_project() -> None:
    seen = context(service(a=2, b=2), PROJECT, host(a=3), NO_SECRETS)
    assert dict(seen["vars"]) == {"a": 3, "b": 2, "c": 1}
    assert dict(seen["host"]) == {"name": "web-1", "address": "192.0.2.1", "labels": {"site": "lon"}}
    assert dict(seen["project"]) == {"name": "shop", "owners": ["ada"], "vars": {"a": 1, "b": 1, "c": 1}}


def test_a_mapping_wins_as_a_whole() -> None:
    assert context(service(a={"x": 1, "y": 1}), None, host(a={"x": 2}), NO_SECRETS)["vars"]["a"] == {"x": 2}


def test_origins_name_every_giver_of_a_var() -> None:
    assert origins(service(a=2, b=2), PROJECT, host(a=3)) == [
        Origin("a", 3, "host web-1", (("service edge", 2), ("project shop", 1))),
        Origin("b", 2, "service edge", (("project shop", 1),)),
        Origin("c", 1, "project shop"),
    ]


@pytest.mark.parametrize(
    ("use", "expected"),
    [
        (("host", "name"), True),
        (("host",), True),
        (("vars", "port"), True),
        (("vars", "port", "deep"), True),
        (("vars", "name"), False),
        (("vars",), True),
        (("project", "name"), False),
    ],
)
def test_what_varies(use: tuple[str, ...], expected: bool) -> None:
    assert varies(use, frozenset({"port"})) is expected


def test_all_vars_vary_only_if_some_host_sets_one() -> None:
    assert varies(("vars",), frozenset()) is False


@pytest.mark.parametrize(
    ("one", "other"),
    [(1, 1.0), (1, True), (0, False), ("1", 1), (None, ...), ([1], [1, 2]), ({"a": 1}, {"a": "1"})],
)
def test_values_that_render_differently_are_told_apart(one: Any, other: Any) -> None:
    hosts = [host() if value is ... else host(v=value) for value in (one, other)]
    assert alike([("vars", "v")], [*hosts, hosts[0]]) == [[hosts[0], hosts[0]], [hosts[1]]]


def test_hosts_are_told_apart_only_by_what_is_used() -> None:
    uses = [("host", "labels", "site"), ("vars", "a")]
    hosts = [host(a=1, b=2), Host("web-2", AT, {"site": "lon"}, "192.0.2.2", vars={"a": 1, "b": 3})]
    assert alike(uses, hosts) == alike([], hosts) == [hosts]
    assert alike([*uses, ("host", "name")], hosts) == [[each] for each in hosts]
