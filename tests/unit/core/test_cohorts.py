"""Cohorts tell hosts apart where a selector or a template does, and nowhere else; and what comes of it is the same."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.linking.link import LinkedService, link
from reconciler.core.linking.select import LabelIndex
from reconciler.core.parsing.parse import parse
from reconciler.core.resolving.cohorts import Cohorts, Marked, cohorts, together, traits_of
from reconciler.core.resolving.column import Files
from reconciler.core.resolving.render import Use
from reconciler.core.resolving.resolve import Resolved, resolve_again
from reconciler.core.resolving.values import alike
from reconciler.kinds import builtin
from reconciler.model.desired import Desired, Host
from reconciler.model.digest import digest, digest_with
from reconciler.model.document import Documents, Expression, Selector, ServiceDocument
from reconciler.model.key import OUTSIDE, Place
from reconciler.model.rollout import Rollout
from tests.fakes.fleet import written

AT = Place("x.yaml")
LABELS = st.dictionaries(st.sampled_from("abc"), st.sampled_from(["", "1", "2", "3"]))
VARS = st.dictionaries(st.sampled_from("vw"), st.sampled_from([1, 1.0, True, "1", None]))
HOSTS = st.lists(st.tuples(LABELS, VARS), max_size=12)
EXPRESSIONS = st.builds(
    Expression,
    st.sampled_from("abc"),
    st.sampled_from(["In", "NotIn", "Exists", "DoesNotExist"]),
    st.lists(st.sampled_from(["", "1", "2"]), max_size=2).map(tuple),
)
SELECTORS = st.builds(
    Selector, st.dictionaries(st.sampled_from("abc"), st.sampled_from("12")), st.lists(EXPRESSIONS, max_size=2)
)
USES: st.SearchStrategy[list[Use]] = st.lists(
    st.sampled_from([("host", "labels", "a"), ("host", "labels"), ("vars", "v"), ("vars",), ("host", "name")]),
    max_size=2,
    unique=True,
)


def marked(hosts: list[tuple[dict[str, str], dict[str, Any]]]) -> Marked:
    return Marked(tuple(Host(f"h{n:02}", AT, labels, vars=own) for n, (labels, own) in enumerate(hosts)))


def service(selector: Selector, hosts: Marked) -> LinkedService:
    document = ServiceDocument("s", AT, "", "", selector, (), {}, (), None, None, Rollout(), {})
    index = LabelIndex({host.name: host for host in hosts.all})
    bits = index.bits(selector)
    return LinkedService(document, index.names(bits), index.mask(bits))


def sizes(found: Cohorts) -> list[int]:
    return sorted(map(len, found.members))


@given(HOSTS, st.lists(st.tuples(SELECTORS, USES), max_size=3))
def test_a_service_has_whole_cohorts_and_their_hosts_have_the_values_that_it_uses(
    hosts: list[tuple[dict[str, str], dict[str, Any]]], services: list[tuple[Selector, list[Use]]]
) -> None:
    fleet = marked(hosts)
    linked = [(service(selector, fleet), uses) for selector, uses in services]
    found = cohorts(fleet, together(traits_of(*each) for each in linked))
    assert sorted(name for names in found.members for name in names) == [host.name for host in fleet.all]
    by_name = {host.name: host for host in fleet.all}
    for each, uses in linked:
        within = found.within(each)
        assert sorted(found.names(within)) == sorted(each.hosts)
        groups = {tuple(sorted(found.names(members))) for members in found.alike(uses, within)}
        one_by_one = alike(uses, [by_name[name] for name in each.hosts])
        assert groups == {tuple(host.name for host in members) for members in one_by_one if members}


@given(HOSTS, SELECTORS, USES, SELECTORS, USES)
def test_what_is_told_apart_as_well_is_told_apart_within_cohorts(
    hosts: list[tuple[dict[str, str], dict[str, Any]]], one: Selector, uses: list[Use], other: Selector, more: list[Use]
) -> None:
    fleet = marked(hosts)
    first, second = traits_of(service(one, fleet), uses), traits_of(service(other, fleet), more)
    coarse = cohorts(fleet, first)
    fine = coarse.told_by(second)
    assert fine.told_by(first) is fine.told_by(second) is fine
    at_once = cohorts(fleet, together((first, second)))
    assert (fine.first, fine.of, fine.members) == (at_once.first, at_once.of, at_once.members)
    parents = coarse.parents(fine)
    for number, names in enumerate(fine.members):
        assert set(names) <= set(coarse.members[parents[number]])
        assert {fine.with_host(name) for name in names} == {number}


def test_hosts_are_told_apart_by_nothing_that_nobody_looks_at() -> None:
    fleet = marked([({"role": "web", "serial": str(n)}, {"own": n}) for n in range(6)])
    web = service(Selector({"role": "web"}), fleet)
    assert sizes(cohorts(fleet, traits_of(web, []))) == [6]
    one = service(Selector({"serial": "3"}), fleet)
    assert sizes(cohorts(fleet, together((traits_of(web, []), traits_of(one, []))))) == [1, 5]
    assert sizes(cohorts(fleet, traits_of(one, [("vars", "own")]))) == [1, 5], "its values matter on its host alone"
    assert sizes(cohorts(fleet, traits_of(web, [("vars", "own")]))) == [1] * 6


def test_the_words_of_an_inventory_are_not_those_of_git() -> None:
    secret = {"v": {"from": "env:TOKEN"}}
    git, foreign = Host("a", AT, vars=secret), Host("b", Place(OUTSIDE + "cloud"), vars=dict(secret))
    assert alike([("vars", "v")], [git, foreign]) == [[git], [foreign]]


@pytest.mark.parametrize("pieces", [("", ""), ('say "hi"\n', "\tä\\", "€\x00"), ("a", "", "b")])
def test_a_digest_around_a_name_is_that_of_the_whole(pieces: tuple[str, ...]) -> None:
    assert digest_with("f00", pieces)("web-1.example.org") == digest(["f00", "web-1.example.org".join(pieces)])


def _hosts(count: int) -> dict[str, Any]:
    """Of two sites and in racks of four; every seventh has a var of its own, which some templates take for granted."""
    return {
        f"web-{n:02}": {
            "labels": {"role": "web", "site": ("lon", "fra")[n % 2], "rack": f"r{n // 4}", "name": f"web-{n:02}"},
            "spec": {"vars": {"size": n // 10, **({"extra": n} if n % 7 == 0 else {})}},
        }
        for n in range(count)
    }


def _file(name: str, content: str) -> dict[str, str]:
    return {"file": f"/etc/{name}", "content": content}


A, B = _file("a", "{{ vars.size }}"), _file("b", "{{ host.labels.site }}")
OWN, SOME = _file("own", "{{ host.name }} {{ vars.size }}"), _file("some", "{{ host.name }} {{ vars.extra }}")
CONFLICT = _file("a", "other {{ host.labels.rack }}")
ALL, ONE = {"matchLabels": {"role": "web"}}, {"matchLabels": {"name": "web-03"}}
FIRST = {"matchLabels": {"name": "web-00"}}
RACKS = {"matchExpressions": [{"key": "rack", "operator": "In", "values": ["r1", "r2"]}]}

REVISIONS: list[dict[str, Any]] = [
    {"edge": {"resources": [A]}},
    {"edge": {"resources": [A, OWN]}, "base": {"resources": [B]}},
    {"edge": {"resources": [A, OWN]}, "base": {"resources": [B], "hosts": RACKS}},
    {
        "edge": {"resources": [A, OWN]},
        "base": {"resources": [B], "hosts": RACKS},
        "one": {"hosts": ONE, "resources": [A]},
    },
    {"edge": {"resources": [A, SOME]}, "base": {"resources": [CONFLICT], "hosts": RACKS}},
    {"edge": {"resources": [A, SOME], "requires": ["base"]}, "base": {"resources": [_file("z", "{{ vars.extra }}")]}},
    {"edge": {"resources": [A], "requires": ["base"]}, "base": {"resources": [_file("z", "{{ vars.extra }}")]}},
    # Where the other could not be used it had no slice, and it has none now that it is not there: no row changes.
    {
        "edge": {"resources": [A], "requires": ["base"]},
        "base": {"resources": [_file("z", "{{ vars.extra }}")], "hosts": ONE},
    },
    {"edge": {"resources": [{"directory": "/srv/{{ host.name }}"}]}, "base": {"resources": [B], "hosts": ONE}},
    {"edge": {"resources": [A]}},
]


def _told(found: Desired) -> dict[str, Any]:
    return {
        "profiles": {h: [(r.key, r.digest, r.spec) for r in p.resources] for h, p in found.profiles.items()},
        "layouts": {host: layout.digest for host, layout in found.layouts.items()},
        "asked": dict(found.asked),
        "rest": (found.held, found.problems, found.managed, found.broken),
    }


def _parsed(state: dict[str, Any]) -> Documents:
    return parse([(path, (text or "").encode()) for path, text in written(state).items()], builtin())


@cache
def _service(number: int, name: str) -> ServiceDocument:
    """As in the revision; the very same as in the one before it, where it says the same there."""
    if number and REVISIONS[number - 1].get(name) == REVISIONS[number][name]:
        return _service(number - 1, name)
    return _parsed({"services": {name: {"hosts": ALL, **REVISIONS[number][name]}}}).services[name]


@pytest.mark.parametrize("count", [12, 40])
def test_going_on_from_a_revision_comes_to_the_same_as_beginning(count: int) -> None:
    kinds, files, before = builtin(), Files(lambda _: None), None
    fleet = _parsed({"hosts": _hosts(count)})
    indexed = link(fleet, kinds, allow_local=True)
    renders = []
    for number in (*range(len(REVISIONS)), *reversed(range(len(REVISIONS)))):
        documents = replace(fleet, services={name: _service(number, name) for name in REVISIONS[number]})
        linked = link(documents, kinds, allow_local=True, before=indexed)
        found: Resolved = resolve_again(str(number), linked, files, kinds, before)
        alone = resolve_again(str(number), linked, files, kinds, None)
        assert _told(found.desired) == _told(alone.desired), number
        assert found.desired.asked == alone.desired.asked
        if before is not None:
            same = _told(found.desired)["asked"] == dict(before.desired.asked)
            assert (found.desired.asked == before.desired.asked) is same
        before = found
        renders.append((found.desired.renders, alone.desired.renders))
    assert sum(now for now, _ in renders) < sum(anew for _, anew in renders)
    assert renders[len(REVISIONS)][0] == 0, "the same revision again"


@pytest.mark.parametrize("count", [12, 40])
def test_a_service_that_can_not_be_used_on_a_host_is_in_nobodys_way_there(count: int) -> None:
    """Of the hosts in two racks only one has the var that the first service takes for granted."""
    services = {name: _service(4, name) for name in REVISIONS[4]}
    linked = link(replace(_parsed({"hosts": _hosts(count)}), services=services), builtin(), allow_local=True)
    found = resolve_again("r", linked, Files(lambda _: None), builtin(), None).desired
    assert [held.hosts for held in found.held if held.service == "base"] == [("web-07",)]
    assert found.profiles["web-07"].resources == ()
    for name in ("web-04", "web-08"):
        assert [(r.service, r.key.name) for r in found.profiles[name].resources] == [("base", "/etc/a")]
    assert [r.key.name for r in found.profiles["web-00"].resources] == ["/etc/a", "/etc/some"]


def test_a_service_whose_secrets_are_lost_holds_its_own_hosts_alone() -> None:
    lost = {"vars": {"token": {"from": "sops", "file": "secrets/none.yaml", "key": "a"}}, "hosts": FIRST}
    health = {"rollout": {"health": [{"tcp": {"port": "{{ vars.none }}"}}]}}
    services = {"edge": {"hosts": ALL, "resources": [A]}, "one": {**lost, **health, "resources": [B]}}
    linked = link(_parsed({"hosts": _hosts(12), "services": services}), builtin(), allow_local=True)
    found = resolve_again("r", linked, Files(lambda _: None), builtin(), None).desired
    assert {problem.reason for problem in found.problems} == {"lost-secret"}
    assert {(held.service, held.hosts) for held in found.held} == {("one", ("web-00",))}
    assert {len(profile.resources) for profile in found.profiles.values()} == {1}
