"""Users and groups as the host knows them, from whatever source it has.

Takes `{"user": name, "want": […]}` or `{"group": name, "want": […]}`; answers `{"exists": false}` or the wanted
fields. A password hash never leaves the host, see `_password`.
"""

import grp
import hashlib
import os
import pwd

SHADOW = "/etc/shadow"


def answer(queries, root=""):
    return [_user(query) if "user" in query else _group(query) for query in queries]


def _user(query):
    try:
        entry = pwd.getpwnam(query["user"])
    except KeyError:
        return {"exists": False}
    known = {
        "uid": lambda: entry.pw_uid,
        "group": lambda: _group_name(entry.pw_gid),
        "groups": lambda: sorted(_groups(entry)),
        "home": lambda: entry.pw_dir,
        "shell": lambda: entry.pw_shell,
        "comment": lambda: entry.pw_gecos,
        "password": lambda: _password(entry.pw_name, query["salt"]),
    }
    facts = {field: known[field]() for field in query["want"]}
    return dict(facts, exists=True)


def _group(query):
    try:
        entry = grp.getgrnam(query["group"])
    except KeyError:
        return {"exists": False}
    known = {"gid": entry.gr_gid}
    return dict({field: known[field] for field in query["want"]}, exists=True)


def _groups(entry):
    """Names of the groups besides the primary one, also where the source can't list all groups."""
    ids = set(os.getgrouplist(entry.pw_name, entry.pw_gid)) - {entry.pw_gid}
    return [_group_name(gid) for gid in ids]


def _group_name(gid):
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def _password(name, salt):
    with open(SHADOW, encoding="utf-8", errors="replace") as file:
        return read_password(file.read(), name, salt)


def read_password(shadow, name, salt):
    """What stands for a user's password hash in facts: enough to see a change, nothing to guess with.

    `!…` and `*…` are themselves (no password opens it), an old hash without `$` is `legacy` since its few salts
    could be tried out. The others hold a long random salt of their own, so their salted digest says nothing to
    those who don't have the hash.
    """
    for line in shadow.splitlines():
        fields = line.split(":")
        if fields[0] == name and len(fields) > 1:
            value = fields[1]
            break
    else:
        return "elsewhere"
    if value[:1] in ("!", "*"):
        return value[0]
    if not value.startswith("$"):
        return "legacy" if value else "empty"
    return hashlib.blake2b((salt + value).encode("utf-8"), digest_size=16).hexdigest()
