"""A directory: that it is there, its owner, group and mode. Must not know what is in it."""

from __future__ import annotations

from reconciler.kinds.base import (
    Absent,
    AbsolutePath,
    AccountName,
    Kind,
    Mode,
    Spec,
    Token,
    Unknown,
    owners,
    parents,
    present,
)
from reconciler.kinds.programs import on_path
from reconciler.model.delivery import Call
from reconciler.model.observation import Facts, Query
from reconciler.model.plan import Action
from reconciler.model.state import Observed, Wanted

FIELDS = ("owner", "group", "mode")


class DirectorySpec(Spec):
    owner: AccountName | None = None
    group: AccountName | None = None
    mode: Mode | None = None

    def attributes(self) -> dict[str, str]:
        """The managed ones."""
        return {f: getattr(self, f) for f in FIELDS if getattr(self, f) is not None}


class Directory(Kind[DirectorySpec]):
    name = "directory"
    Spec = DirectorySpec
    Name = AbsolutePath
    summary = "A directory: its owner, group and mode, not what is in it."
    example = "- directory: /srv/app\n  owner: app\n  group: app\n  mode: '0750'\n"
    when_absent = (
        "It is created. The directory above must be there: one that no plan shows is never created on the way, "
        "so give each its own resource."
    )
    when_unknown = (
        "It is left alone, and what requires it waits. Something else in its place (a file, or a symbolic link even "
        "to a directory) counts as unknown: nothing of another type is ever replaced."
    )
    on_delete = (
        "It is removed if we created it and it is empty. If something that is not ours is still in it, the removal "
        "fails with `Directory not empty` and everything in it stays."
    )
    rooted = True

    def query(self, name: str, spec: DirectorySpec) -> Query:
        return {"probe": "path", "path": name, "want": list(spec.attributes()), "text": False}

    def wanted(self, name: str, spec: DirectorySpec) -> Wanted:
        return present(spec.attributes())

    def interpret(self, name: str, spec: DirectorySpec, facts: Facts) -> Observed:
        if not facts["exists"]:
            return Absent()
        if facts["type"] != "directory":
            return Unknown(f"a {facts['type']} is in its place; remove it by hand")
        return present({f: facts.get(f) for f in FIELDS})

    def calls(self, name: str, spec: DirectorySpec, action: Action) -> tuple[Call, ...]:
        if action == "delete":
            # Ansible's `state: absent` removes all that is in it too; rmdir can't.
            return (on_path("rmdir", name),)
        # Ansible's `state: directory` makes missing parents too, which no plan would show; mkdir doesn't.
        create = (on_path("mkdir", name),) if action == "create" else ()
        return create + self._attributes(name, spec)

    def _attributes(self, name: str, spec: DirectorySpec) -> tuple[Call, ...]:
        if not spec.attributes():
            return ()
        args = {"path": name, "state": "directory", "follow": False, **spec.attributes()}
        return (Call("ansible.builtin.file", args, paths=("path",)),)

    def provides(self, name: str, spec: DirectorySpec) -> frozenset[Token]:
        return frozenset({("path", name)})

    def claims(self, name: str, spec: DirectorySpec) -> frozenset[Token]:
        return self.provides(name, spec)

    def after(self, name: str, spec: DirectorySpec) -> frozenset[Token]:
        return parents(name) | owners(spec.owner, spec.group)
