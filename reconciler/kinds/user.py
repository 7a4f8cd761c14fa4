"""An account: its number, groups, home, shell, comment and password hash.

The password is a hash and never leaves either side: a host answers with a salted digest of its own. The home directory
is made with the account, and only then; it stays when the account goes unless `remove_home` says otherwise.
"""

from __future__ import annotations

import hashlib
import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, WithJsonSchema, model_validator

from reconciler.kinds.base import AbsolutePath, AccountName, Kind, Spec, Token, owners, present
from reconciler.kinds.group import Id
from reconciler.model.delivery import Call
from reconciler.model.observation import Facts, Query
from reconciler.model.plan import Action
from reconciler.model.secret import CLOSE, OPEN, is_sealed
from reconciler.model.state import Absent, Observed, Wanted

FIELDS = ("uid", "group", "groups", "home", "shell", "comment", "password")

# crypt(5), in the forms that bear a salt of their own; `!` and `*` are accounts that no password opens.
HASH = r"^(\$[A-Za-z0-9-]+\$[./A-Za-z0-9$,=+-]{20,500}|!|\*)$"


def _password_hash(text: str) -> str:
    if not (re.fullmatch(HASH, text) or re.fullmatch(f"{OPEN}[^{CLOSE}]*{CLOSE}", text)):
        raise ValueError("this is no hash as `openssl passwd -6` makes it, no `!` and no `*`")
    return text


PasswordHash = Annotated[str, AfterValidator(_password_hash), WithJsonSchema({"type": "string", "pattern": HASH})]


class UserSpec(Spec):
    state: Literal["present", "absent"] = Field("present", description="Whether it should be there.")
    uid: Id | None = Field(None, description="Its number.")
    group: AccountName | None = Field(None, description="Its primary group.")
    groups: tuple[AccountName, ...] | None = Field(
        None, strict=False, description="Its other groups: exactly these, or with `append` at least these."
    )
    append: bool = Field(False, description="Leave it in other groups that it is in.")
    home: AbsolutePath | None = None
    shell: AbsolutePath | None = None
    comment: Annotated[str, StringConstraints(pattern=r"^[^:\x00-\x1f\x7f]*$")] | None = Field(
        None, description="Whose it is or what it is for (the GECOS field)."
    )
    password: PasswordHash | None = Field(
        None, description="A hash as `openssl passwd -6` makes it, `!` (locked) or `*` (none). Never shown.", repr=False
    )
    system: bool = Field(False, description="When it is created without a uid: take one of those for system accounts.")
    create_home: bool | None = Field(
        None, description="Make the home directory with the account. By default yes, but not for system accounts."
    )
    remove_home: bool = Field(False, description="Removing the account takes its home directory and mail along.")

    @model_validator(mode="after")
    def _append_to_what(self) -> Self:
        if self.append and self.groups is None:
            raise ValueError("append says how groups are meant, but there are no groups")
        return self


class User(Kind[UserSpec]):
    name = "user"
    Spec = UserSpec
    Name = AccountName
    summary = "An account of the system."
    example = "- user: app\n  group: app\n  groups: [adm]\n  shell: /usr/sbin/nologin\n  system: true\n"
    when_absent = "It is created, with its home directory unless it is a system account."
    when_different = "The fields that differ are changed; files keep their owner, a home directory stays where it is."
    on_delete = "It is removed if we created it. Its home directory stays, unless `remove_home` is true."
    secret = frozenset({"password"})
    seals = frozenset({"password"})

    def query(self, name: str, spec: UserSpec) -> Query:
        want = [f for f in FIELDS if getattr(spec, f) is not None]
        if "groups" in want and "group" not in want:
            want.append("group")  # a primary group may be listed among the groups
        salt = {"salt": _salt(name)} if "password" in want else {}
        return {"probe": "account", "user": name, "want": want, **salt}

    def wanted(self, name: str, spec: UserSpec) -> Wanted:
        if spec.state == "absent":
            return Absent()
        state = {f: getattr(spec, f) for f in FIELDS}
        if spec.groups is not None:
            state["groups"] = sorted({*spec.groups} - {spec.group})
        if spec.password is not None:
            state["password"] = _stand_in(name, spec.password)
        return present(state, sealed=frozenset({"password"} if is_sealed(spec.password) else ()))

    def interpret(self, name: str, spec: UserSpec, facts: Facts) -> Observed:
        if not facts["exists"]:
            return Absent()
        state = {f: facts.get(f) for f in FIELDS if getattr(spec, f) is not None}
        if spec.groups is not None:
            state["groups"] = _groups(spec, facts)
        return present(state)

    def calls(self, name: str, spec: UserSpec, action: Action) -> tuple[Call, ...]:
        if action == "delete":
            args: dict[str, Any] = {"name": name, "state": "absent", "remove": spec.remove_home}
            return (Call("ansible.builtin.user", args),)
        args = {f: getattr(spec, f) for f in FIELDS if getattr(spec, f) is not None}
        if spec.groups is not None:
            args |= {"groups": sorted({*spec.groups} - {spec.group}), "append": spec.append}
        create_home = spec.create_home
        if action == "create":
            args["system"] = spec.system
            create_home = not spec.system if create_home is None else create_home
        # Left to itself the module would make a home directory for accounts that were meant to have none.
        args["create_home"] = bool(create_home)
        return (Call("ansible.builtin.user", {"name": name, "state": "present", **args}),)

    def after(self, name: str, spec: UserSpec) -> frozenset[Token]:
        return owners(None, spec.group) | frozenset(("group", group) for group in spec.groups or ())


def _groups(spec: UserSpec, facts: Facts) -> list[str]:
    """The groups as they count for this spec: without others if it appends, with the primary one if it names it."""
    named = {*(spec.groups or ())} - {spec.group}
    there = {*facts["groups"]} | ({facts["group"]} & named)
    return sorted(there & named if spec.append else there)


def _salt(name: str) -> str:
    return f"reconciler user/{name}"


def _stand_in(name: str, password: str) -> str:
    """What stands for a hash in states; the host's probe makes the same of the hash that it has."""
    if password in ("!", "*"):
        return password
    return hashlib.blake2b((_salt(name) + password).encode(), digest_size=16).hexdigest()
