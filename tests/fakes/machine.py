"""A simulated machine: what is on it, its answers to probes' queries, and what Ansible modules do to it.

As strict as a real one where order matters: a file needs its directory and its owner, a unit its package or unit file.
Knows the queries and calls of the kinds; knows nothing of carriers, epochs or plans.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from reconciler.model.delivery import Call
from reconciler.model.digest import text_digest
from reconciler.model.key import Key
from reconciler.model.observation import Facts, Query

PROGRAMS = frozenset({"apt-get"})
UNITS = "/etc/systemd/system"
KERNEL = ("vm.swappiness", "vm.of-base", "vm.of-core", "vm.of-data", "vm.of-edge")
"""The settings that every kernel has."""
NEWEST = "1.0"
"""The version of every package when none is named."""


class Failed(Exception):
    """A module failed, with its message."""


def directory() -> dict[str, Any]:
    return {"type": "directory", "owner": "root", "group": "root", "mode": "0755"}


def file(content: str = "") -> dict[str, Any]:
    return {"type": "file", "content": content.encode(), "owner": "root", "group": "root", "mode": "0644"}


@dataclass
class Machine:
    """`paths` maps a path to its type, content and attributes; `done` lists what was changed, oldest first.

    `unreadable` are resources that can't be answered for; `failing` are those whose changes fail.
    """

    identity: str
    paths: dict[str, dict[str, Any]] = field(default_factory=dict)
    packages: dict[str, str] = field(default_factory=dict)
    held: set[str] = field(default_factory=set)
    accounts: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    units: dict[str, dict[str, Any]] = field(default_factory=dict)
    kernel: dict[str, str] = field(default_factory=lambda: dict.fromkeys(KERNEL, "60"))
    unreadable: set[Key] = field(default_factory=set)
    failing: set[Key] = field(default_factory=set)
    done: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        for path in ("/etc", UNITS.rpartition("/")[0], UNITS, "/etc/sysctl.d", "/srv"):
            self.paths.setdefault(path, directory())

    def answer(self, key: Key, query: Query) -> Facts:
        """The facts for a query, as the probe of that name would tell them."""
        if key in self.unreadable:
            return {"error": "permission denied"}
        match query["probe"]:
            case "path":
                return self._path(query)
            case "package":
                return self._package(query)
            case "account":
                return self._account(query)
            case "systemd":
                return self._unit(query)
            case "sysctl":
                return self._sysctl(query)
            case other:
                return {"error": f"this host's probes do not know {other!r}"}

    def perform(self, call: Call) -> bool:
        """Carries a call out; answers whether it changed anything. Raises Failed."""
        before = self._everything()
        match call.module.removeprefix("ansible.builtin."):
            case "copy":
                self._copy(call)
            case "file":
                self._file(call.args)
            case "apt":
                self._apt(call.args)
            case "dpkg_selections":
                (self.held.add if call.args["selection"] == "hold" else self.held.discard)(call.args["name"])
            case "user" | "group" as kind:
                self._set_account(kind, call.args)
            case "systemd_service":
                return self._systemd(call.args) or before != self._everything()
            case "command":
                return self._command(call.args["argv"]) or before != self._everything()
            case other:
                raise Failed(f"no simulation of {other}")
        return before != self._everything()

    def _everything(self) -> str:
        return repr((self.paths, self.packages, sorted(self.held), self.accounts, self.units, self.kernel))

    def _path(self, query: Query) -> Facts:
        there = self.paths.get(query["path"])
        if there is None:
            return {"exists": False}
        facts: dict[str, Any] = {"exists": True, "type": there["type"]}
        if "content" in query["want"] and there["type"] == "file":
            facts["sha256"] = text_digest(there["content"])
            facts |= {"text": there["content"].decode()} if query.get("text") else {}
        return facts | {f: there[f] for f in ("owner", "group", "mode", "target") if f in query["want"] and f in there}

    def _package(self, query: Query) -> Facts:
        name = query["name"]
        if name not in self.packages:
            return {"status": "absent"}
        facts = {"status": "installed", "versions": [self.packages[name]], "held": name in self.held}
        return {f: v for f, v in facts.items() if f == "status" or f in query["want"]}

    def _account(self, query: Query) -> Facts:
        kind = "user" if "user" in query else "group"
        there = self.accounts.get((kind, query[kind]))
        if there is None:
            return {"exists": False}
        facts = {f: there.get(f, [] if f == "groups" else "") for f in query["want"]}
        if "password" in facts:
            salted = (query["salt"] + facts["password"]).encode()
            facts["password"] = hashlib.blake2b(salted, digest_size=16).hexdigest()
        return {"exists": True} | facts

    def _unit(self, query: Query) -> Facts:
        unit = query["unit"]
        if not self._brought(unit):
            return {"load": "not-found"}
        state = self.units.get(unit, {"state": "stopped", "enabled": "disabled", "masked": False})
        return {"load": "masked" if state["masked"] else "loaded"} | {f: state[f] for f in query["want"]}

    def _brought(self, unit: str) -> bool:
        return unit.rpartition(".")[0] in self.packages or f"{UNITS}/{unit}" in self.paths

    def _sysctl(self, query: Query) -> Facts:
        drop_in = self.paths.get(query["file"])
        text = drop_in["content"].decode() if drop_in else ""
        persisted = text.rpartition("=")[2].strip() or None
        return {"value": self.kernel.get(query["name"]), "exists": drop_in is not None, "persisted": persisted}

    def _copy(self, call: Call) -> None:
        path = call.args["dest"]
        self._in_a_directory(path)
        if self.paths.get(path, {}).get("type") == "directory":
            raise Failed(f"{path} is a directory")
        there = self.paths.get(path) or file()
        self.paths[path] = there | {"content": call.files["src"]} | self._attributes(call.args)

    def _file(self, args: Mapping[str, Any]) -> None:
        path = args["path"]
        match args["state"]:
            case "absent":
                self.paths.pop(path, None)
                return
            case "link":
                self._in_a_directory(path)
                self.paths[path] = {"type": "link", "target": args["src"]}
                return
            case "touch":
                self._in_a_directory(path)
                self.paths.setdefault(path, file())
        if path not in self.paths:
            raise Failed(f"{path} is not there")
        self.paths[path] = self.paths[path] | self._attributes(args)

    def _attributes(self, args: Mapping[str, Any]) -> dict[str, str]:
        for kind, name in (("user", args.get("owner")), ("group", args.get("group"))):
            if name not in (None, "root") and (kind, name) not in self.accounts:
                raise Failed(f"there is no {kind} {name}")
        return {f: args[f] for f in ("owner", "group", "mode") if args.get(f) is not None}

    def _in_a_directory(self, path: str) -> None:
        above = str(PurePosixPath(path).parent)
        if above != "/" and self.paths.get(above, {}).get("type") != "directory":
            raise Failed(f"Destination directory {above} does not exist")

    def _apt(self, args: Mapping[str, Any]) -> None:
        name, _, version = args["name"][0].partition("=")
        if args["state"] == "absent":
            self.packages.pop(name, None)
        elif version or name not in self.packages:
            self.packages[name] = version or NEWEST

    def _set_account(self, kind: str, args: Mapping[str, Any]) -> None:
        key = (kind, args["name"])
        if args["state"] == "absent":
            self.accounts.pop(key, None)
            return
        for group in (*([args["group"]] if args.get("group") else ()), *args.get("groups", ())):
            if ("group", group) not in self.accounts:
                raise Failed(f"Group {group} does not exist")
        given = {f: v for f, v in args.items() if f not in ("name", "state", "append", "create_home", "system")}
        self.accounts[key] = self.accounts.get(key, {}) | given

    def _systemd(self, args: Mapping[str, Any]) -> bool:
        """Whether it was restarted or reloaded: a change that leaves everything as it was."""
        unit = args.get("name", "")
        if unit and not self._brought(unit):
            raise Failed(f"Could not find the requested service {unit}")
        if not unit:
            return False
        state = self.units.setdefault(unit, {"state": "stopped", "enabled": "disabled", "masked": False})
        match args.get("state"):
            case "started" | "restarted" | "reloaded" as verb:
                state["state"] = "running"
                if verb != "started":
                    self.done.append(f"{verb} {unit}")
                    return True
            case "stopped":
                state["state"] = "stopped"
        if "enabled" in args:
            state["enabled"] = "enabled" if args["enabled"] else "disabled"
        if "masked" in args:
            state["masked"] = args["masked"]
        return False

    def _command(self, argv: list[str]) -> bool:
        match argv:
            case ["mkdir", path]:
                self._in_a_directory(path)
                if path in self.paths:
                    raise Failed(f"{path}: File exists")
                self.paths[path] = directory()
            case ["rmdir", path]:
                if any(other.startswith(path + "/") for other in self.paths):
                    raise Failed(f"{path}: Directory not empty")
                self.paths.pop(path, None)
            case ["sysctl", "-w", setting]:
                name, _, value = setting.partition("=")
                self.kernel[name] = value
            case ["systemctl", verb, "--", unit]:
                self.done.append(f"{verb} {unit}")
                return True
            case ["systemctl", "daemon-reload"]:
                return True
            case _:
                raise Failed(f"no simulation of {argv}")
        return False
