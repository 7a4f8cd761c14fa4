"""A symbolic link: what it points to. Must not know what is there."""

from __future__ import annotations

import posixpath
from typing import Annotated

from pydantic import Field, StringConstraints

from reconciler.kinds.base import Absent, AbsolutePath, Kind, Present, Spec, Token, Unknown, parents
from reconciler.model.delivery import Call
from reconciler.model.observation import Facts, Query
from reconciler.model.plan import Action
from reconciler.model.state import Observed, Wanted


class LinkSpec(Spec):
    target: Annotated[
        str,
        # Ansible's modules would expand a `$NAME` and a `~` in front.
        StringConstraints(pattern=r"^[^\x00-\x1f\x7f$~][^\x00-\x1f\x7f$]*$", max_length=4095),
        Field(description="What it points to: an absolute path, or one relative to the link's directory."),
    ]


class Link(Kind[LinkSpec]):
    name = "link"
    Spec = LinkSpec
    Name = AbsolutePath
    summary = "A symbolic link and what it points to."
    example = "- link: /etc/nginx/sites-enabled/app.conf\n  target: ../sites-available/app.conf\n"
    when_absent = "It is created. What it points to must be there by then."
    when_different = "It is pointed to the target."
    when_unknown = (
        "It is left alone, and what requires it waits. A file or directory in its place counts as unknown: nothing "
        "of another type is ever replaced."
    )
    on_delete = "The link is removed, if we created it; what it points to stays."
    rooted = True

    def query(self, name: str, spec: LinkSpec) -> Query:
        return {"probe": "path", "path": name, "want": ["target"], "text": False}

    def wanted(self, name: str, spec: LinkSpec) -> Wanted:
        return Present({"target": spec.target})

    def interpret(self, name: str, spec: LinkSpec, facts: Facts) -> Observed:
        if not facts["exists"]:
            return Absent()
        if facts["type"] != "link":
            return Unknown(f"a {facts['type']} is in its place; remove it by hand")
        return Present({"target": facts["target"]})

    def calls(self, name: str, spec: LinkSpec, action: Action) -> tuple[Call, ...]:
        if action == "delete":
            return (Call("ansible.builtin.file", {"path": name, "state": "absent"}, paths=("path",)),)
        args = {"path": name, "src": spec.target, "state": "link", "force": False, "follow": False}
        absolute = spec.target.startswith("/")
        return (Call("ansible.builtin.file", args, paths=("path", "src") if absolute else ("path",)),)

    def provides(self, name: str, spec: LinkSpec) -> frozenset[Token]:
        return frozenset({("path", name)})

    def claims(self, name: str, spec: LinkSpec) -> frozenset[Token]:
        return self.provides(name, spec)

    def after(self, name: str, spec: LinkSpec) -> frozenset[Token]:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(name), spec.target))
        return (parents(name) | {("path", target)}) - {("path", name)}
