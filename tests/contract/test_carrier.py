"""What every carrier promises the loop: one suite, run on simulated machines and on the real one with a local host.

What only real transports do (SSH, timeouts, sudo, secrets in processes) is tested where they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import pytest

from reconciler.adapters.ansible.carrier import AnsibleCarrier
from reconciler.adapters.ansible.settings import SshSettings
from reconciler.kinds import builtin
from reconciler.model.delivery import Delivery, Payload, Reply, Work
from reconciler.model.desired import Host
from reconciler.model.digest import digest
from reconciler.model.key import Key, Place
from reconciler.model.observation import Query
from reconciler.ports import Carrier
from tests.fakes.carrier import SimulatedCarrier
from tests.fakes.machine import file

FILE = builtin()["file"]
NOBODY = Host("nobody", Place("hosts.yaml"), connection="local", root="/no/such/root")


class Rig(Protocol):
    """A carrier with one host that answers, and hands on the files below /etc of that host."""

    carrier: Carrier
    host: Host

    def read(self, path: str) -> str | None: ...
    def write(self, path: str, text: str) -> None: ...


@dataclass
class Simulated:
    """A simulated machine."""

    carrier: SimulatedCarrier = field(default_factory=SimulatedCarrier)
    host: Host = field(default_factory=lambda: Host("web-1", Place("hosts.yaml")))

    def read(self, path: str) -> str | None:
        there = self.carrier.machine(self.host.name).paths.get(path)
        return there["content"].decode() if there else None

    def write(self, path: str, text: str) -> None:
        self.carrier.machine(self.host.name).paths[path] = file(text)


@dataclass
class Local:
    """A directory of this machine, through Ansible."""

    carrier: AnsibleCarrier
    host: Host

    def read(self, path: str) -> str | None:
        found = Path(self.host.root + path)
        return found.read_text() if found.exists() else None

    def write(self, path: str, text: str) -> None:
        Path(self.host.root + path).write_text(text)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(params=["simulated", "ansible"])
def rig(request: pytest.FixtureRequest, tmp_path: Path, cache: Path) -> Iterator[Rig]:
    if request.param == "simulated":
        yield Simulated()
        return
    root = tmp_path / "root"
    (root / "etc").mkdir(parents=True)
    host = Host("web-1", Place("hosts.yaml"), connection="local", root=str(root))
    yield Local(AnsibleCarrier(SshSettings(cache_dir=str(cache), lock_wait=0)), host)


def query(path: str) -> Query:
    return FILE.query(path, FILE.Spec.model_validate({"content": ""}))


def put(path: str, text: str, expect: str = "") -> Work:
    """A work that writes a file."""
    calls = FILE.calls(path, FILE.Spec.model_validate({"content": text}), "create")
    return Work(Key("file", path), query(path), expect, calls)


def look(*paths: str) -> dict[Key, Query]:
    return {Key("file", path): query(path) for path in paths}


def carried(
    rig: Rig, payload: Payload, epoch: int = 1, identity: str = "", stopping: Callable[[], bool] = lambda: False
) -> Reply:
    delivery = Delivery(rig.host, payload, epoch, "store", identity)
    [reply] = rig.carrier.carry([delivery], stopping)
    return reply


def results(reply: Reply) -> list[str]:
    return [outcome.result for outcome in reply.outcomes]


def test_what_is_asked_is_answered(rig: Rig) -> None:
    rig.write("/etc/a", "one\n")
    reply = carried(rig, Payload(look("/etc/a", "/etc/b")), epoch=0)
    assert (reply.host, reply.status, reply.reason, reply.outcomes) == ("web-1", "done", "", ())
    assert reply.identity
    assert reply.facts[Key("file", "/etc/a")]["text"] == "one\n"
    assert reply.facts[Key("file", "/etc/b")] == {"exists": False}


def test_works_are_done_in_order_and_looked_at_again(rig: Rig) -> None:
    payload = Payload(look("/etc/a"), (put("/etc/a", "one"), put("/etc/a", "two")))
    reply = carried(rig, payload)
    assert (reply.status, results(reply)) == ("done", ["changed", "changed"])
    assert [outcome.key for outcome in reply.outcomes] == [Key("file", "/etc/a")] * 2
    assert reply.facts[Key("file", "/etc/a")]["text"] == "two"
    assert rig.read("/etc/a") == "two"


def test_doing_it_again_changes_nothing(rig: Rig) -> None:
    payload = Payload({}, (put("/etc/a", "one"),))
    assert [results(carried(rig, payload)) for _ in range(2)] == [["changed"], ["ok"]]


def test_the_first_failure_ends_the_program(rig: Rig) -> None:
    works = (put("/etc/a", "x"), put("/etc/none/b", "x"), put("/etc/c", "x"))
    reply = carried(rig, Payload(look("/etc/c"), works))
    assert (reply.status, results(reply)) == ("failed", ["changed", "failed", "skipped"])
    assert reply.reason.startswith("file//etc/none/b: ")
    assert reply.outcomes[1].message
    assert reply.facts[Key("file", "/etc/c")] == {"exists": False}


def test_a_host_that_is_not_as_planned_is_left_alone(rig: Rig) -> None:
    rig.write("/etc/a", "as planned")
    seen = carried(rig, Payload(look("/etc/a")), epoch=0).facts[Key("file", "/etc/a")]
    rig.write("/etc/a", "moved")
    works = (put("/etc/b", "x"), put("/etc/a", "new", expect=digest(seen)))
    reply = carried(rig, Payload(look("/etc/a"), works))
    assert (reply.status, reply.reason) == ("stale", "not as planned any more: file//etc/a")
    assert results(reply) == ["skipped", "stale"]
    assert reply.facts[Key("file", "/etc/a")]["text"] == "moved"
    assert (rig.read("/etc/a"), rig.read("/etc/b")) == ("moved", None)
    rig.write("/etc/a", "as planned")
    assert carried(rig, Payload({}, works)).status == "done"


def test_a_run_that_was_overtaken_is_refused(rig: Rig) -> None:
    assert carried(rig, Payload({}, (put("/etc/a", "7"),)), epoch=7).status == "done"
    reply = carried(rig, Payload({}, (put("/etc/a", "6"),)), epoch=6)
    assert (reply.status, reply.outcomes, dict(reply.facts)) == ("refused", (), {})
    assert reply.reason == "epoch 6 is older than 7, which this host has seen: a newer worker took over"
    assert rig.read("/etc/a") == "7"
    assert carried(rig, Payload(look("/etc/a")), epoch=0).status == "done"


def test_a_fence_answers_and_keeps_older_workers_out(rig: Rig) -> None:
    rig.write("/etc/a", "one")
    assert carried(rig, Payload({}, (put("/etc/a", "two"),)), epoch=3).seen == 0
    fence = carried(rig, Payload(look("/etc/a")), epoch=5)
    assert (fence.status, fence.seen, fence.facts[Key("file", "/etc/a")]["text"]) == ("done", 3, "two")
    late = carried(rig, Payload({}, (put("/etc/a", "late"),)), epoch=4)
    assert (late.status, rig.read("/etc/a")) == ("refused", "two")
    assert carried(rig, Payload(look("/etc/a")), epoch=4).status == "refused"
    assert carried(rig, Payload({}, (put("/etc/a", "new"),)), epoch=5).seen == 5


def test_another_machine_is_refused(rig: Rig) -> None:
    reply = carried(rig, Payload({}, (put("/etc/a", "x"),)), identity="machine:another")
    assert (reply.status, rig.read("/etc/a")) == ("refused", None)
    assert reply.reason.startswith("another machine answers here: ")


def test_alternatives_that_the_host_has_no_program_for_are_passed_over(rig: Rig) -> None:
    work = put("/etc/a", "x")
    elsewhere = [type(c)(c.module, c.args, c.paths, c.files, "no-such-program") for c in work.calls]
    reply = carried(rig, Payload({}, (Work(work.key, {}, "", tuple(elsewhere)),)))
    assert (results(reply), rig.read("/etc/a")) == (["failed"], None)
    assert reply.outcomes[0].message == "no-such-program is not on this host"


def test_nothing_is_begun_after_a_stop(rig: Rig) -> None:
    reply = carried(rig, Payload({}, (put("/etc/a", "x"),)), stopping=lambda: True)
    assert (reply.status, reply.reason) == ("skipped", "not begun: the run was stopped")
    assert rig.read("/etc/a") is None


def test_one_reply_for_each_delivery(rig: Rig) -> None:
    if isinstance(rig, Simulated):
        rig.carrier.unreachable["nobody"] = "ssh: timed out"
    deliveries = [Delivery(NOBODY, Payload(look("/etc/a"))), Delivery(rig.host, Payload(look("/etc/a")))]
    replies = {reply.host: reply for reply in rig.carrier.carry(deliveries, lambda: False)}
    assert sorted(replies) == ["nobody", "web-1"]
    assert replies["nobody"].status in ("unreachable", "refused")
    assert replies["nobody"].reason
    assert replies["web-1"].status == "done"
