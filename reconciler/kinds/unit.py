"""A unit file of systemd in /etc/systemd/system, or a drop-in for one. systemd is told when it changes.

Whether the unit runs is not its business: that is a `service`. It must not know other places of unit files.
"""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import Field, StringConstraints, model_validator

from reconciler.kinds.base import Absent, Kind, Mode, Token, Unknown, present
from reconciler.kinds.contents import Contents, keyed
from reconciler.kinds.programs import program
from reconciler.model.delivery import Call
from reconciler.model.observation import Facts, Query
from reconciler.model.plan import Action
from reconciler.model.state import Observed, Wanted

FOLDER = "/etc/systemd/system"
FIELDS = ("content", "owner", "group", "mode")
OWNER = {"owner": "root", "group": "root"}
DAEMON_RELOAD = Call("ansible.builtin.systemd_service", {"daemon_reload": True})

UnitFile = Annotated[
    str,
    StringConstraints(
        pattern=r"^[A-Za-z0-9:_.\\][A-Za-z0-9:_.\\-]*(@[A-Za-z0-9:_.\\-]*)?"
        r"\.(service|socket|timer|path|target|mount|automount|swap|slice)(\.d/[A-Za-z0-9_][A-Za-z0-9_.-]*\.conf)?$",
        max_length=255,
    ),
    Field(
        description="A unit file (app.service, backup.timer, app@.service) or a drop-in: nginx.service.d/limits.conf."
    ),
]


class UnitSpec(Contents):
    mode: Mode = "0644"

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if self.content is None and self.template is None and self.source is None:
            raise ValueError("say what is in it: content, template or source")
        return self


class Unit(Kind[UnitSpec]):
    name = "unit"
    Spec = UnitSpec
    Name = UnitFile
    summary = "A systemd unit file or drop-in in /etc/systemd/system."
    example = "- unit: app.service\n  template: files/app.service.j2\n"
    when_absent = "It is written and systemd reads it. A `service` starts it."
    when_different = "It is written again and systemd reads it. A `service` with `restart_on` restarts it."
    on_delete = "The unit is stopped and disabled, the file removed and systemd told. A drop-in is only removed."
    content = frozenset({"content"})
    seals = frozenset({"content"})

    def query(self, name: str, spec: UnitSpec) -> Query:
        path = f"{FOLDER}/{name}"
        return {"probe": "path", "path": path, "want": list(FIELDS), "text": not spec.sensitive, **keyed(spec)}

    def wanted(self, name: str, spec: UnitSpec) -> Wanted:
        return present({"content": spec.content_digest(), **OWNER, "mode": spec.mode}, spec.texts(), spec.sealed())

    def interpret(self, name: str, spec: UnitSpec, facts: Facts) -> Observed:
        if not facts["exists"]:
            return Absent()
        if facts["type"] != "file":
            return Unknown(
                f"a {facts['type']} is in its place (a link: enabled from elsewhere, or masked); see to it by hand"
            )
        state = {"content": facts.get("keyed", facts.get("sha256")), **{f: facts.get(f) for f in FIELDS[1:]}}
        return present(state, {"content": facts["text"]} if facts.get("text") is not None else {})

    def calls(self, name: str, spec: UnitSpec, action: Action) -> tuple[Call, ...]:
        path = f"{FOLDER}/{name}"
        if action == "delete":
            remove = Call("ansible.builtin.file", {"path": path, "state": "absent"}, paths=("path",))
            return (*_quiesce(name), remove, DAEMON_RELOAD)
        write = Call(
            "ansible.builtin.copy",
            {"dest": path, **OWNER, "mode": spec.mode},
            paths=("dest",),
            files={"src": spec.data() or b""},
        )
        return (*_folder(path), write, DAEMON_RELOAD)

    def provides(self, name: str, spec: UnitSpec) -> frozenset[Token]:
        # A drop-in is part of the unit: what needs the unit waits for it too.
        return frozenset({("unit", name.partition(".d/")[0]), ("path", f"{FOLDER}/{name}")})

    def claims(self, name: str, spec: UnitSpec) -> frozenset[Token]:
        return frozenset((what, f"{FOLDER}/{name}") for what in ("path", "content"))

    def memory(self, spec: UnitSpec) -> dict[str, Any]:
        """Without the text, but still a valid spec."""
        return {**super().memory(spec), "content": ""}


def _folder(path: str) -> tuple[Call, ...]:
    """The directory of a drop-in."""
    folder = path.rpartition("/")[0]
    if folder == FOLDER:
        return ()
    args = {"path": folder, "state": "directory", **OWNER, "mode": "0755"}
    return (Call("ansible.builtin.file", args, paths=("path",)),)


def _quiesce(name: str) -> tuple[Call, ...]:
    """Stop and disable a unit before its file goes; nothing for a drop-in.

    Not by systemd_service, which refuses units that it can't load: a broken unit must be removable. systemctl
    fails to stop a unit that isn't loaded, but not a pattern that matches none: hence the brackets. For a template
    the pattern covers all its instances.
    """
    if "/" in name:
        return ()
    stem, _, suffix = name.rpartition(".")
    pattern = f"{stem}*.{suffix}" if stem.endswith("@") else f"{stem}.{suffix[:-1]}[{suffix[-1]}]"
    commands = (["systemctl", "stop", "--", pattern], ["systemctl", "disable", "--", name])
    return tuple(program(command) for command in commands)
