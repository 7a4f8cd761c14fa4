"""Documents and inventories, put together."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from reconciler.core.assessing.assess import assess
from reconciler.core.inventories.admit import Entry, admit
from reconciler.core.inventories.inventory import joined
from reconciler.core.linking.link import Linked, link
from reconciler.model.desired import Desired, Profile
from reconciler.model.inventory import Listing, place_of
from reconciler.model.key import Key
from reconciler.model.observation import Owned, Ownership
from reconciler.model.problem import Problem
from tests.sample import HOST, many, parsed, registry, service

AT = datetime(2026, 1, 1, tzinfo=UTC)


def listing(source: str, *names: str, whole: bool = True, problems: tuple[Problem, ...] = ()) -> Listing:
    hosts = admit((Entry(name, {"role": "web"}) for name in names), source, allow_local=False).hosts
    return Listing(source, hosts, AT, whole, problems=problems)


def linked(files: dict[str, str], *listings: Listing) -> Linked:
    return link(joined(parsed(files), listings), registry(), allow_local=False)


FILES = {"h.yaml": HOST, "s.yaml": service("a")}


def test_services_select_hosts_wherever_they_come_from() -> None:
    found = linked(FILES, listing("x", "h1"), listing("y", "h2"))
    assert found.services["a"].hosts == ("h1", "h2", "web-1")
    assert (found.problems, found.broken) == ((), frozenset())
    assert str(found.hosts["h2"].place) == "inventory:y"


def test_a_host_of_two_sources_is_used_from_neither_and_let_go_by_neither() -> None:
    found = linked(FILES, listing("x", "web-1", "h1", "h2"), listing("y", "h1"))
    assert found.services["a"].hosts == ("h2",)
    assert [problem.reason for problem in found.problems] == ["duplicate-name"] * 2
    assert found.broken == {"h.yaml", "inventory:x", "inventory:y"}


def test_many_hosts_of_two_sources_are_counted() -> None:
    names = [f"h{i:03}" for i in range(50)]
    problems = linked(FILES, listing("x", *names), listing("y", *names)).problems
    assert [p.reason for p in problems].count("duplicate-name") == 20
    assert [p.message for p in problems if p.reason == "too-many-problems"] == [
        "30 more hosts are named by two sources"
    ]


def test_what_may_be_missing_from_a_source_is_not_gone() -> None:
    problem = Problem(place_of("x"), "inventory-unreadable", "no")
    found = linked(FILES, listing("x", whole=False, problems=(problem,)))
    assert found.broken == {"inventory:x"}
    assert found.problems == (problem,)
    assert list(found.services) == ["a"]


def test_an_inventory_does_not_excuse_a_service_that_nobody_defines() -> None:
    files = {"h.yaml": HOST, "s.yaml": many(service("a", "requires: [gone]"))}
    assert [p.reason for p in linked(files, listing("x", whole=False)).problems] == ["unknown-service"]


def test_a_file_that_nobody_knows_the_content_of_stays_so() -> None:
    files = {"h.yaml": many(HOST, "a: ["), "s.yaml": service("a", "requires: [gone]")}
    found = linked(files, listing("x", "web-1"))
    assert [p.reason for p in found.problems] == ["yaml-syntax", "duplicate-name", "selects-nothing"]


@pytest.mark.parametrize(
    ("path", "inventories", "broken", "fate"),
    [
        ("h.yaml", set(), set(), "its Host document left Git"),
        ("inventory:x", {"inventory:x"}, set(), "it left the inventory x"),
        ("inventory:x", {"inventory:x"}, {"inventory:x"}, "inventory:x can't be relied on"),
        ("inventory:x", {"inventory:y"}, set(), "the inventory x that named it is not configured"),
    ],
)
def test_a_host_is_let_go_only_when_its_source_says_so(
    path: str, inventories: set[str], broken: set[str], fate: str
) -> None:
    here, nothing = linked({"h.yaml": HOST, "s.yaml": service("a")}).hosts, Profile((), "")
    desired = Desired(
        "r", here, {}, {}, layouts={"web-1": nothing}, inventories=frozenset(inventories), broken=frozenset(broken)
    )
    key = Key("file", "/x")
    owned = Owned(key, "a", True, "d", "f", "r", 1, AT, "s.yaml")
    found = assess(desired, {}, {"gone": Ownership("gone", path, {key: owned})}, registry())
    told = [r.reason for r in found.releases] + [b.message for b in found.blocked if b.hosts == ("gone",)]
    assert told == [fate]
    assert bool(found.releases) == (not broken and path in {"h.yaml", *inventories})
