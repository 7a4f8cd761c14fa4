"""A group of accounts: that it exists, and its number. Who is in it is said by each `user`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from reconciler.kinds.base import AccountName, Kind, Spec, present
from reconciler.model.delivery import Call
from reconciler.model.observation import Facts, Query
from reconciler.model.plan import Action
from reconciler.model.state import Absent, Observed, Wanted

Id = Annotated[int, Field(ge=0, le=2**32 - 2)]


class GroupSpec(Spec):
    state: Literal["present", "absent"] = Field("present", description="Whether it should be there.")
    gid: Id | None = Field(None, description="Its number.")
    system: bool = Field(False, description="When it is created without a gid: take one of those for system groups.")


class Group(Kind[GroupSpec]):
    name = "group"
    Spec = GroupSpec
    Name = AccountName
    summary = "A group of accounts."
    example = "- group: app\n  gid: 990\n"
    when_different = "Its gid is changed; files keep the old number."
    on_delete = "It is removed if we created it. The host refuses while it is the primary group of a user."

    def query(self, name: str, spec: GroupSpec) -> Query:
        return {"probe": "account", "group": name, "want": [] if spec.gid is None else ["gid"]}

    def wanted(self, name: str, spec: GroupSpec) -> Wanted:
        return Absent() if spec.state == "absent" else present({"gid": spec.gid})

    def interpret(self, name: str, spec: GroupSpec, facts: Facts) -> Observed:
        return present({"gid": facts.get("gid")}) if facts["exists"] else Absent()

    def calls(self, name: str, spec: GroupSpec, action: Action) -> tuple[Call, ...]:
        args: dict[str, Any] = {"name": name, "state": "absent" if action == "delete" else "present"}
        if action != "delete" and spec.gid is not None:
            args["gid"] = spec.gid
        if action == "create" and spec.system:
            args["system"] = True
        return (Call("ansible.builtin.group", args),)
