"""Machines for a person to play with: `make lab`. They run until Ctrl-C.

Knows the product's Host documents, and nothing else of it.
"""

from __future__ import annotations

import argparse
import contextlib
import signal
import subprocess
import sys
from pathlib import Path

from tests.lab.base import OPSPW_PASSWORD, LabError, is_built
from tests.lab.machine import Machine
from tests.lab.machines import Lab

HOST = """apiVersion: reconciler/v1
kind: Host
metadata: {{name: {name}, labels: {{env: lab, rack: {rack}}}}}
spec: {{address: {address}, port: {port}, user: ops, become: true}}
"""

WELCOME = """
{count} machines are up: {names}. Ctrl-C ends them and removes all that they wrote.

  log in        ssh -F {config} lab-1
                as root, ops (sudo), opspw (sudo with the password {password})
  state         {state}
                a Git repository with a Host document for each of them
  key           {key}
  known hosts   {known_hosts}
  apt           reconciler-demo 1.0, in the machines' only repository
"""


def host_documents(machines: list[Machine]) -> str:
    """Host documents of the machines, in two racks."""
    racks = ("a", "b")
    return "---\n".join(
        HOST.format(name=m.name, address=m.address, port=m.port, rack=racks[n % 2]) for n, m in enumerate(machines)
    )


def state_repository(folder: Path, machines: list[Machine]) -> None:
    """Writes the inventory into a state repository, and makes the repository where there is none."""
    (folder / "hosts").mkdir(parents=True, exist_ok=True)
    (folder / "hosts" / "lab.yaml").write_text(host_documents(machines))
    if not (folder / ".git").exists():
        git = ["git", "-C", str(folder), "-c", "user.name=lab", "-c", "user.email=lab@localhost"]
        for command in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "The lab's hosts"]):
            subprocess.run([*git, *command], check=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.lab", description="Real machines on loopback, until Ctrl-C.")
    parser.add_argument("count", nargs="?", type=int, default=4, help="how many machines (4)")
    parser.add_argument("--state", type=Path, help="where the state repository is, or will be made; kept at the end")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt):
        play(given.count, given.state)


def play(count: int, state: Path | None) -> None:
    """Keeps a lab up until somebody interrupts."""
    lab = Lab(count)
    if not is_built():
        print("building a Debian for the machines; this takes a minute, once…", file=sys.stderr)
    with lab:
        where = state or lab.client / "state"
        state_repository(where, lab.machines)
        kept = "" if state else " (removed at the end; STATE=folder keeps one)"
        print(
            WELCOME.format(
                count=count,
                names=", ".join(m.name for m in lab.machines),
                config=lab.ssh_config,
                password=OPSPW_PASSWORD,
                state=f"{where}{kept}",
                key=lab.key,
                known_hosts=lab.known_hosts,
            ),
            flush=True,
        )
        signal.pause()


if __name__ == "__main__":
    try:
        main()
    except LabError as error:
        sys.exit(f"lab: {error}")
