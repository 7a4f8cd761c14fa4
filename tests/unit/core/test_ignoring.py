"""The YAML that is offered to leave something alone: pasted, it silences just what it says."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.core.assessing.drift import drifted
from reconciler.core.explain.ignoring import Repository, Snippet, snippets
from reconciler.core.explain.report import Period, report
from reconciler.loop.desire import lines_of
from tests.fakes.fleet import START, Fleet, fleet

HEAD = """\
apiVersion: reconciler/v1
kind: Service
metadata: {name: base}
spec:
  hosts: {matchLabels: {role: web}}
  resources:
"""
MORE = "    - file: /etc/motd\n      content: hello\n"
WAYS = {
    "plain": "    - sysctl: vm.swappiness\n      value: '10'\n" + MORE,
    "last": "    - file: /etc/motd\n      content: hello\n    - sysctl: vm.swappiness\n      value: '10'",
    "flow": "    - {sysctl: vm.swappiness, value: '10'}\n" + MORE,
    "ignoring": "    - sysctl: vm.swappiness\n      ignore: []\n      value: '10'\n" + MORE,
    "folded": "    - sysctl: >-\n        vm.swappiness\n      value: '10'\n" + MORE,
    "comments": "    - sysctl: vm.swappiness  # ours\n      # law\n      value: '10'\n" + MORE,
}


def found(world: Fleet) -> tuple[list[Snippet], Any]:
    planned = world.plan()
    now = world.clock.now()
    told = report(world.store.episodes(START), planned.read.desired, Period(START, now))
    reading = world.world.reading
    lines = lines_of(reading, planned.read)
    repository = Repository(planned.read.desired, planned.read.linked, reading.registry, lines)
    return snippets(told.stories, repository, 5), lines


def drifting(world: Fleet) -> set[tuple[str, str]]:
    planned = world.plan()
    now = drifted(planned.assessment, planned.read.desired, planned.observations)
    return {(str(each.key), host) for each in now for host in each.hosts}


def pasted(lines: list[str], snippet: Snippet) -> str:
    """As a person would do it."""
    if snippet.how == "after":
        lines[snippet.line : snippet.line] = snippet.lines
    else:
        lines[snippet.line - 1 : snippet.last] = snippet.lines
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("way", WAYS)
def test_pasting_it_silences_just_what_it_says(way: str) -> None:
    hosts = {name: {"role": "web"} for name in ("web-1", "web-2")}
    with fleet({"hosts": hosts, "files": {"services/base.yaml": HEAD + WAYS[way]}}) as world:
        world.apply()
        world.plan()
        for host in hosts:
            world.machine(host).kernel["vm.swappiness"] = "60"
        world.machine("web-1").paths["/etc/motd"]["mode"] = "0600"
        world.machine("web-2").paths["/etc/motd"]["content"] = b"other"
        before = drifting(world)
        made, lines = found(world)
        snippet = next(each for each in made if each.things[0].key.kind == "sysctl")
        silenced = {(str(each.thing.key), host) for each in snippet.silences for host in each.hosts}
        assert silenced == {("sysctl/vm.swappiness", "web-1"), ("sysctl/vm.swappiness", "web-2")}
        world.commit({"files": {"services/base.yaml": pasted(list(lines(snippet.path)), snippet)}})
        assert drifting(world) == before - silenced


def test_what_was_removed_is_said_to_go_on() -> None:
    hosts = {name: {"role": "web"} for name in ("web-1", "web-2")}
    with fleet({"hosts": hosts, "files": {"services/base.yaml": HEAD + WAYS["plain"]}}) as world:
        world.apply()
        world.plan()
        del world.machine("web-1").paths["/etc/motd"]
        world.machine("web-2").paths["/etc/motd"]["content"] = b"other"
        drifting(world)
        made, lines = found(world)
        [snippet] = made
        assert [sorted(each.hosts) for each in snippet.silences] == [["web-2"]]
        assert snippet.remaining == snippet.things
        world.commit({"files": {"services/base.yaml": pasted(list(lines(snippet.path)), snippet)}})
        assert drifting(world) == {("file//etc/motd", "web-1")}


def test_nothing_is_offered_for_what_can_only_be_removed() -> None:
    with fleet({"hosts": {"web-1": {"role": "web"}}, "files": {"services/base.yaml": HEAD + WAYS["plain"]}}) as world:
        world.apply()
        world.plan()
        del world.machine("web-1").paths["/etc/motd"]
        drifting(world)
        assert found(world)[0] == []
