"""A regular file: its content, owner, group and mode."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from reconciler.kinds.base import (
    Absent,
    AbsolutePath,
    AccountName,
    Kind,
    Mode,
    Token,
    Unknown,
    owners,
    parents,
    present,
)
from reconciler.kinds.contents import Contents, keyed
from reconciler.kinds.programs import CheckCommand
from reconciler.model.delivery import Call
from reconciler.model.observation import Facts, Query
from reconciler.model.plan import Action
from reconciler.model.state import Observed, Wanted


class FileSpec(Contents):
    owner: AccountName | None = None
    group: AccountName | None = None
    mode: Mode | None = None
    validate_with: CheckCommand | None = Field(None, alias="validate")


class File(Kind[FileSpec]):
    name = "file"
    Spec = FileSpec
    Name = AbsolutePath
    summary = "A regular file: its content, owner, group and mode."
    example = (
        "- file: /etc/motd\n"
        "  content: |\n"
        "    Welcome to {{ host.name }}\n"
        "  owner: root\n"
        "  group: root\n"
        "  mode: '0644'\n"
    )
    when_absent = "It is created. Its directory must be there. Without any content given, an empty file."
    when_unknown = (
        "It is left alone, and what requires it waits. A directory or a symbolic link in its place counts as "
        "unknown: nothing of another type is ever replaced."
    )
    rooted = True
    content = frozenset({"content"})
    seals = frozenset({"content"})

    def query(self, name: str, spec: FileSpec) -> Query:
        want = [f for f in ("content", "owner", "group", "mode") if getattr(spec, f) is not None]
        text = "content" in want and not spec.sensitive
        return {"probe": "path", "path": name, "want": want, "text": text, **keyed(spec)}

    def wanted(self, name: str, spec: FileSpec) -> Wanted:
        state = {"content": spec.content_digest(), "owner": spec.owner, "group": spec.group, "mode": spec.mode}
        return present(state, spec.texts(), spec.sealed())

    def interpret(self, name: str, spec: FileSpec, facts: Facts) -> Observed:
        if not facts["exists"]:
            return Absent()
        if facts["type"] != "file":
            return Unknown(f"a {facts['type']} is in its place; remove it by hand")
        state = {
            "content": facts.get("keyed", facts.get("sha256")),
            "owner": facts.get("owner"),
            "group": facts.get("group"),
            "mode": facts.get("mode"),
        }
        return present(state, {"content": facts["text"]} if facts.get("text") is not None else {})

    def calls(self, name: str, spec: FileSpec, action: Action) -> tuple[Call, ...]:
        if action == "delete":
            return (Call("ansible.builtin.file", {"path": name, "state": "absent"}, paths=("path",)),)
        attributes = {f: getattr(spec, f) for f in ("owner", "group", "mode") if getattr(spec, f) is not None}
        data = spec.data()
        if data is None:
            args: dict[str, Any] = {"path": name, "state": "touch" if action == "create" else "file", "follow": False}
            return (Call("ansible.builtin.file", {**args, **attributes}, paths=("path",)),)
        args = {"dest": name, **attributes}
        if spec.validate_with:
            args["validate"] = spec.validate_with
        return (Call("ansible.builtin.copy", args, paths=("dest",), files={"src": data}),)

    def provides(self, name: str, spec: FileSpec) -> frozenset[Token]:
        return frozenset({("path", name)})

    def claims(self, name: str, spec: FileSpec) -> frozenset[Token]:
        return frozenset({("path", name)} | ({("content", name)} if spec.content is not None else set()))

    def after(self, name: str, spec: FileSpec) -> frozenset[Token]:
        return parents(name) | owners(spec.owner, spec.group)
