"""What people read, as whole texts in `tests/golden`. A changed text is read there, by a person, before it is accepted.

One story is told by every output: seven web servers, some drift, one is away and one can't be seen whole, while
Git changes one service, drops another and a host, brings a host, and breaks a file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from reconciler.core.assessing.drift import drifted
from reconciler.core.explain.drift_text import Drifting, drift_document, drift_markdown, drift_text
from reconciler.core.explain.markdown import plan_markdown
from reconciler.core.explain.plan_text import plan_text
from reconciler.core.explain.run_text import run_details, run_document, run_markdown, run_text, runs_text
from reconciler.core.explain.why import Known, Why, why
from reconciler.core.explain.why_text import why_document, why_text
from reconciler.core.gate import Circumstances, Limits, gate
from reconciler.core.words import Line
from reconciler.loop.reconcile import Planned
from reconciler.model.errors import Stalled
from reconciler.model.key import Key
from reconciler.model.run import Run
from tests.fakes.fleet import Fleet, fleet

GOLDEN = Path(__file__).parents[2] / "golden"
CONFIG = "worker_processes {{ vars.workers }};\nserver_name {{ host.name }};\n"
UNIT = {"service": "nginx", "state": "running", "enabled": True, "reload_on": ["file//etc/nginx.conf"]}
BASE = {
    "owner": "team-infra",
    "resources": [{"sysctl": "vm.swappiness", "value": 1}, {"file": "/etc/motd", "content": "hello\n"}],
}
WHY = [
    ("web-1", "file//etc/nginx.conf"),
    ("web-4", "sysctl/vm.swappiness"),
    ("web-1", "service/nginx"),
    ("web-1", "package/legacy-agent"),
    ("web-6", "file//etc/nginx.conf"),
    ("web-7", "package/nginx"),
    ("web-1", "file//etc/motd"),
    ("web-5", "package/nginx"),
    ("web-8", "file//etc/nginx.conf"),
    ("web-8", "user/deploy"),
]


def edge(version: str, workers: int) -> dict[str, Any]:
    secret = {"user": "deploy", "password": "$6$rounds=5000$saltsalt$" + "x" * 40}
    resources = [
        {"package": "nginx", "version": version},
        {"file": "/etc/nginx.conf", "content": CONFIG, "mode": "0644"},
        UNIT,
        secret,
    ]
    owned = {"project": "web", "owner": "team-web", "requires": ["base"]}
    return {**owned, "vars": {"workers": workers}, "resources": resources}


@dataclass
class Told:
    """The story up to its plan, and how the plan was carried out."""

    world: Fleet
    planned: Planned
    run: Run

    def __post_init__(self) -> None:
        self.now = self.world.clock.time
        self.desired = self.planned.read.desired

    @property
    def known(self) -> Known:
        p = self.planned
        return Known(
            self.desired, p.read.linked, p.observations, p.ownership, p.assessment, p.plan, self.world.world.registry
        )


def begun(world: Fleet) -> None:
    """The first day, and what happened since."""
    legacy = {"resources": [{"package": "legacy-agent"}, {"file": "/etc/legacy.conf", "content": "x"}]}
    world.commit(
        {
            "hosts": {f"web-{number}": {"role": "web"} for number in range(1, 8)},
            "projects": {"web": {"vars": {"workers": 2}}},
            "services": {"base": BASE, "edge": edge("1.0", 4), "legacy": legacy},
        }
    )
    assert world.apply().status == "succeeded"
    world.clock.pass_by(240)
    for host in ("web-3", "web-4"):
        world.machine(host).kernel["vm.swappiness"] = "60"
    world.machine("web-4").paths["/etc/motd"]["content"] = b"hello\nby hand\n"
    world.machine("web-2").paths.pop("/etc/motd")
    world.plan()
    world.clock.pass_by(7)
    world.carrier.unreachable["web-7"] = "ssh: timed out"
    world.machine("web-6").unreadable.add(Key("file", "/etc/nginx.conf"))


@pytest.fixture(scope="module")
def told() -> Iterator[Told]:
    with fleet() as world:
        begun(world)
        broken = "apiVersion: reconciler/v1\nkind: Service\nmetadata: {name: shop}\nspec: {hosts: 1}\n"
        world.source.commit({"services/broken.yaml": broken})
        services = {"edge": edge("1.1", 8), "legacy": None}
        world.commit({"hosts": {"web-5": None, "web-8": {"role": "web"}}, "services": services})
        planned = world.plan()
        world.machine("web-2").failing.add(Key("file", "/etc/nginx.conf"))
        world.machine("web-3").failing.add(Key("sysctl", "vm.swappiness"))
        yield Told(world, planned, world.apply(planned))


def plain(lines: Iterable[Line]) -> list[str]:
    return [line.text for line in lines]


def the_plan(told: Told) -> Iterable[str]:
    refusals = gate(told.planned.plan, told.desired, Limits(deletes=5), Circumstances())
    subject = told.planned.read.revision.subject
    return plain(plan_text(told.planned.plan, told.desired, refusals, subject, told.now))


def the_plan_markdown(told: Told) -> Iterable[str]:
    return plan_markdown(told.planned.plan, gate(told.planned.plan, told.desired, Limits(deletes=5), Circumstances()))


def the_drift(told: Told) -> Iterable[str]:
    found = drifted(told.planned.assessment, told.desired, told.planned.observations)
    return plain(drift_text(Drifting(found, told.planned.assessment.blocked, told.desired), told.now))


def the_drift_markdown(told: Told) -> Iterable[str]:
    found = drifted(told.planned.assessment, told.desired, told.planned.observations)
    return drift_markdown(Drifting(found, told.planned.assessment.blocked, told.desired))


def the_reasons(told: Told) -> Iterable[str]:
    for host, resource in WHY:
        yield f"$ reconciler why {host} {resource}"
        yield from plain(why_text(why(told.known, host, Key.parse(resource)), told.now))
        yield ""


TEXTS: dict[str, Callable[[Told], Iterable[str]]] = {
    "plan.txt": the_plan,
    "plan.md": the_plan_markdown,
    "drift.txt": the_drift,
    "drift.md": the_drift_markdown,
    "why.txt": the_reasons,
    "run.txt": lambda told: plain(run_text(told.run)),
    "run-details.txt": lambda told: plain(run_details(told.run)),
    "run.md": lambda told: run_markdown(told.run),
    "runs.txt": lambda told: plain(runs_text(told.world.store.runs())),
}


@pytest.mark.parametrize("name", TEXTS)
def test_texts(name: str, told: Told, tmp_path: Path) -> None:
    text = "".join(f"{line}\n" for line in TEXTS[name](told))
    new = tmp_path / name
    new.write_text(text, encoding="utf-8")
    golden = GOLDEN / name
    assert text == (golden.read_text(encoding="utf-8") if golden.exists() else ""), f"to accept: cp {new} {golden}"


def test_every_golden_text_is_checked() -> None:
    assert {path.name for path in GOLDEN.iterdir()} == set(TEXTS)


def test_no_secret_is_in_any_text(told: Told) -> None:
    texts = ["\n".join(tell(told)) for tell in TEXTS.values()]
    documents = [repr(why_document(why(told.known, "web-8", Key("user", "deploy")))), repr(run_document(told.run))]
    found = drifted(told.planned.assessment, told.desired, told.planned.observations)
    documents.append(repr(drift_document(Drifting(found, told.planned.plan.blocked, told.desired))))
    assert not [text for text in texts + documents if "saltsalt" in text]


@pytest.mark.parametrize("name", ["plan.txt", "drift.txt", "why.txt", "run.txt", "run-details.txt"])
def test_lines_fit_a_wide_terminal(name: str) -> None:
    assert max(map(len, (GOLDEN / name).read_text(encoding="utf-8").splitlines())) <= 140


@pytest.fixture
def calm() -> Iterator[Fleet]:
    with fleet({"hosts": {"web-1": {"role": "web"}}, "services": {"base": BASE}}) as world:
        world.apply()
        yield world


def test_when_there_is_nothing_to_say(calm: Fleet) -> None:
    planned = calm.plan()
    desired, now = planned.read.desired, calm.clock.time
    sha = planned.plan.revision[:7]
    assert plain(plan_text(planned.plan, desired, [], "a change", now)) == [
        f"{sha} “a change” · observed 1 of 1 host, oldest 0 s ago",
        "",
        f"No changes. 1 host matches revision {sha}.",
    ]
    assert plain(drift_text(Drifting([], [], desired), now)) == ["Nothing drifts on 1 host."]
    assert list(drift_markdown(Drifting([], [], desired))) == ["**Nothing drifts.**"]
    assert plain(runs_text([])) == ["Nothing was applied yet."]


def asked(world: Fleet, host: str, resource: str) -> Why:
    p = world.plan()
    known = Known(
        p.read.desired, p.read.linked, p.observations, p.ownership, p.assessment, p.plan, world.world.registry
    )
    return why(known, host, Key.parse(resource))


def test_why_shows_what_templates_read_and_nothing_of_a_secret() -> None:
    resources = [
        {"file": "/etc/plain", "content": "{{ vars.port }}"},
        {"file": "/etc/pass", "content": "{{ vars.pass }} {{ vars.port }}", "mode": "0600", "sensitive": True},
        {"file": "/etc/all", "content": "{{ vars | length }}"},
        {"user": "ada", "password": "{{ vars.hash }}"},
    ]
    given = {"port": 80, "pass": "canary-1", "hash": "$6$canary-2$" + "x" * 40}
    hosts = {"web-1": {"labels": {"role": "web"}, "spec": {"address": "a", "vars": {"pass": "canary-3"}}}}
    with fleet({"hosts": hosts, "services": {"s": {"vars": given, "resources": resources}}}) as world:
        world.apply()
        shown = {}
        for name in ("file//etc/plain", "file//etc/pass", "user/ada"):
            found = asked(world, "web-1", name)
            shown[name] = [o.name for o in found.values]
            told = "\n".join(plain(why_text(found, world.clock.time))) + repr(why_document(found))
            assert "canary" not in told
            assert ("(sensitive value)" in told) == (name != "file//etc/plain")
        assert shown == {"file//etc/plain": ["port"], "file//etc/pass": ["pass", "port"], "user/ada": ["hash"]}
        assert [o.name for o in asked(world, "web-1", "file//etc/all").values] == ["hash", "pass", "port"]
        assert asked(world, "web-1", "user/ada").sensitive == {"password"}


def test_why_tells_what_others_own() -> None:
    file = {"file": "/etc/x", "content": "a", "mode": "0644", "ignore": ["mode"]}
    secret = {"file": "/etc/y", "content": "canary", "ignore": ["content"], "sensitive": True}
    with fleet({"hosts": {"web-1": {"role": "web"}}, "services": {"s": {"resources": [file, secret]}}}) as world:
        world.apply()
        world.machine("web-1").paths["/etc/x"]["mode"] = "0600"
        found = asked(world, "web-1", "file//etc/x")
        text = plain(why_text(found, world.clock.time))
        assert text[0] == "file//etc/x on web-1 is as Git says"
        assert "  ignored        mode: Git says 0644, the host has 0600" in text
        assert why_document(found)["ignored"] == [
            {"path": "mode", "desired": "0644", "observed": "0600", "sensitive": False}
        ]
        hidden = why_document(asked(world, "web-1", "file//etc/y"))
        assert hidden["ignored"] == [{"path": "content", "desired": None, "observed": None, "sensitive": True}]


@pytest.mark.parametrize(
    ("host", "resource", "message", "hint"),
    [
        ("web-1", "fil//etc/motd", "there is no kind of resource 'fil'", 'did you mean "file"?'),
        ("web-11", "file//etc/motd", "there is no host 'web-11'", 'did you mean "web-1"?'),
        ("web-1", "file//etc/mot", "nobody asks for file//etc/mot on host web-1", 'did you mean "file//etc/motd"?'),
        ("web-1", "package/nginx", "nobody asks for package/nginx on host web-1", "resources are named kind/name"),
    ],
)
def test_why_of_what_nobody_heard_of(calm: Fleet, host: str, resource: str, message: str, hint: str) -> None:
    with pytest.raises(Stalled) as error:
        asked(calm, host, resource)
    assert error.value.message == message
    assert error.value.hint.startswith(hint)


def test_hostile_text_can_not_move_the_cursor_or_leave_its_cell(calm: Fleet) -> None:
    calm.machine("web-1").paths["/etc/motd"]["content"] = b"\x1b[2J\xe2\x80\xae```\n@everyone | `x`\n"
    planned = calm.plan()
    found = drifted(planned.assessment, planned.read.desired, planned.observations)
    terminal = plain(plan_text(planned.plan, planned.read.desired, [], "\x1b[31msubject", calm.clock.time))
    terminal += plain(drift_text(Drifting(found, [], planned.read.desired), calm.clock.time))
    assert not [line for line in terminal if "\x1b" in line or "\u202e" in line]
    markdown = "\n".join(plan_markdown(planned.plan, []))
    assert "````diff" in markdown
    assert "\x1b" not in markdown
