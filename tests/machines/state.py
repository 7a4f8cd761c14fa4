"""A state repository whose hosts are machines of a lab, and the real command line on it, as a person has them.

Every command is a process of its own. Knows the documents' form; must not look into the product.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import reconciler
from tests.lab import Lab
from tests.patience import PATIENCE

PROGRAM = [sys.executable, "-c", "from reconciler.cli.main import main; main()"]
LABELS = {"lab": "all"}
Resources = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Said:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    def __str__(self) -> str:
        return f"exit code {self.code}\n{self.out}\n{self.err}"


@dataclass
class StateRepo:
    """A Git repository at `folder`/state with a Host document for each machine, all labelled `lab: all`.

    The store and the settings (`settings` of [ssh], `health` of [health]) are beside it. `cache` may be shared.
    """

    lab: Lab
    folder: Path
    cache: Path
    settings: dict[str, Any] = field(default_factory=dict)
    health: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.repo = self.folder / "state"
        self.repo.mkdir(parents=True)
        self._git("init", "--quiet", "--initial-branch=main")
        for machine in self.lab.machines:
            self.host(machine.name)

    def host(self, name: str, **spec: Any) -> None:
        """Writes a host's document: root at the machine's address, unless `spec` says otherwise."""
        machine = self.lab[name]
        given = {"address": machine.address, "port": machine.port, "user": "root", **spec}
        self.document("Host", name, given, {**LABELS, "host": name})

    def service(self, name: str, resources: Resources, *hosts: str, **spec: Any) -> None:
        """Writes a service's document, for some hosts or all."""
        selector: dict[str, Any] = {"matchLabels": LABELS}
        if hosts:
            selector = {"matchExpressions": [{"key": "host", "operator": "In", "values": list(hosts)}]}
        self.document("Service", name, {"hosts": selector, "resources": list(resources), **spec})

    def document(self, kind: str, name: str, spec: Mapping[str, Any], labels: Mapping[str, str] | None = None) -> None:
        metadata = {"name": name, **({"labels": labels} if labels else {})}
        text = {"apiVersion": "reconciler/v1", "kind": kind, "metadata": metadata, "spec": spec}
        self.write(f"{kind.lower()}s/{name}.yaml", json.dumps(text, indent=2))

    def write(self, path: str, text: str) -> None:
        file = self.repo / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def remove(self, path: str) -> None:
        (self.repo / path).unlink()

    def commit(self, message: str = "change") -> str:
        """Commits everything; answers the revision."""
        self._git("add", "--all")
        self._git("-c", "user.name=Lab", "-c", "user.email=lab@localhost", "commit", "--quiet", "-m", message)
        return self._git("rev-parse", "HEAD").strip()

    def validate(self) -> list[dict[str, Any]]:
        """The problems."""
        problems: list[dict[str, Any]] = self.run("validate", "--output", "json").json["problems"]
        return problems

    def plan(self, *options: str) -> dict[str, Any]:
        """The plan. The exit code must say whether it holds changes."""
        said = self.run("plan", "--output", "json", *options)
        assert said.code in (0, 2), said
        made: dict[str, Any] = said.json
        summary = made["summary"]
        changes = sum(summary[count] for count in ("create", "update", "delete", "restart"))
        assert said.code == (2 if changes else 0), said
        return made

    def apply(self, *options: str, ok: bool = True) -> dict[str, Any]:
        """The run of a fresh plan, or of the file that is among the options. It has to go through, or (not ok) fail."""
        said = self.run("apply", "--yes", "--output", "json", *options)
        assert said.code == (0 if ok else 1), said
        run: dict[str, Any] = said.json
        assert run["outcomes"] or run["hosts"], f"nothing was done\n{said}"
        return run

    def drift(self) -> dict[tuple[str, str, str], dict[str, Any]]:
        """What drifts, by host, kind and name."""
        said = self.run("drift", "--output", "json")
        assert said.code in (0, 2), said
        found = {(d["host"], d["kind"], d["name"]): d for d in said.json["drifted"]}
        assert said.code == (2 if found else 0), said
        return found

    def run(self, *words: str) -> Said:
        """Any command."""
        with self.start(*words) as process:
            out, err = process.communicate(timeout=PATIENCE)
        return Said(process.returncode, out, err)

    def start(self, *words: str, log: Path | None = None) -> subprocess.Popen[str]:
        """Any command, not waited for, in a process group of its own. What it says goes into the log, if given."""
        self._configure()
        with (log or Path(os.devnull)).open("ab") as file:
            return subprocess.Popen(
                [*PROGRAM, *words, "--repo", str(self.repo), "--store", str(self.folder / "store.db")],
                stdin=subprocess.DEVNULL,
                stdout=file if log else subprocess.PIPE,
                stderr=file if log else subprocess.PIPE,
                text=True,
                cwd=self.folder,
                env=self._environment(),
                start_new_session=True,
            )

    def _configure(self) -> None:
        ssh = {"private_key_file": str(self.lab.key), "known_hosts_file": str(self.lab.known_hosts), **self.settings}
        # JSON's strings and numbers are TOML's too.
        lines = [f"cache_dir = {json.dumps(str(self.cache))}", "[ssh]"]
        lines += [f"{name} = {json.dumps(value)}" for name, value in ssh.items()]
        lines += ["[health]", *(f"{name} = {json.dumps(value)}" for name, value in self.health.items())]
        (self.folder / "reconciler.toml").write_text("\n".join(lines) + "\n")

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("RECONCILER_")}
        return {**kept, "PYTHONPATH": str(Path(reconciler.__file__).parents[1])}

    def _git(self, *words: str) -> str:
        env = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        done = subprocess.run(["git", *words], cwd=self.repo, env=env, capture_output=True, text=True, check=True)
        return done.stdout


def changes(plan: Mapping[str, Any], host: str) -> list[tuple[str, str, str]]:
    """What a plan does on a host, in order: action, kind and name."""
    programs = [p for step in plan["steps"] for p, hosts in step["programs"].items() if host in hosts]
    return [(c["action"], c["kind"], c["name"]) for p in programs for c in plan["programs"][p]["changes"]]


def results(run: Mapping[str, Any], host: str) -> dict[tuple[str, str, str], str]:
    """What came of each change of a run on a host."""
    return {(o["action"], o["kind"], o["name"]): o["result"] for o in run["outcomes"] if host in o["hosts"]}


def statuses(run: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """The hosts of a run that did not go through: status and reason."""
    return {host: (row["status"], row["reason"]) for row in run["hosts"] for host in row["hosts"]}
