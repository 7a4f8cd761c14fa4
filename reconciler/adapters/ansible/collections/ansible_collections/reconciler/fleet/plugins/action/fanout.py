"""Carries the requests of many hosts from one task on the controller, over asyncssh.

It knows files and connections. It must not know what is in a request or a reply: both are data, and neither
passes through Ansible's templates, arguments or results.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.reconciler.fleet.plugins.plugin_utils import bundle, fan, files, known, reply, request

UNABLE = (ImportError, OSError, ValueError)
"""What says that this controller can't fan out at all: no asyncssh, or a key that only ssh can use."""


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _VALID_ARGS = frozenset({"directory"})

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        files.die_with_parent(signal.SIGTERM)
        directory = Path(self._task.args["directory"])
        settings = json.loads((directory / "run.json").read_bytes())
        journal = fan.Journal(directory)
        payloads = _Payloads(self, task_vars or {}, bundle.Places(directory, Path(settings["cache"])))
        asyncio.run(_fan_out(settings, payloads, journal))
        return {"changed": False}


async def _fan_out(settings: dict[str, Any], payloads: _Payloads, journal: fan.Journal) -> None:
    hosts: list[str] = settings["hosts"]
    errands = {host: payloads.errand(host) for host in hosts}
    try:
        visits = _Visits(settings, payloads, journal, errands)
    except UNABLE as error:
        for host in hosts:
            journal.end(host, {"kind": "unable", "reason": f"{type(error).__name__}: {error}"})
        return
    await fan.visit_all(hosts, visits.visit, journal, (settings["width"], settings["limit"]))


class _Payloads:
    """The requests' fixed parts, each made once."""

    def __init__(self, action: ActionBase, variables: dict[str, Any], places: bundle.Places) -> None:
        self.places = places
        self._action = action
        self._variables = variables
        self._made: dict[str, request.Fixed | bundle.Unfit] = {}
        self._codes: dict[tuple[str, ...], bundle.Code] = {}

    def errand(self, host: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.places.run / "hosts" / host).read_bytes())
        return found

    def fixed(self, name: str) -> request.Fixed:
        """Raises bundle.Unfit."""
        if name not in self._made:
            try:
                self._made[name] = self._make(name)
            except bundle.Unfit as error:
                self._made[name] = error
        found = self._made[name]
        if isinstance(found, bundle.Unfit):
            raise found
        return found

    def _make(self, name: str) -> request.Fixed:
        path = self.places.run / "payloads" / name
        modules = tuple(json.loads(path.with_name(f"{name}.modules").read_bytes()))
        if modules not in self._codes:
            self._codes[modules] = bundle.bundle(self._action, modules, self._variables, self.places)
        return request.Fixed(path.read_bytes(), self._codes[modules])


class _Visits:
    """What one visit of a host is. Raises one of UNABLE when made where no visit is possible."""

    def __init__(
        self, settings: dict[str, Any], payloads: _Payloads, journal: fan.Journal, errands: dict[str, dict[str, Any]]
    ) -> None:
        from ansible_collections.reconciler.fleet.plugins.plugin_utils import exchange, login

        self._exchange, self._login = exchange, login
        self._settings, self._payloads, self._journal, self._errands = settings, payloads, journal, errands
        places = [(errand["ssh"]["address"], errand["ssh"]["port"]) for errand in errands.values()]
        self._logins = login.Logins(settings["ssh"], places)
        self._room = exchange.Room()
        self._sudo = exchange.Sudo(_password(settings["ssh"]["become_password_file"]), _prompt())

    async def visit(self, host: str) -> fan.Record:
        errand = self._errands[host]
        ssh = errand["ssh"]
        try:
            asked = request.Request(self._payloads.fixed(errand["payload"]), errand)
            async with self._logins.connection(
                self._login.Where(ssh["address"], ssh["port"], ssh["user"])
            ) as connection:
                if self._journal.stopping():
                    return fan.SKIPPED
                return await self._with_code(host, asked, connection)
        except bundle.Unfit as error:
            return {"kind": "unfit", "reason": str(error)}
        except self._login.NotReached as error:
            return {"kind": "broken", "rc": 255, "error": str(error), "begun": False}

    async def _with_code(self, host: str, asked: request.Request, connection: Any) -> fan.Record:
        """With the code if the host is not believed to have it, and again if it says that it has not."""
        beliefs = known.Known(self._payloads.places.cache, self._errands[host]["known"])
        record = await self._send(host, asked.parts(with_code=not beliefs.has(asked.code.digest)), connection)
        if record["kind"] == "reply" and reply.asks_for_code(record["reply"]):
            beliefs.forget()
            record = await self._send(host, asked.parts(with_code=True), connection)
        if record["kind"] == "reply":
            beliefs.add(asked.code.digest)
        return record

    async def _send(self, host: str, parts: list[bytes], connection: Any) -> fan.Record:
        python = self._settings["python"]
        sudo = self._sudo if self._errands[host]["ssh"]["become"] else None
        command = sudo.command(python) if sudo else request.command(python)
        visit = self._exchange.Visit(parts, sudo, _Heard(self._journal, host), self._room)
        patience = 3 * self._settings["ssh"]["connect_timeout"]
        said = await self._exchange.run(connection, command, visit, patience)
        out, err = said.out.decode(errors="replace"), said.err.decode(errors="replace")
        record = reply.record(out, err.replace(request.READY, ""), said.status)
        if record["kind"] == "broken":
            record["error"] = files.tail(f"{record['error']}\n{said.trouble}") if said.trouble else record["error"]
        return record


@dataclass(frozen=True)
class _Heard:
    """Writes down what happens on a visit of one host."""

    journal: fan.Journal
    host: str

    def sending(self) -> None:
        self.journal.sending(self.host)

    def told(self, text: str) -> None:
        self.journal.tell(self.host, text)


def _password(file: str) -> str | None:
    return Path(file).read_text().strip("\r\n") if file else None


def _prompt() -> str:
    """One that no host can know beforehand, so that nothing else that it prints is taken for it."""
    return f"[sudo for reconciler, {secrets.token_hex(16)}] password: "
