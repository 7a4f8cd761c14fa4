"""Who is held because of whom, and what stays usable."""

from __future__ import annotations

from tests.sample import HOST, host, linked, many, project, service

DB = service("db", "owner: 1")
"""Broken by its owner."""


def held(files: dict[str, str], **options: bool) -> dict[str, str]:
    return {h.service: h.reason for h in linked(files, **options).held}


def test_everything_is_fine() -> None:
    files = {
        "b.yaml": service("b", "requires: [a]", project="p"),
        "a.yaml": service("a"),
        "h.yaml": many(host("h2"), HOST, host("other", "role: db")),
        "p.yaml": project("p", "paths: [b.yaml], hosts: {matchLabels: {role: web}}, kinds: [file]"),
    }
    found = linked(files)
    assert (found.problems, found.held, found.broken) == ((), (), frozenset())
    assert list(found.services) == ["a", "b"]
    assert found.services["b"].hosts == ("h2", "web-1")
    assert list(found.hosts) == ["h2", "other", "web-1"]


def test_a_service_that_requires_a_broken_one_is_held_with_the_root_cause() -> None:
    files = {
        "db.yaml": DB,
        "s.yaml": many(service("api", "requires: [db]"), service("ui", "requires: [api]")),
        "h.yaml": HOST,
    }
    found = linked(files)
    assert [p.reason for p in found.problems] == ["wrong-type"]
    assert held(files) == {
        "db": "spec.owner must be text, not 1",
        "api": 'requires "db": spec.owner must be text, not 1',
        "ui": 'requires "api", which requires "db": spec.owner must be text, not 1',
    }
    assert {h.service: h.hosts for h in found.held} == {"db": (), "api": ("web-1",), "ui": ("web-1",)}
    assert {str(h.place) for h in found.held} == {"db.yaml:6:10"}
    assert found.broken == {"db.yaml"}
    assert found.services == {}


def test_a_chain_of_causes_stays_short() -> None:
    chain = many(*(service(f"s{i}", f"requires: [s{i + 1}]") for i in range(6)))
    files = {"s.yaml": chain, "z.yaml": service("s6", "owner: 1"), "h.yaml": HOST}
    assert held(files)["s0"].startswith(
        'requires "s1", which requires "s2", which requires "s3" and so on to "s6": spec.owner'
    )


def test_services_in_a_circle_are_quarantined_and_what_requires_them_held() -> None:
    files = {
        "a.yaml": service("a", "requires: [b]"),
        "b.yaml": many(service("b", "requires: [c]"), service("free")),
        "c.yaml": service("c", "requires: [a, b]"),
        "d.yaml": service("d", "requires: [a]"),
        "h.yaml": HOST,
    }
    found = linked(files)
    assert [(p.reason, p.place.path) for p in found.problems] == [("requires-cycle", "a.yaml")]
    assert found.problems[0].message.endswith("a → b → c → a")
    assert [h.service for h in found.held] == ["a", "b", "c", "d"]
    assert list(found.services) == ["free"]
    assert found.broken == {"a.yaml", "b.yaml", "c.yaml"}


def test_a_long_circle_is_named_shortly_and_two_circles_apart() -> None:
    ring = [service(f"s{i:02}", f"requires: [s{(i + 1) % 40:02}]") for i in range(40)]
    found = linked({"s.yaml": many(*ring, service("x", "requires: [x]")), "h.yaml": HOST})
    first, second = found.problems
    assert "s05 → … 31 more … → s37" in first.message
    assert second.message.endswith("x → x")


def test_what_may_be_in_a_file_that_cant_be_read_is_no_mistake() -> None:
    files = {
        "a.yaml": many(service("a", "requires: [gone]"), service("b", project="lost")),
        "z.yaml": "a: [",
        "h.yaml": HOST,
    }
    found = linked(files)
    assert [p.reason for p in found.problems] == ["yaml-syntax"]
    assert held(files) == {
        "a": 'service "gone" is not known; it may be in z.yaml, which can\'t be read',
        "b": 'project "lost" is not known; it may be in z.yaml, which can\'t be read',
    }


def test_a_misspelt_name_is_a_mistake_even_then() -> None:
    found = linked(
        {"a.yaml": many(service("a", "requires: [bsae]"), service("base")), "z.yaml": "a: [", "h.yaml": HOST}
    )
    assert [p.reason for p in found.problems] == ["unknown-service", "yaml-syntax"]


def test_a_broken_project_holds_its_services() -> None:
    files = {"a.yaml": service("a", project="p"), "p.yaml": project("p", "owners: 1"), "h.yaml": HOST}
    assert held(files) == {"a": 'its project "p" can\'t be used: spec.owners must be a list, not 1'}
    assert [p.reason for p in linked(files).problems] == ["wrong-type"]


def test_duplicates_hold_what_requires_them() -> None:
    files = {"a.yaml": service("a"), "b.yaml": service("a"), "c.yaml": service("c", "requires: [a]"), "h.yaml": HOST}
    assert held(files)["c"] == 'requires "a": service "a" is defined twice; first at a.yaml:3:12'


def test_a_local_host_needs_the_operators_word() -> None:
    files = {"h.yaml": many(HOST, host("me", spec="connection: local")), "s.yaml": service("a")}
    refused, allowed = linked(files), linked(files, allow_local=True)
    assert (list(refused.hosts), refused.services["a"].hosts, refused.broken) == (["web-1"], ("web-1",), {"h.yaml"})
    assert (list(allowed.hosts), allowed.problems) == (["me", "web-1"], ())


def test_a_selector_that_matches_nothing_is_only_a_warning() -> None:
    found = linked({"s.yaml": service("a")})
    assert [p.severity for p in found.problems] == ["warning"]
    assert (found.services["a"].hosts, found.broken, found.held) == ((), frozenset(), ())


def test_a_path_of_a_project_is_a_folder_or_a_file_and_not_the_beginning_of_a_name() -> None:
    def reasons(path: str) -> list[str]:
        files = {path: service("a", project="p"), "p.yaml": project("p", "paths: [teams/web]"), "h.yaml": HOST}
        return [p.reason for p in linked(files).problems]

    assert reasons("teams/web/a.yaml") == reasons("teams/web/deep/a.yaml") == []
    assert reasons("teams/web2/a.yaml") == reasons("teams/web.yaml") == reasons("a.yaml") == ["outside-project"]


def test_everything_outside_of_a_project_is_reported_at_once() -> None:
    files = {
        "s.yaml": service("a", "resources: [{package: x}, {file: /x}, {user: u}]", project="p"),
        "p.yaml": project("p", "paths: [p], kinds: [file], hosts: {matchLabels: {role: db}}"),
        "h.yaml": many(*(host(f"h{i}") for i in range(5))),
    }
    found = linked(files)
    assert [p.reason for p in found.problems] == ["outside-project"] * 4
    assert any("h0, h1, h2 and 2 more" in p.message for p in found.problems)
    assert held(files)["a"].startswith('service "a" is outside the paths')
