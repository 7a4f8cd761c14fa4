"""A public key that may log in as a user: one line of `~/.ssh/authorized_keys`.

The line ends in the resource's name as its comment. So a key is found again by itself (to change its options) and by
its name (when the key is exchanged): the new line is added before the old ones go, nobody is locked out between. A
file or directory that is there keeps its owner and mode; only what is missing is made, for the user alone.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from reconciler.kinds.base import AccountName, Kind, Spec, Token
from reconciler.model.delivery import Call
from reconciler.model.observation import Facts, Query
from reconciler.model.plan import Action
from reconciler.model.state import Absent, Observed, Present, Wanted

TYPES = frozenset(
    {
        "ssh-ed25519",
        "ssh-rsa",
        "ecdsa-sha2-nistp256",
        "ecdsa-sha2-nistp384",
        "ecdsa-sha2-nistp521",
        "sk-ssh-ed25519@openssh.com",
        "sk-ecdsa-sha2-nistp256@openssh.com",
    }
)


def _label(name: str) -> str:
    if not name.isprintable() or name != name.strip():
        raise ValueError("has to be printable, without spaces at its ends: it becomes the comment of the line")
    return name


def _public_key(key: str) -> str:
    """An OpenSSH public key: type, base64, maybe a comment. The base64 must hold a key of that type, whole."""
    key = key.strip()
    if not key.isprintable():
        raise ValueError("has to be one line, as in a .pub file")
    words = key.split(None, 2)
    if len(words) < 2 or words[0] not in TYPES:
        raise ValueError("is no public key: write the line of a .pub file; it begins with a type such as ssh-ed25519")
    try:
        blob = base64.b64decode(words[1], validate=True)
    except binascii.Error:
        raise ValueError("is no public key: its second word is not base64; is it cut off?") from None
    parts = _parts(blob)
    if not parts or parts[0] != words[0].encode() or base64.b64encode(blob).decode() != words[1]:
        raise ValueError(f"is no public key of type {words[0]}; is it cut off?")
    return key


def _parts(blob: bytes) -> list[bytes]:
    """The strings of a key (RFC 4253, section 6.6: each after its length in four bytes), none if they don't add up."""
    parts = []
    while blob:
        size = int.from_bytes(blob[:4], "big") + 4
        if size == 4 or len(blob) < size:
            return []
        parts.append(blob[4:size])
        blob = blob[size:]
    return parts if len(parts) > 1 else []


Label = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200),
    AfterValidator(_label),
    Field(description="Whose key, or what for; the comment of the line on the host.", examples=["alice@laptop"]),
]
PublicKey = Annotated[str, StringConstraints(max_length=16384), AfterValidator(_public_key)]
Option = Annotated[
    str,
    # Quotes closed; outside of them no space and no comma, which would begin something else.
    StringConstraints(pattern=r'^[A-Za-z0-9-]+(="(\\"|[^"\\\x00-\x1f\x7f]|\\[^"\x00-\x1f\x7f])*")?$', max_length=4096),
]


class AuthorizedKeySpec(Spec):
    state: Literal["present", "absent"] = Field("present", description="Whether it should be there.")
    user: AccountName = Field(description="Who can log in with it.")
    key: PublicKey = Field(description="The public key, as in a .pub file. A comment in it is left out.")
    options: tuple[Option, ...] = Field(
        (), strict=False, description="Options as sshd(8) has them.", examples=[["no-pty", 'from="10.0.0.0/8"']]
    )

    @property
    def type(self) -> str:
        return self.key.split()[0]

    @property
    def blob(self) -> str:
        return self.key.split()[1]

    def line(self, name: str) -> str:
        return " ".join(filter(None, (",".join(self.options), self.type, self.blob, name)))


class AuthorizedKey(Kind[AuthorizedKeySpec]):
    name = "authorized_key"
    Spec = AuthorizedKeySpec
    Name = Label
    summary = "A public key that may log in as a user."
    example = (
        "- authorized_key: alice@laptop\n  user: deploy\n"
        "  key: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl\n"
        "  options: [no-pty]\n"
    )
    when_absent = "Its line is added; ~/.ssh and the file are made if they are missing."
    when_different = "Its line is replaced, also when the key of that name was another."
    when_unknown = "It is left alone; so is a file that is a symbolic link."
    on_delete = "Its line is removed if we added it, other lines stay."

    def query(self, name: str, spec: AuthorizedKeySpec) -> Query:
        return {"probe": "authorized_key", "user": spec.user, "blob": spec.blob, "comment": name}

    def wanted(self, name: str, spec: AuthorizedKeySpec) -> Wanted:
        if spec.state == "absent":
            return Absent()
        key = f"{spec.type} {_fingerprint(spec.blob)}"
        return Present({"key": key, "options": ",".join(spec.options), "comment": name})

    def interpret(self, name: str, spec: AuthorizedKeySpec, facts: Facts) -> Observed:
        keys = facts["keys"]
        if not keys:
            return Absent()
        return Present(
            {
                "key": _side_by_side(f"{k['type']} {k['fingerprint']}" for k in keys),
                "options": _side_by_side(k["options"] for k in keys),
                "comment": _side_by_side(k["comment"] for k in keys),
            }
        )

    def calls(self, name: str, spec: AuthorizedKeySpec, action: Action) -> tuple[Call, ...]:
        folder = f"~{spec.user}/.ssh"
        path = f"{folder}/authorized_keys"
        if action == "delete":
            return (_remove(path, _matching(name, spec)),)
        others = f"^(?!{re.escape(spec.line(name))}\\r?$){_matching(name, spec)[1:]}"
        return (
            # `~user` of a user who isn't there would be taken for a directory of that name.
            Call("ansible.builtin.getent", {"database": "passwd", "key": spec.user}),
            _make_folder(folder, spec.user),
            # With `force: false` a file that is there is not touched at all.
            Call(
                "ansible.builtin.copy",
                {"dest": path, "force": False, "owner": spec.user, "mode": "0600"},
                files={"src": b""},
            ),
            Call("ansible.builtin.lineinfile", {"path": path, "state": "present", "line": spec.line(name)}),
            _remove(path, others),
        )

    def claims(self, name: str, spec: AuthorizedKeySpec) -> frozenset[Token]:
        return frozenset({("authorized_key", f"{spec.user} {spec.blob}")})

    def after(self, name: str, spec: AuthorizedKeySpec) -> frozenset[Token]:
        return frozenset({("user", spec.user)})


def _fingerprint(blob: str) -> str:
    return "SHA256:" + base64.b64encode(hashlib.sha256(base64.b64decode(blob)).digest()).decode().rstrip("=")


def _side_by_side(values: Iterable[str]) -> str:
    """What several lines have in one field: lines that differ show, and so differ from what is wanted."""
    different = list(dict.fromkeys(values))
    return different[0] if len(different) == 1 else "; ".join(v or "(none)" for v in different)


def _matching(name: str, spec: AuthorizedKeySpec) -> str:
    """Lines that the probe takes for ours: those with the key, and those of another key with our comment."""
    blob, comment = re.escape(spec.blob), re.escape(name)
    return rf"^(?!\s*#)(?:.*\s)?(?:{blob}(?:\s.*)?|AAAA\S*\s+{comment}\s*)$"


def _remove(path: str, pattern: str) -> Call:
    return Call("ansible.builtin.lineinfile", {"path": path, "state": "absent", "regexp": pattern})


def _make_folder(folder: str, user: str) -> Call:
    """Makes it if it is missing. The module `file` would also change the owner and mode of one that is there."""
    argv = ["install", "-d", "-m", "0700", "-o", user, "--", folder]
    return Call("ansible.builtin.command", {"argv": argv, "creates": folder})
