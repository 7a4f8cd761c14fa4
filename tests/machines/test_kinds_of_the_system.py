"""Packages, units, services, accounts and keys on real machines: what `calls` does is what the probe then finds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.adapters.ansible.carrier import AnsibleCarrier
from reconciler.adapters.ansible.settings import SshSettings
from reconciler.kinds import builtin
from reconciler.model.delivery import Delivery, Outcome, Payload, Reply, Work
from reconciler.model.desired import Host
from reconciler.model.key import Key, Place
from reconciler.model.plan import Action
from reconciler.model.state import Absent, Observed, Present, Unknown
from tests.lab import Lab, Machine, demo

pytestmark = pytest.mark.machines

KINDS = builtin()
PACKAGE, UNIT = "reconciler-demo", "reconciler-demo.service"
A = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFVtKHdYnrDrjfwyOlFACAEE1ND6GrBB6BuyQ98AO3q1"
B = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAbobzgpQiqBYNkKNbpcW/K8QXwEkl/upU97xslK2Osu"
HASH = "$6$abcdefghijklmnop$J/AWykHqo2Tx5UtavGnFc3ytI33la50JpzLTarSWVhkIXK6wOjNwwZjsrIw2UgmrER2EKrSHCeQyAINEEXAk1/"
SLEEPER = "[Unit]\nDescription=Sleeper\n[Service]\nExecStart=/bin/sleep 3600\n[Install]\nWantedBy=multi-user.target\n"


class Hands:
    """Asks one machine, and acts on it, through the product's own carrier."""

    def __init__(self, lab: Lab, machine: Machine, cache: Path) -> None:
        self.carrier = AnsibleCarrier(SshSettings(config_file=str(lab.ssh_config), cache_dir=str(cache)))
        self.host = Host(machine.name, Place("hosts.yaml"), port=machine.port, user="root")
        self.epoch = 0

    def observe(self, kind: str, name: str, **fields: Any) -> Observed:
        spec, key = KINDS[kind].Spec.model_validate(fields), Key(kind, name)
        reply = self._send(Payload(queries={key: KINDS[kind].query(name, spec)}))
        return KINDS[kind].observe(name, spec, reply.facts[key])

    def act(self, action: Action, kind: str, name: str, **fields: Any) -> Outcome:
        return self._send(Payload(works=(work(action, kind, name, fields),))).outcomes[0]

    def converge(self, action: Action, kind: str, name: str, **fields: Any) -> None:
        """Acts, has nothing to do a second time, and finds what was wanted: all in one round trip."""
        spec, key = KINDS[kind].Spec.model_validate(fields), Key(kind, name)
        second: Action = "delete" if action == "delete" else "update"
        works = (work(action, kind, name, fields), work(second, kind, name, fields))
        reply = self._send(Payload(queries={key: KINDS[kind].query(name, spec)}, works=works))
        assert [outcome.result for outcome in reply.outcomes] == ["changed", "ok"], reply
        found = KINDS[kind].observe(name, spec, reply.facts[key])
        assert state(found) == state(KINDS[kind].wanted(name, spec))

    def assert_as_wanted(self, kind: str, name: str, **fields: Any) -> None:
        wanted = KINDS[kind].wanted(name, KINDS[kind].Spec.model_validate(fields))
        assert state(self.observe(kind, name, **fields)) == state(wanted)

    def _send(self, payload: Payload) -> Reply:
        self.epoch += 1
        (reply,) = self.carrier.carry([Delivery(self.host, payload, self.epoch, "test")], lambda: False)
        assert reply.status in ("done", "failed"), reply
        return reply


def work(action: Action, kind: str, name: str, fields: dict[str, Any]) -> Work:
    spec = KINDS[kind].Spec.model_validate(fields)
    return Work(Key(kind, name), KINDS[kind].query(name, spec), "", KINDS[kind].calls(name, spec, action))


def state(observed: Observed) -> Any:
    return dict(observed.state) if isinstance(observed, Present) else observed


@pytest.fixture
def hands(lab: Lab, machine: Machine, tmp_path: Path) -> Hands:
    return Hands(lab, machine, tmp_path)


@pytest.fixture
def newer(lab: Lab) -> Iterator[None]:
    """While there is a version 2.0 of the package."""
    lab.apt.publish(demo("2.0"))
    yield
    lab.apt.withdraw(demo("2.0"))


@pytest.mark.usefixtures("newer")
def test_a_package_is_installed_moved_held_and_removed(hands: Hands, machine: Machine) -> None:
    hands.converge("create", "package", PACKAGE, version="1.0")
    held: dict[str, Any] = {"version": "2.0", "hold": True}
    assert state(hands.observe("package", PACKAGE, **held)) == {"state": "present", "version": "1.0", "hold": False}
    hands.converge("update", "package", PACKAGE, **held)
    assert machine.run("apt-mark showhold").stdout.split() == [PACKAGE]
    hands.converge("update", "package", PACKAGE, version="1.0", hold=True)
    assert machine.run("apt-mark showhold").stdout.split() == [PACKAGE]
    refused = hands.act("delete", "package", PACKAGE)
    assert refused.result == "failed"
    assert "held" in refused.message.lower()
    assert hands.act("delete", "package", PACKAGE, hold=True).result == "changed"
    assert hands.observe("package", PACKAGE) == Absent()
    assert machine.exists("/etc/reconciler-demo.conf")


def test_what_a_removed_package_left_is_purged(hands: Hands, machine: Machine) -> None:
    gone: dict[str, Any] = {"state": "absent", "purge": True}
    hands.converge("create", "package", PACKAGE)
    machine.run(f"apt-get -y remove {PACKAGE}")
    assert state(hands.observe("package", PACKAGE, **gone)) == {"state": "config-files"}
    hands.converge("delete", "package", PACKAGE, **gone)
    assert not machine.exists("/etc/reconciler-demo.conf")


def test_a_version_that_nobody_has_is_an_error(hands: Hands) -> None:
    outcome = hands.act("create", "package", PACKAGE, version="9.9")
    assert outcome.result == "failed"
    assert "9.9" in outcome.message


def test_a_service_follows_its_package(hands: Hands, machine: Machine) -> None:
    running: dict[str, Any] = {"state": "running", "enabled": True, "masked": False}
    assert hands.observe("service", PACKAGE, **running) == Absent()
    hands.assert_as_wanted("service", PACKAGE, state="stopped", enabled=False)
    assert hands.act("create", "service", PACKAGE, **running).result == "failed"
    hands.act("create", "package", PACKAGE)
    hands.assert_as_wanted("service", PACKAGE, **running)
    hands.converge("update", "service", PACKAGE, state="stopped", enabled=False)
    hands.converge("update", "service", PACKAGE, **running)
    hands.converge("update", "service", PACKAGE, state="stopped", masked=True)
    assert hands.act("update", "service", PACKAGE, state="running").result == "failed"
    hands.converge("update", "service", PACKAGE, **running)
    machine.run(f"systemctl kill --signal=KILL {UNIT}; sleep 0.2")
    observed = hands.observe("service", PACKAGE, **running)
    assert state(observed) == {"state": "failed", "enabled": True, "masked": False}
    hands.assert_as_wanted("service", PACKAGE, state="stopped")
    hands.converge("update", "service", PACKAGE, **running)


def test_a_service_that_is_not_there_can_be_masked(hands: Hands) -> None:
    masked: dict[str, Any] = {"state": "stopped", "enabled": False, "masked": True}
    assert state(hands.observe("service", "later", **masked)) == {"state": "stopped", "enabled": False, "masked": False}
    hands.converge("update", "service", "later", **masked)


def test_services_react(hands: Hands, machine: Machine) -> None:
    def main_pid() -> str:
        return machine.run(f"systemctl show --value --property=MainPID {UNIT}").stdout.strip()

    reacts: dict[str, Any] = {"restart_on": ["file//etc/reconciler-demo.conf"]}
    hands.act("create", "package", PACKAGE)
    first = main_pid()
    assert hands.act("reload", "service", PACKAGE, state="running").result == "changed"
    assert hands.act("reload", "service", PACKAGE, **reacts).result == "changed"
    assert main_pid() == first
    assert hands.act("restart", "service", PACKAGE, state="running").result == "changed"
    second = main_pid()
    assert hands.act("restart", "service", PACKAGE, **reacts).result == "changed"
    assert len({first, second, main_pid()}) == 3
    machine.run(f"systemctl stop {UNIT}")
    for action in ("restart", "reload"):
        assert hands.act(action, "service", PACKAGE, **reacts).result == "changed"
        assert main_pid() == "0"


def test_units_with_nothing_to_enable_are_as_wanted(hands: Hands) -> None:
    for enabled in (True, False):
        hands.assert_as_wanted("service", "systemd-journald", state="running", enabled=enabled)


@pytest.mark.parametrize(("name", "instance"), [("sleeper.service", "sleeper"), ("sleeper@.service", "sleeper@one")])
def test_a_unit_comes_and_goes(name: str, instance: str, hands: Hands, machine: Machine) -> None:
    hands.converge("create", "unit", name, content=SLEEPER)
    hands.converge("create" if "@" in name else "update", "service", instance, state="running", enabled=True)
    changed = SLEEPER.replace("Sleeper", "Heavy sleeper")
    assert hands.act("update", "unit", name, content=changed).result == "changed"
    shown = machine.run(f"systemctl show --property=Description,NeedDaemonReload {instance}").stdout
    assert shown == "Description=Heavy sleeper\nNeedDaemonReload=no\n"
    assert hands.act("delete", "unit", name, content="").result == "changed"
    assert hands.observe("unit", name, content="") == Absent()
    left = machine.run(f"systemctl show --property=LoadState,ActiveState {instance}").stdout
    assert left == "LoadState=not-found\nActiveState=inactive\n"
    assert machine.run("find /etc/systemd/system -name 'sleeper*'").stdout == ""


def test_a_unit_that_systemd_can_not_load_can_be_removed(hands: Hands, machine: Machine) -> None:
    hands.act("create", "unit", "broken.service", content="[Service]\nType=simple\n")
    assert "bad" in machine.run("systemctl show --property=LoadState broken").stdout
    hands.act("delete", "unit", "broken.service", content="")
    assert hands.observe("unit", "broken.service", content="") == Absent()


def test_a_drop_in_comes_and_goes(hands: Hands, machine: Machine) -> None:
    name = "cron.service.d/limits.conf"
    hands.act("create", "unit", name, content="[Service]\nLimitNOFILE=4242\n")
    hands.assert_as_wanted("unit", name, content="[Service]\nLimitNOFILE=4242\n")
    assert machine.run("systemctl show --value --property=LimitNOFILE cron").stdout == "4242\n"
    hands.act("delete", "unit", name, content="")
    assert machine.run("systemctl show --value --property=LimitNOFILE cron").stdout != "4242\n"
    assert machine.run("systemctl is-active cron").stdout == "active\n"


def test_an_account_is_made_changed_and_removed(hands: Hands, machine: Machine) -> None:
    hands.converge("create", "group", "app", gid=990, system=True)
    first: dict[str, Any] = {
        "uid": 991,
        "group": "app",
        "groups": ["adm", "audio"],
        "home": "/srv/app",
        "shell": "/bin/sh",
        "comment": "The application",
        "password": HASH,
    }
    hands.converge("create", "user", "app", **first)
    assert machine.run("stat -c '%U %F' /srv/app").stdout == "app directory\n"
    second = {
        **first,
        "uid": 1991,
        "groups": ["adm"],
        "home": "/srv/other",
        "shell": "/bin/bash",
        "comment": "",
        "password": "!",
    }
    observed = hands.observe("user", "app", **second)
    wanted = KINDS["user"].wanted("app", KINDS["user"].Spec.model_validate(second))
    assert isinstance(observed, Present)
    assert isinstance(wanted, Present)
    assert {f for f, v in wanted.state.items() if observed.state[f] != v} == set(second) - {"group"}
    hands.converge("update", "user", "app", **second)
    assert not machine.exists("/srv/other")
    hands.converge("update", "group", "app", gid=1990)
    refused = hands.act("delete", "group", "app")
    assert (refused.result, "primary group" in refused.message) == ("failed", True)
    hands.act("delete", "user", "app")
    assert hands.observe("user", "app") == Absent()
    hands.act("delete", "group", "app")
    assert hands.observe("group", "app") == Absent()
    assert machine.exists("/srv/app")


def test_homes_are_made_for_people_and_removed_only_when_asked(hands: Hands, machine: Machine) -> None:
    hands.converge("create", "user", "alice", groups=["audio"], append=True)
    hands.converge("create", "user", "daemon-of-ours", system=True)
    assert machine.exists("/home/alice")
    assert not machine.exists("/home/daemon-of-ours")
    hands.act("delete", "user", "alice", remove_home=True)
    assert not machine.exists("/home/alice")


def test_a_key_lets_in_is_exchanged_and_taken_back(hands: Hands, machine: Machine) -> None:
    path, name = "/home/alice/.ssh/authorized_keys", "alice's (new) laptop"
    assert hands.observe("authorized_key", name, user="alice", key=A) == Absent()
    nobody = hands.act("create", "authorized_key", name, user="alice", key=A)
    assert nobody.result == "failed"
    hands.act("create", "user", "alice")
    hands.converge("create", "authorized_key", name, user="alice", key=A, options=["no-pty"])
    assert machine.run(f"stat -c '%U %a' /home/alice/.ssh {path}").stdout == "alice 700\nalice 600\n"
    machine.run(f"printf '%s\\n' '# note' '{B} somebody' >> {path}; chown root {path}; chmod 644 {path}")
    hands.converge("update", "authorized_key", name, user="alice", key=A)
    assert machine.read(path) == f"# note\n{B} somebody\n{A} {name}\n"
    assert machine.run(f"stat -c '%U %a' {path}").stdout == "root 644\n"
    machine.run(f"sed -i /somebody/d {path}")
    hands.converge("update", "authorized_key", name, user="alice", key=B)
    assert machine.read(path) == f"# note\n{B} {name}\n"
    hands.converge("delete", "authorized_key", name, state="absent", user="alice", key=B)
    assert machine.read(path) == "# note\n"


def test_a_list_of_keys_that_is_a_link_is_left_alone(hands: Hands, machine: Machine) -> None:
    machine.run("useradd -m eve && mkdir ~eve/.ssh && ln -s /etc/shadow ~eve/.ssh/authorized_keys")
    observed = hands.observe("authorized_key", "eve", user="eve", key=A)
    assert isinstance(observed, Unknown)
    assert "symbolic link" in observed.reason
