"""One run of `ansible-playbook` through ansible-runner, in a thread, telling what happens to its hosts.

The facts about ansible-runner that shape this: in the main thread it takes over the signal handlers; an event
handler that raises leaves it running for ever; it looks at the cancel callback only as often as `pexpect_timeout`.
It must not know deliveries or replies.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import sys
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any, TypeAlias

from reconciler.adapters.ansible import leash
from reconciler.adapters.ansible.directory import RunDirectory

SETTINGS = {"pexpect_timeout": 1, "suppress_output_file": True, "suppress_ansible_output": True}
_FINISHED = frozenset({"runner_on_ok", "runner_on_failed", "runner_on_unreachable", "runner_on_skipped"})
_SAID = frozenset({"error", "verbose"})
_TAIL = 50
_PATIENCE = 5


@dataclass(frozen=True, slots=True)
class HostDone:
    """Ansible is through with a host. `failure` is what it says when it did not even come to our plugin's end."""

    name: str
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Ended:
    """The program has ended. `tail` are the last lines that it printed."""

    tail: str


Happening: TypeAlias = HostDone | Ended


class AnsibleRun:
    """Runs a command; `start` tells what happens, `Ended` at last; `end` makes sure that nothing of it is left."""

    def __init__(self, directory: RunDirectory, command: list[str]) -> None:
        self._directory = directory
        self._command = command
        self._tell: Callable[[Happening], None] = lambda _: None
        self._lines: deque[str] = deque(maxlen=_TAIL)
        self._aborted = Event()
        self._patience = _PATIENCE
        self._thread = Thread(target=self._run, name="ansible-runner", daemon=True)

    def start(self, tell: Callable[[Happening], None]) -> None:
        """Starts the program. `tell` is called in another thread, and must not block."""
        self._tell = tell
        self._thread.start()

    def end(self) -> None:
        """Kill whatever still runs, and wait for it."""
        if self._thread.ident is None:
            return
        self._aborted.set()
        self._signal()
        self._thread.join()

    def _run(self) -> None:
        try:
            import ansible_runner  # type: ignore[import-untyped]  # it has no types

            self._directory.write("env/settings", SETTINGS)
            words = ["-I", "-S", leash.__file__, str(os.getpid()), str(self._directory.path), *self._command]
            ansible_runner.run(
                private_data_dir=str(self._directory.path),
                ident="run",
                binary=sys.executable,
                cmdline=shlex.join(words),
                event_handler=self._event,
                cancel_callback=self._cancelled,
                suppress_env_files=True,
                quiet=True,
            )
        except Exception as error:  # noqa: BLE001 - whatever it is, the hosts of this run must get their replies
            self._lines.append(f"{type(error).__name__}: {error}")
        finally:
            self._tell(Ended("\n".join(self._lines)))

    def _event(self, event: Mapping[str, Any]) -> bool:
        """Never raises; False, so that ansible-runner keeps no file of the event."""
        with contextlib.suppress(Exception):
            kind, data = event.get("event"), event.get("event_data") or {}
            if kind in _FINISHED:
                said = (data.get("res") or {}).get("msg", "") if kind != "runner_on_ok" else ""
                self._tell(HostDone(str(data["host"]), str(said)))
            elif kind in _SAID and event.get("stdout"):
                self._lines.extend(str(event["stdout"]).splitlines())
        return False

    def _cancelled(self) -> bool:
        """True makes ansible-runner kill the leash hard; before that, the leash gets the time to clean up."""
        if not self._aborted.is_set():
            return False
        self._signal()
        self._patience -= 1
        return self._patience < 0

    def _signal(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            pid = int((self._directory.path / "leash.pid").read_text())
            if str(self._directory.path).encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                os.kill(pid, signal.SIGTERM)
