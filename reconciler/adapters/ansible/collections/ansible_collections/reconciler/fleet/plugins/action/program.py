"""Takes one host's request from a file, sends it in one command, writes the host's reply to a file.

It knows files and the connection. It must not know what is in a request or a reply: both are data, and neither
passes through Ansible's templates, arguments or results.
"""

from __future__ import annotations

import contextlib
import json
import resource
import signal
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase
from ansible_collections.reconciler.fleet.plugins.module_utils.host import loader
from ansible_collections.reconciler.fleet.plugins.plugin_utils import bundle, files, known, reply, request

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
        try:
            modules = json.loads((directory / "payloads" / f"{errand['payload']}.modules").read_bytes())
            code = bundle.bundle(self, modules, variables, bundle.Places(directory, Path(settings["cache"])))
        except bundle.Unfit as error:
            return {"kind": "unfit", "reason": str(error)}
        payload = (directory / "payloads" / errand["payload"]).read_bytes()
        asked = request.Request(request.Fixed(payload, code), errand)
        (directory / "sent" / host).touch()
        beliefs = known.Known(Path(settings["cache"]), errand["known"])
        record = self._send(asked.parts(with_code=not beliefs.has(code.digest)), settings["python"])
        if record["kind"] == "reply" and reply.asks_for_code(record["reply"]):
            beliefs.forget()
            record = self._send(asked.parts(with_code=True), settings["python"])
        if record["kind"] == "reply":
            beliefs.add(code.digest)
        return record

    def _send(self, parts: list[bytes], python: str) -> dict[str, Any]:
        """One command on the host: the request on its standard input, the reply on its standard output."""
        if self._connection.transport != "local":
            _bound_memory()
        try:
            result = self._low_level_execute_command(request.command(python), in_data=b"".join(parts))
        except AnsibleError as error:
            return {"kind": "broken", "rc": 255, "error": files.tail(str(error)), "begun": loader.BEGUN in str(error)}
        except MemoryError:
            return {"kind": "broken", "rc": 0, "error": "the host sent more than can be a reply", "begun": True}
        return reply.record(result["stdout"], result["stderr"], result["rc"])


def _bound_memory() -> None:
    """A host that never stops sending must not eat the controller: this worker may grow only so far."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    with contextlib.suppress(ValueError):  # a lower limit is set already
        resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
