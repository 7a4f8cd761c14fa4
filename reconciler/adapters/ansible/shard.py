"""One run of Ansible for some hundreds of hosts that go the same way: what it is given, and what it answers.

Both ways work on the same directory: an errand for each host, payloads that hosts share, results, what was sent.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from reconciler.adapters.ansible import configuration, inventory, reasons, reply, request
from reconciler.adapters.ansible.choice import Way
from reconciler.adapters.ansible.directory import RunDirectory
from reconciler.adapters.ansible.settings import SshSettings
from reconciler.model.delivery import Delivery, Outcome, Payload, Reply
from reconciler.model.errors import Stalled
from reconciler.ports import Hearing

CONTROLLER = "controller"
"""What a fan-out run's only host is called in Ansible."""
_HERE = Path(__file__).parent


@dataclass(slots=True)
class Shard:
    """What is still to be answered in one run, by the hosts' names in it. `again` is what has to go the other way.

    `told` are outcomes that hosts told before their replies, which `hearing` gets as they come.
    """

    settings: SshSettings
    directory: RunDirectory
    way: Way
    hearing: Hearing
    waiting: dict[str, Delivery] = field(default_factory=dict)
    again: list[Delivery] = field(default_factory=list)
    told: dict[str, list[Outcome]] = field(default_factory=dict)
    stopped: bool = False

    def stop(self) -> None:
        """No further host is begun."""
        if not self.stopped:
            self.directory.stop()
            self.stopped = True

    def finished(self) -> Iterator[Reply]:
        """The replies of the hosts that a fan-out has finished since the last time."""
        names = self.directory.finished()  # before the news: what they told came earlier
        for name, text in self.directory.news():
            self._hear(name, text)
        for name in names:
            yield from self.reply(name, "")

    def rest(self, failure: str) -> Iterator[Reply]:
        """The replies of all that are left: the run has ended, and `failure` is what it said at last."""
        for name in list(self.waiting):
            yield from self.reply(name, failure)

    def reply(self, name: str, failure: str) -> Iterable[Reply]:
        """The reply of a host that Ansible is through with; nothing for one that has got its reply already."""
        delivery = self.waiting.pop(name, None)
        if delivery is None:
            return ()
        told = tuple(self.told.pop(name, ()))
        record = self.directory.result(name)
        if record is None:
            found: Reply | None = self._without_record(name, delivery.host.name, failure)
        else:
            found = reply.from_record(record, delivery, self.settings)
        if found is None:
            self.again.append(delivery)
            return ()
        return (replace(found, outcomes=told) if found.status == "lost" and told else found,)

    def _hear(self, name: str, text: str) -> None:
        delivery = self.waiting.get(name)
        if delivery is None:
            return
        before = self.told.setdefault(name, [])
        news = reply.told(text, delivery, len(before))
        before += news
        if news:
            self.hearing(delivery.host.name, tuple(news))

    def _without_record(self, name: str, host: str, failure: str) -> Reply:
        said = reasons.of_ansible(failure)
        if self.directory.sent(name):
            return Reply(host, "lost", said)
        return skipped(host) if self.stopped else Reply(host, "unreachable", said)


def skipped(host: str) -> Reply:
    return Reply(host, "skipped", "not begun: the run was stopped")


def prepare(shard: Shard, deliveries: Sequence[Delivery]) -> Iterator[Reply]:
    """Write everything that the run needs. Yields the replies of hosts that nothing can be sent to."""
    payloads = _Payloads(shard.directory, shard.settings)
    hosts = {}
    for number, delivery in enumerate(deliveries, start=1):
        name = inventory.name(number)
        try:
            variables = inventory.variables(delivery.host, shard.settings.user)
            payload = payloads.name(delivery.payload)
        except inventory.Unreachable as error:
            yield Reply(delivery.host.name, "unreachable", str(error))
        except request.Unsendable as error:
            yield reply.undone(delivery, str(error))
        else:
            hosts[name] = variables
            shard.directory.write(f"hosts/{name}", _errand(delivery, payload, shard.settings))
            shard.waiting[name] = delivery
    _write_run(shard, hosts)


def _write_run(shard: Shard, hosts: dict[str, dict[str, object]]) -> None:
    settings, directory = shard.settings, shard.directory
    run: dict[str, Any] = {"python": settings.python, "cache": settings.cache_dir}
    if shard.way == "fan-out":
        run |= _fan_out(settings, list(hosts))
        hosts = {CONTROLLER: {"ansible_connection": "local"}}
    directory.write("fleet.json", inventory.document(hosts))
    directory.write("play.json", configuration.playbook(directory.path, shard.way))
    directory.write("run.json", run)
    collections = [_HERE / "collections", Path.home() / ".ansible/collections", Path("/usr/share/ansible/collections")]
    places = configuration.Places(directory.path, collections, _runner() / "display_callback" / "callback")
    directory.write("ansible.cfg", configuration.ansible_cfg(settings, places, shard.way))


def _fan_out(settings: SshSettings, hosts: list[str]) -> dict[str, Any]:
    ssh = ("private_key_file", "known_hosts_file", "become_password_file", "connect_timeout", "dead_after")
    return {
        "hosts": hosts,
        "width": settings.width,
        "limit": configuration.host_limit(settings),
        "ssh": {name: getattr(settings, name) for name in ssh},
    }


def _runner() -> Path:
    """Where ansible-runner is, without importing it."""
    found = importlib.util.find_spec("ansible_runner")
    if found is None or found.origin is None:
        raise Stalled("ansible-runner is not installed", "install it beside Reconciler")
    return Path(found.origin).parent


class _Payloads:
    """Payloads in the run's directory: hosts that share an object share a file."""

    def __init__(self, directory: RunDirectory, settings: SshSettings) -> None:
        self._directory = directory
        self._settings = settings
        self._names: dict[int, str] = {}

    def name(self, payload: Payload) -> str:
        """Raises request.Unsendable, for each host anew."""
        name = self._names.get(id(payload))
        if name is None:
            document = request.document(payload, self._settings.digest_key)
            name = f"p{len(self._names) + 1:06d}"
            ordinary = request.ordinary(payload)
            self._directory.write(f"payloads/{name}", document)
            self._directory.write(f"payloads/{name}.modules", request.modules(payload))
            if ordinary:
                self._directory.write(f"payloads/{name}.ordinary", ordinary)
            self._names[id(payload)] = name
        return name


def _errand(delivery: Delivery, payload: str, settings: SshSettings) -> dict[str, object]:
    """What an action plugin needs to know about one host."""
    host = delivery.host
    # Hosts that are directories of this machine share one copy of the code, unless another user runs it.
    home = f"{settings.cache_dir}/code" if host.root and not host.become else ""
    user, address = host.user or settings.user, inventory.address(host)
    where = ["code", home] if home else [host.connection, address, host.port, user, host.become]
    return {
        "payload": payload,
        "works": len(delivery.payload.works),
        "ordinary": delivery.payload.ordinary,
        "hold": configuration.host_limit(settings),
        "home": home,
        "known": hashlib.sha256(repr(where).encode()).hexdigest(),
        "ssh": {"address": address, "port": host.port, "user": user, "become": host.become},
        "host": {
            "root": host.root,
            "store": delivery.store,
            "epoch": delivery.epoch,
            "identity": delivery.identity,
            "lock_wait": settings.lock_wait,
            "timeout": settings.host_timeout,
        },
    }


def command(shard: Shard) -> list[str]:
    """The program of the run, and its arguments."""
    settings, directory = shard.settings, shard.directory
    words = [settings.ansible_playbook, "-i", str(directory.path / "fleet.json")]
    if settings.become_password_file and shard.way == "standard":
        words += ["--become-password-file", settings.become_password_file]
    return [*words, str(directory.path / "play.json")]
