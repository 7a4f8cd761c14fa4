"""Whether a command's guard says that there is nothing to do.

A query has `creates` (a path), or `unless` (an argument list), `user` and `chdir` (or None), and perhaps `seconds`
(how long it may take) and `called` (how messages name it). A health check is asked in the same way. The guard is the
one thing that a probe runs that users wrote; they promise that it only looks. A guard that can't run is an error,
never "to do": it might have said that all is done.
"""

import os
import pwd
import signal
import subprocess

from ..files import unanswered

SECONDS = 10
"""How long a guard may take, if it is not said."""
SYSTEM_PATH = ":/usr/local/sbin:/usr/sbin:/sbin"
"""Also where only root looks: the login that brought us here may have a short PATH."""
CANNOT_RUN = (126, 127)
"""Exit codes by which a shell, env or runuser say that they could not start the program."""


def answer(queries, root=""):
    if root:
        return [{"error": "a host that is a directory runs no commands"} for _ in queries]
    return [_guard(query) for query in queries]


def _guard(query):
    if query.get("creates") is not None:
        return _exists(query["creates"])
    reason = _hindrance(query)
    return {"error": reason} if reason else _run(query)


def _exists(path):
    try:
        os.lstat(path)
    except FileNotFoundError:
        return {"done": False}
    except (OSError, ValueError) as error:
        return unanswered(path, error)
    return {"done": True}


def _hindrance(query):
    """Why the guard can't run, as far as it can be told before."""
    user, chdir = query.get("user"), query.get("chdir")
    if chdir is not None and not os.path.isdir(chdir):
        return f"unless: the directory {chdir} is not there"
    if user is None:
        return None
    if os.geteuid() != 0:
        return f"unless: only root can run it as {user}"
    try:
        pwd.getpwnam(user)
    except KeyError:
        return f"unless: there is no user {user}"
    return None


def _run(query):
    user, argv = query.get("user"), query["unless"]
    seconds, called = query.get("seconds", SECONDS), query.get("called", "unless")
    try:
        child = subprocess.Popen(
            ["runuser", "-u", user, "--", *argv] if user else argv,
            cwd=query.get("chdir"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env=dict(os.environ, PATH=os.environ.get("PATH", os.defpath) + SYSTEM_PATH),
        )
    except (OSError, ValueError) as error:
        return unanswered(f"{called}: can't run {argv[0]}", error)
    try:
        return _meaning(child.wait(timeout=seconds), called)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        return {"error": f"{called}: took more than {seconds} seconds"}


def _meaning(code, called):
    if code < 0:
        return {"error": f"{called}: died of signal {-code}"}
    if code in CANNOT_RUN:
        return {"error": f"{called}: could not start its program (exit code {code})"}
    return {"done": code == 0}
