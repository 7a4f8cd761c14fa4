"""Keeps `ansible-playbook` on a leash: a program of its own, which ends it when whoever started it is gone.

A process that is killed leaves its children running. This one asks the kernel to be told of its parent's death, and
then ends Ansible, its workers and their ssh, and removes the run's directory. It gives Ansible a clean environment.
It must not import anything of Reconciler: it is run by its path. What works on a local host is left to finish, as
it would on a remote one: killed in the middle it could leave half a change.

Usage: leash.py PARENT DIRECTORY PROGRAM ARGUMENT…
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
KEPT = frozenset({"HOME", "KRB5CCNAME", "LOGNAME", "PATH", "SHELL", "SSH_AGENT_PID", "SSH_AUTH_SOCK", "TZ", "USER"})
ENDING = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
OF_THE_RUNNER = ("AWX_", "RUNNER_")


class Ended(BaseException):
    """It is time to end everything."""


def environment(given: dict[str, str], directory: Path) -> dict[str, str]:
    """What Ansible gets to see: nothing that could set it up other than our own configuration does."""
    kept = {name: value for name, value in given.items() if name in KEPT or name.startswith(OF_THE_RUNNER)}
    return kept | {"ANSIBLE_CONFIG": str(directory / "ansible.cfg"), "LC_ALL": "C.UTF-8", "LANG": "C.UTF-8"}


def main(parent: int, directory: Path, command: list[str]) -> int:
    """The exit status of the command."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    for number in ENDING:
        signal.signal(number, _end)
    _prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    fcntl.flock(os.open(directory, os.O_RDONLY), fcntl.LOCK_SH)  # until we end; else others take it for left over
    (directory / "leash.pid").write_text(str(os.getpid()))
    child = 0
    try:
        _alive(parent)
        child = _start(command, environment(dict(os.environ), directory))
        return _wait(child)
    except Ended:
        _end_ansible(child)
        if os.getppid() != parent:
            _reap()
            _remove(directory)
        return 143


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None).prctl(option, int(value), 0, 0, 0)


def _alive(parent: int) -> None:
    """It may have gone before the kernel was asked to tell."""
    if os.getppid() != parent:
        raise Ended


def _end(*_: object) -> None:
    for number in ENDING:  # once is enough: the parent's death brings its signal, and a hang-up of the terminal too
        signal.signal(number, signal.SIG_IGN)
    raise Ended


def _start(command: list[str], env: dict[str, str]) -> int:
    leash = os.getpid()
    pid = os.fork()
    if pid == 0:
        try:
            for number in ENDING:
                signal.signal(number, signal.SIG_DFL)
            _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() == leash:
                os.execve(command[0], command, env)  # noqa: S606 - no shell is the point
        except OSError as error:
            os.write(2, f"ERROR! {command[0]}: {error.strerror}\n".encode())
        finally:
            os._exit(127)
    return pid


def _wait(child: int) -> int:
    """Until the child has ended. Others that have become ours are reaped on the way."""
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == child:
            return os.waitstatus_to_exitcode(status) & 0xFF


def _reap() -> None:
    """Wait for what was killed: until then it may still write to the directory."""
    with contextlib.suppress(ChildProcessError):
        for _ in range(100):
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                time.sleep(0.02)


def _remove(directory: Path) -> None:
    """Again and again for a while: what ends late may still write there."""
    for _ in range(100):
        shutil.rmtree(directory, ignore_errors=True)
        if not directory.exists():
            return
        time.sleep(0.05)


def _end_ansible(child: int) -> None:
    """Kill Ansible, its workers and their ssh. Twice, since one may have started another meanwhile."""
    workers: set[int] = set()
    for _ in range(2 if child else 0):
        workers |= set(_children(child))
        _kill([child, *workers, *(pid for worker in workers for pid in _children(worker) if _is_ssh(pid))])


def _kill(pids: list[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _children(parent: int) -> Iterator[int]:
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            # The program's name stands in brackets and may hold anything, also brackets.
            if int(path.read_text(errors="replace").rpartition(")")[2].split()[1]) == parent:
                yield int(path.parent.name)


def _is_ssh(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_bytes() == b"ssh\n"
    return False


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]))
