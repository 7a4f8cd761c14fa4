"""A place to run the command line in: a state repository, hosts that are directories, a home, nothing of our own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
BYTECODE = Path(tempfile.gettempdir()) / f"reconciler-tests-{os.getuid()}"
"""Compiled modules are kept between the processes that tests start, as they are on a machine where it's installed."""

HOST = """\
apiVersion: reconciler/v1
kind: Host
metadata: {{name: {name}, labels: {{role: {role}}}}}
spec: {{connection: local, root: {root}, vars: {{workers: 4}}}}
"""
WEB = """\
apiVersion: reconciler/v1
kind: Service
metadata: {name: web}
spec:
  owner: team-web
  hosts: {matchLabels: {role: web}}
  vars: {port: 8080}
  resources:
    - file: /etc/web.conf
      content: |
        listen {{ vars.port }}
        name {{ host.name }}
      mode: "0644"
    - file: /etc/token
      content: s3cret-canary
      mode: "0600"
      sensitive: true
"""


@dataclass(frozen=True)
class Result:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on stdout."""
        return json.loads(self.out)


@dataclass(frozen=True)
class Place:
    base: Path
    more: Mapping[str, str] = field(default_factory=dict)

    @property
    def state(self) -> Path:
        return self.base / "state"

    @property
    def env(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.base / "home"),
            "PYTHONPATH": str(ROOT),
            "PYTHONPYCACHEPREFIX": str(BYTECODE),
            "PYTHONWARNINGS": "error",
            "RECONCILER_ALLOW_LOCAL": "true",
            "LC_ALL": "C.UTF-8",
            **self.more,
        }

    def root(self, host: str) -> Path:
        """The directory that stands for a host's `/`."""
        return self.base / "hosts" / host

    def host(self, name: str, role: str = "web") -> None:
        """A host, with an empty root but for etc."""
        (self.root(name) / "etc").mkdir(parents=True)
        self.write({f"hosts/{name}.yaml": HOST.format(name=name, role=role, root=self.root(name))})

    def write(self, files: Mapping[str, str | bytes]) -> None:
        for name, content in files.items():
            path = self.state / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)

    def commit(self, files: Mapping[str, str | bytes] | None = None, subject: str = "change") -> str:
        """Writes files and commits everything; answers the commit."""
        self.write(files or {})
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", subject)
        return self.git("rev-parse", "HEAD")

    def git(self, *arguments: str) -> str:
        person = ["-c", "user.name=Tester", "-c", "user.email=tester@example.org", "-c", "commit.gpgsign=false"]
        command = ["git", "-C", str(self.state), *person, *arguments]
        env = {"PATH": os.environ["PATH"], "HOME": str(self.base), "GIT_CONFIG_NOSYSTEM": "1"}
        return subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout.strip()

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "reconciler", *arguments]

    def run(self, *arguments: str, cwd: Path | None = None, **env: str) -> Result:
        """Runs a command without a terminal. A variable that is given empty is not set at all."""
        variables = {name: value for name, value in {**self.env, **env}.items() if value}
        done = subprocess.run(
            self.command(*arguments),
            cwd=cwd or self.state,
            env=variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return Result(done.returncode, done.stdout, done.stderr)


def place_in(base: Path) -> Place:
    """An empty repository and a home."""
    place = Place(base)
    (base / "home").mkdir(parents=True)
    place.state.mkdir()
    place.git("init", "-q", "-b", "main")
    return place
