"""Files to documents: what is read from good ones, what one bad one does to others, and how often work is done."""

from __future__ import annotations

import pickle

import pytest

from reconciler.core.parsing import parse as module
from reconciler.core.parsing import stencil
from reconciler.core.parsing.join import join
from reconciler.core.parsing.limits import Limits
from reconciler.core.parsing.parse import parse, parse_file
from reconciler.core.parsing.yaml import RawFile
from reconciler.model.desired import Host
from reconciler.model.document import Expression, ProjectDocument, Selector, ServiceDocument
from reconciler.model.key import Place
from reconciler.model.rollout import HttpCheck, PrometheusCheck, Rollout, Share, TcpCheck
from tests.sample import HOST, SERVICE, host, many, parsed, project, registry, service


def test_a_host() -> None:
    spec = 'address: "2001:db8::1", port: 2222, user: deploy, become: true, vars: {workers: 16}'
    document = parsed({"h.yaml": host("web-1", "role: web, example.com/tier: a", spec)}).hosts["web-1"]
    assert document.host == Host(
        name="web-1",
        place=Place("h.yaml", 3, 12),
        labels={"role": "web", "example.com/tier": "a"},
        address="2001:db8::1",
        port=2222,
        user="deploy",
        become=True,
        vars={"workers": 16},
    )
    assert document.connection is None


def test_a_local_host() -> None:
    document = parsed({"h.yaml": host("me", "a: b", "connection: local, root: /srv/demo")}).hosts["me"]
    found = document.host
    assert document.connection == Place("h.yaml", 4, 20)
    assert (found.connection, found.root, found.address) == ("local", "/srv/demo", "")


def test_a_service() -> None:
    found = parsed({"s.yaml": SERVICE})
    assert found.problems == ()
    edge = found.services["edge"]
    assert isinstance(edge, ServiceDocument)
    assert (edge.project, edge.owner, edge.requires, edge.sync, edge.heal) == (
        "web",
        "team-web",
        ("base",),
        "auto",
        "off",
    )
    assert edge.selector == Selector({"role": "web"}, (Expression("site", "NotIn", ("fra", "")),))
    assert edge.vars == {"version": "1.26.0", "port": 8080, "list": [1, {"a": True}], "ratio": 0.5}
    assert edge.rollout == Rollout(
        canary=Share(1),
        batches=(Share(1, percent=True), Share(5), Share(100, percent=True)),
        failure_domain="site",
        on_failure="rollback",
        bake=5400,
        health=(
            HttpCheck("http://{{ host.address }}:{{ vars.port }}/healthz", 200, 5),
            TcpCheck("{{ vars.port }}", "{{ host.address }}", 5),
            PrometheusCheck("up", at_least=1),
        ),
    )
    assert [(e.kind, e.name) for e in edge.entries] == [
        ("package", "nginx"),
        ("file", "/etc/nginx/nginx.conf"),
        ("package", "{{ vars.name }}"),
        ("service", "nginx"),
        ("user", "nginx"),
    ]
    package = edge.entries[0]
    assert package.fields == {"version": "{{ vars.version }}", "retries": "{{ vars.port }}"}
    assert package.place == Place("s.yaml", 12, 7)
    assert package.marks[("package",)] == Place("s.yaml", 12, 16)
    assert package.marks[("version",)] == Place("s.yaml", 13, 16)
    assert package.marks[("version", "~key")] == Place("s.yaml", 13, 7)
    assert found.references == {"files/nginx.conf.j2"}


def test_the_kind_is_the_first_key_or_the_only_one_that_fits() -> None:
    def kinds(entry: str) -> list[str]:
        found = parsed({"s.yaml": service("a", f"resources: [{{{entry}}}]")})
        return [e.kind for s in found.services.values() for e in s.entries] or [p.reason for p in found.problems]

    assert kinds("user: x, group: y") == ["user"]
    assert kinds("state: present, package: x") == ["package"]
    assert kinds("group: www, user: x") == ["user"]
    assert kinds("mod: '0644', file: /x") == ["unknown-kind"]


def test_a_project() -> None:
    reach = "paths: [teams/web/], hosts: {matchLabels: {a: b}}, kinds: [file]"
    spec = f"description: d, owners: [a], {reach}, limits: {{deletes: 5}}"
    document = parsed({"p.yaml": project("web", spec)}).projects["web"]
    assert document == ProjectDocument(
        name="web",
        place=Place("p.yaml", 3, 12),
        description="d",
        owners=("a",),
        paths=("teams/web",),
        selector=Selector({"a": "b"}),
        kinds=("file",),
        deletes=5,
        vars={},
        marks=document.marks,
    )


def test_a_project_is_not_limited_where_it_says_nothing() -> None:
    document = parsed({"p.yaml": project("web")}).projects["web"]
    assert (document.paths, document.selector, document.kinds, document.deletes) == (None, None, None, None)


def test_one_bad_document_leaves_the_others_alone() -> None:
    text = many(HOST, host("bad", spec="port: x, address: a"), host("web-2"))
    found = parsed({"h.yaml": text})
    assert sorted(found.hosts) == ["web-1", "web-2"]
    assert found.broken == {"h.yaml": frozenset({("Host", "bad")})}
    assert (found.count, len(found.problems)) == (3, 1)


@pytest.mark.parametrize(
    "last", ["a: [", "apiVersion: reconciler/v1\nkind: Host\n", "apiVersion: reconciler/v2\nkind: Host\n", "- 1\n"]
)
def test_a_file_with_something_that_has_no_name_may_hold_anything(last: str) -> None:
    found = parsed({"h.yaml": many(HOST, host("bad", spec="port: x, address: a"), last)})
    assert sorted(found.hosts) == ["web-1"]
    assert found.broken == {"h.yaml": frozenset()}


def test_empty_files_and_documents_are_fine() -> None:
    found = parsed({"a.yaml": "", "b.yaml": "# nothing yet\n", "c.yaml": f"---\n---\n# x\n---\n{HOST}---\n"})
    assert (found.problems, found.count, sorted(found.hosts), found.broken) == ((), 1, ["web-1"], {})


def test_a_file_that_a_resource_refers_to_is_no_document() -> None:
    user = service("a", "resources: [{file: /x, source: files/rules.yml}, {file: /y, template: files/t.yaml}]")
    files = {"s.yaml": user, "files/rules.yml": "groups: []\n", "files/t.yaml": "{{ vars.x }}: [\n"}
    found = parsed(files)
    assert (found.problems, found.broken, found.count) == ((), {}, 1)
    assert found.references == {"files/rules.yml", "files/t.yaml"}
    assert len(parsed({**files, "s.yaml": HOST}).problems) == 2


def test_nobody_makes_documents_vanish_by_referring_to_them() -> None:
    thief = service("thief", "resources: [{file: /x, source: b.yaml}]")
    assert "web-1" in parsed({"a.yaml": thief, "b.yaml": HOST}).hosts
    assert parsed({"a.yaml": thief, "b.yaml": HOST + "x: ["}).broken == {"b.yaml": frozenset()}


def test_a_result_depends_on_the_file_alone_and_can_be_kept() -> None:
    kinds = registry()
    files = {"a.yaml": many(HOST, SERVICE), "b.yaml": many(HOST, host("x", spec="a: 1")), "c.yaml": "a: ["}
    results = [pickle.loads(pickle.dumps(parse_file(p, t.encode(), kinds))) for p, t in files.items()]
    fresh = parse(((p, t.encode()) for p, t in files.items()), kinds)
    kept = join(reversed(results))
    assert (kept.problems, kept.broken, kept.count, kept.references) == (
        fresh.problems,
        fresh.broken,
        fresh.count,
        fresh.references,
    )
    assert kept.services == fresh.services
    assert fresh.services.keys() == {"edge"}


def test_hosts_that_differ_in_their_words_are_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """2,000 hosts: the reader of YAML sees one in the middle of a file, one at its end, and what must be told apart."""
    reads: list[bytes] = []
    read = stencil.read

    def counted(path: str, data: bytes, limits: Limits) -> RawFile:
        reads.append(data)
        return read(path, data, limits)

    monkeypatch.setattr(stencil, "read", counted)
    monkeypatch.setattr(module, "read", None)
    files = {f"{i}.yaml": many(*(host(f"h-{i}-{j}") for j in range(100))) for i in range(20)}
    found = parsed(files)
    assert (found.count, len(found.hosts), found.problems) == (2000, 2000, ())
    assert len(reads) == 2


def test_a_file_with_anything_else_is_read_with_care_once(monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[str] = []
    read = module.read

    def counted(path: str, data: bytes, limits: Limits) -> RawFile:
        reads.append(path)
        return read(path, data, limits)

    monkeypatch.setattr(module, "read", counted)
    parsed({"a.yaml": HOST, "b.yaml": many(HOST, SERVICE), "c.yaml": host("x", spec="port: a"), "d.yaml": "a: ["})
    assert reads == ["b.yaml", "c.yaml", "d.yaml"]
