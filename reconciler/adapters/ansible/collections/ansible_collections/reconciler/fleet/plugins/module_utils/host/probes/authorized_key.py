"""Lines of users' `~/.ssh/authorized_keys` that hold a certain key, or bear a certain comment.

Takes `{"user", "blob", "comment"}`; answers `{"keys": [{"type", "fingerprint", "options", "comment"}, …]}` in the
order of the file, without repetitions. A user or file that isn't there has no keys. It must not know which of them
are wanted.
"""

import base64
import hashlib
import os
import pwd
import re

LIMIT = 4 * 1024 * 1024
"""Bytes; a file that is larger is not a list of keys."""
TYPE = re.compile(r"^(ssh|sk-ssh|ecdsa|sk-ecdsa|rsa|webauthn)[A-Za-z0-9@.-]*$")
OPTIONS = re.compile(r'^((?:[^\s"]|"(?:\\.|[^"\\])*")+)\s+')


def answer(queries, root=""):
    files = {}
    facts = []
    for query in queries:
        user = query["user"]
        if user not in files:
            files[user] = _load(user)
        entries, problem = files[user]
        facts.append({"error": problem} if problem else {"keys": matching(entries, query["blob"], query["comment"])})
    return facts


def matching(entries, blob, comment):
    """Those that hold the key or bear the comment, described."""
    found = []
    for entry in entries:
        if entry["blob"] == blob or entry["comment"] == comment:
            described = {
                "type": entry["type"],
                "fingerprint": fingerprint(entry["blob"]),
                "options": entry["options"],
                "comment": entry["comment"],
            }
            if described not in found:
                found.append(described)
    return found


def read(text):
    """The keys of a file: type, blob, options and comment. Comments, and lines that are no key, are left out."""
    entries = (_entry(line.strip()) for line in text.split("\n"))
    return [entry for entry in entries if entry]


def fingerprint(blob):
    """As ssh-keygen shows it. `invalid` for what is not base64."""
    try:
        data = base64.b64decode(blob, validate=True)
    except ValueError:
        return "invalid"
    return "SHA256:" + base64.b64encode(hashlib.sha256(data).digest()).decode("ascii").rstrip("=")


def _entry(line):
    if not line or line.startswith("#"):
        return None
    options = ""
    if not TYPE.match(line.split(None, 1)[0]):
        match = OPTIONS.match(line)
        if not match:
            return None
        options, line = match.group(1), line[match.end() :]
    words = line.split(None, 2)
    if len(words) < 2 or not TYPE.match(words[0]):
        return None
    return {"type": words[0], "blob": words[1], "options": options, "comment": words[2] if len(words) > 2 else ""}


def _load(user):
    """The keys of a user, or a reason why they can't be told."""
    try:
        home = pwd.getpwnam(user).pw_dir
    except KeyError:
        return [], ""
    path = os.path.join(home, ".ssh", "authorized_keys")
    # A link would make us write as root wherever the user points it to.
    for part in (os.path.dirname(path), path):
        if os.path.islink(part):
            return [], f"{part} is a symbolic link: it is neither read nor written"
    try:
        return read(_text(path)), ""
    except FileNotFoundError:
        return [], ""
    except (OSError, ValueError) as error:
        return [], f"{path}: {error}"


def _text(path):
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        data = file.read(LIMIT + 1)
    if len(data) > LIMIT:
        raise ValueError(f"larger than {LIMIT} bytes")
    return data.decode("utf-8", "replace")
