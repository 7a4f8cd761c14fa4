"""Takes one host's request from a file, sends it in one command, writes the host's reply to a file.

It knows files and the connection. It must not know what is in a request or a reply: both are data, and neither
passes through Ansible's templates, arguments or results.
"""

from __future__ import annotations

import contextlib
import json
import resource
import secrets
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase
from ansible_collections.reconciler.fleet.plugins.plugin_utils import (
    bundle,
    files,
    known,
    ordinary,
    parts,
    reply,
    request,
)

MEMORY = 512 * 1024 * 1024


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _VALID_ARGS = frozenset({"directory"})

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        variables = task_vars or {}
        directory, host = Path(self._task.args["directory"]), variables["inventory_hostname"]
        files.die_with_parent(signal.SIGTERM)
        if (directory / "stop").exists():
            record: dict[str, Any] = {"kind": "skipped"}
        else:
            record = self._carry(directory, host, variables)
        files.write(directory / "results" / host, json.dumps(record).encode())
        return {"changed": False}

    def _carry(self, directory: Path, host: str, variables: dict[str, Any]) -> dict[str, Any]:
        """What came of it, as a record that the carrier reads."""
        settings = json.loads((directory / "run.json").read_bytes())
        errand = json.loads((directory / "hosts" / host).read_bytes())
        path = directory / "payloads" / errand["payload"]
        try:
            modules = json.loads(path.with_name(f"{path.name}.modules").read_bytes())
            code = bundle.bundle(self, modules, variables, bundle.Places(directory, Path(settings["cache"])))
        except bundle.Unfit as error:
            return {"kind": "unfit", "reason": str(error)}
        asked = request.Request(request.Fixed(path.read_bytes(), code), errand)
        (directory / "sent" / host).touch()
        beliefs = known.Known(Path(settings["cache"]), errand["known"])
        visits = _Visits(asked, beliefs, lambda parts: self._send(parts, settings["python"]))
        if errand["ordinary"]:
            return self._in_parts(visits, errand, path, variables)
        return visits.visit(None)

    def _in_parts(
        self, visits: _Visits, errand: dict[str, Any], path: Path, variables: dict[str, Any]
    ) -> dict[str, Any]:
        """Ordinary tasks, and visits for the rest."""
        works: dict[str, Any] = json.loads(path.with_name(f"{path.name}.ordinary").read_bytes())
        plan = parts.Plan(errand["works"], [int(number) for number in works], secrets.token_hex(16), errand["hold"])
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".files-") as scratch:

            def task(number: int) -> parts.Outcome:
                where = (errand["host"]["root"], Path(scratch))
                return ordinary.perform(self, works[str(number)], variables, where)

            return parts.carry(plan, visits.visit, task)

    def _send(self, parts: list[bytes], python: str) -> dict[str, Any]:
        """One command on the host: the request on its standard input, the reply on its standard output."""
        if self._connection.transport != "local":
            _bound_memory()
        try:
            result = self._low_level_execute_command(request.command(python), in_data=b"".join(parts))
        except AnsibleError as error:
            return reply.broken(str(error), 255)
        except MemoryError:
            return {**reply.broken("the host sent more than can be a reply", 0), "begun": True}
        return reply.record(result["stdout"], result["stderr"], result["rc"])


class _Visits:
    """Visits of one host: with the code if it is not believed to have it, and again if it says that it has not."""

    def __init__(
        self, asked: request.Request, beliefs: known.Known, send: Callable[[list[bytes]], dict[str, Any]]
    ) -> None:
        self._asked, self._beliefs, self._send = asked, beliefs, send

    def visit(self, part: dict[str, Any] | None) -> dict[str, Any]:
        asked, beliefs, digest = self._asked, self._beliefs, self._asked.code.digest
        record = self._send(asked.parts(not beliefs.has(digest), part))
        if record["kind"] == "reply" and reply.asks_for_code(record["reply"]):
            beliefs.forget()
            record = self._send(asked.parts(True, part))
        if record["kind"] == "reply":
            beliefs.add(digest)
        return record


def _bound_memory() -> None:
    """A host that never stops sending must not eat the controller: this worker may grow only so far."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    with contextlib.suppress(ValueError):  # a lower limit is set already
        resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
