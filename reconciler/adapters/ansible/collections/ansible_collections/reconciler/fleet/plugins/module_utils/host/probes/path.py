"""What is at a path: type, content, owner, group, mode, link target.

A query has `path`, `want` (some of content, owner, group, mode, target) and `text` (whether the content itself may
be told, not only its digest). With `keyed`, the digest is one that only those can make who have the query's `key`: of
content that could be guessed, nothing else may be told. Of a path that isn't there, only `exists` is told; of a type
that doesn't have what is wanted, only the rest.
"""

import grp
import hashlib
import hmac
import os
import pwd
import stat

from ..files import open_regular, place, unanswered

LARGEST = 64 << 20
"""Bytes of the largest file that is read."""
LONGEST_TEXT = 64 << 10
"""Bytes of the longest content that is told."""

TYPES = (
    (stat.S_ISREG, "file"),
    (stat.S_ISDIR, "directory"),
    (stat.S_ISLNK, "link"),
    (stat.S_ISFIFO, "fifo"),
    (stat.S_ISSOCK, "socket"),
    (stat.S_ISBLK, "block device"),
    (stat.S_ISCHR, "character device"),
)


def answer(queries, root=""):
    return [_look(query, root) for query in queries]


def _look(query, root):
    try:
        return _facts(place(root, query["path"]), query, root)
    except (OSError, ValueError) as error:
        return unanswered(query["path"], error)


def _facts(path, query, root):
    try:
        info = os.lstat(path)
    except FileNotFoundError:
        return {"exists": False}
    want = query["want"]
    facts = {"exists": True, "type": next((name for is_type, name in TYPES if is_type(info.st_mode)), "unknown thing")}
    if "content" in want and facts["type"] == "file":
        content, info = _content(path, info, query)
        facts.update(content)
    if "target" in want and facts["type"] == "link":
        facts["target"] = _target(path, root)
    for field, ask in (("owner", _owner), ("group", _group), ("mode", _mode)):
        if field in want:
            facts[field] = ask(info)
    return facts


def _content(path, seen, query):
    """The content's facts, and the stat of the very file that was read."""
    handle = open_regular(path)
    with os.fdopen(handle, "rb") as file:
        info = os.fstat(handle)
        if (info.st_dev, info.st_ino) != (seen.st_dev, seen.st_ino):
            raise ValueError("was replaced while it was looked at")
        digest, start = _read(file, _digest(query))
    if query.get("keyed"):
        return {"keyed": "hmac-sha256:" + digest}, info
    facts = {"sha256": "sha256:" + digest}
    text = _text(start) if query.get("text") else None
    if text is not None:
        facts["text"] = text
    return facts, info


def _digest(query):
    """What makes the digest. Without its key, a query for a keyed one is not answered."""
    if not query.get("keyed"):
        return hashlib.sha256()
    if not query.get("key"):
        raise ValueError("is to be told by a keyed digest, but no key came with the question")
    return hmac.new(bytes.fromhex(query["key"]), digestmod="sha256")


def _read(file, digest):
    """The digest, and the beginning: one byte more than may be told if there is more."""
    start = b""
    size = 0
    for chunk in iter(lambda: file.read(1 << 16), b""):
        size += len(chunk)
        if size > LARGEST:
            raise ValueError(f"is larger than {LARGEST >> 20} MiB, too large to compare")
        digest.update(chunk)
        start = (start + chunk)[: LONGEST_TEXT + 1]
    return digest.hexdigest(), start


def _text(data):
    """The content as text, None when it isn't text or is too long."""
    if len(data) > LONGEST_TEXT or b"\0" in data:
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _target(path, root):
    try:
        target = os.readlink(os.fsencode(path)).decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError("its target is not UTF-8") from None
    # An absolute target is put under the root like every path, so there it is told without it.
    top = root.rstrip("/")
    return (target[len(top) :] or "/") if top and (target + "/").startswith(top + "/") else target


def _owner(info):
    try:
        return pwd.getpwuid(info.st_uid).pw_name
    except KeyError:
        return str(info.st_uid)


def _group(info):
    try:
        return grp.getgrgid(info.st_gid).gr_name
    except KeyError:
        return str(info.st_gid)


def _mode(info):
    return f"{stat.S_IMODE(info.st_mode):04o}"
