"""An entry of a user's crontab, found by the marker that Ansible's `cron` puts above it.

A query has `name` and `user`. Facts: `exists`, `job`, and `special` or the five times; of an entry that can't be
taken apart, only `job` with all of it.
"""

import os
import pwd
import shutil
import subprocess

MARKER = "#Ansible: "
TIMES = ("minute", "hour", "day", "month", "weekday")
PATH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/local/bin", "/usr/bin", "/bin"))
SPOOLS = ("/var/spool/cron/crontabs", "/var/spool/cron/tabs", "/var/spool/cron", "/etc/crontabs")
NONE_YET = ("no crontab for", "No such file or directory")
"""How cron, cronie and busybox say that a user has no crontab."""
SECONDS = 10


class Unreadable(Exception):
    """The crontab could not be read; says why."""


def answer(queries, root=""):
    if root:
        return [{"error": "a host that is a directory has no crontabs"} for _ in queries]
    crontabs = {}
    return [_look(query, crontabs) for query in queries]


def _look(query, crontabs):
    user = query["user"]
    try:
        if user not in crontabs:
            crontabs[user] = _crontab(user)
        return find(crontabs[user], query["name"])
    except (Unreadable, OSError, subprocess.TimeoutExpired) as error:
        return {"error": f"crontab of {user}: {error}"}


def find(crontab, name):
    """The facts of the entry of that name in a crontab's text."""
    entry = _entry(crontab.splitlines(), name)
    if entry is None:
        return {"exists": False}
    try:
        entry.encode("utf-8")
    except UnicodeEncodeError:
        return {"error": f"the entry {name} is not UTF-8"}
    parts = entry.split(None, 1) if entry.startswith("@") else entry.split(None, len(TIMES))
    if entry.startswith("@") and len(parts) == 2:
        return {"exists": True, "special": parts[0][1:], "job": parts[1]}
    if len(parts) == len(TIMES) + 1:
        return dict(zip(TIMES, parts), exists=True, job=parts[-1])
    return {"exists": True, "job": entry}


def _entry(lines, name):
    """The line below the marker. As in Ansible's module, a line below a marker is never a marker itself."""
    marked = None
    for line in lines:
        if marked == name:
            return line
        marked = line[len(MARKER) :] if marked is None and line.startswith(MARKER) else None
    return None


def _crontab(user):
    """The text of a user's crontab, "" when there is none."""
    try:
        account = pwd.getpwnam(user)
    except KeyError:
        return ""
    program = shutil.which("crontab", path=PATH)
    if program is None:
        return _without_cron(user)
    whose = [] if account.pw_uid == os.geteuid() else ["-u", user]
    done = subprocess.run(
        [program, *whose, "-l"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=SECONDS,
        env=dict(os.environ, LC_ALL="C"),
        check=False,
    )
    if done.returncode == 0:
        return done.stdout.decode("utf-8", "surrogateescape")
    complaint = done.stderr.decode("utf-8", "replace").strip()
    if any(words in complaint for words in NONE_YET):
        return ""
    raise Unreadable(complaint[:200] or f"crontab ended with {done.returncode}")


def _without_cron(user):
    """Cron may come with the same plan, so its absence is no error, unless it left a crontab behind."""
    for spool in SPOOLS:
        try:
            os.lstat(os.path.join(spool, user))
        except (FileNotFoundError, NotADirectoryError):
            continue
        raise Unreadable(f"{spool}/{user} is there, but the program `crontab` is not")
    return ""
