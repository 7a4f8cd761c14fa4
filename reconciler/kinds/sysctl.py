"""A setting of the kernel, now and after a reboot: the running value, and a drop-in of ours in /etc/sysctl.d."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from reconciler.kinds.base import NUMBER_AS_TEXT, Absent, Kind, Spec, Token, Unknown, parents, present
from reconciler.kinds.programs import program
from reconciler.model.delivery import Call
from reconciler.model.observation import Facts, Query
from reconciler.model.plan import Action
from reconciler.model.state import Observed, Present, Wanted


class SysctlSpec(Spec):
    value: Annotated[
        str,
        NUMBER_AS_TEXT,
        StringConstraints(pattern=r"^[ -~\t]*[!-~][ -~\t]*$", max_length=1024),
        AfterValidator(lambda text: " ".join(text.split())),
        Field(description='The value; several numbers in one string, as in "4096 87380 6291456".'),
    ]


def drop_in(name: str) -> str:
    """The file that sets it at boot. An interface may have a `/` in its name (net.ipv4.conf.eth0/1.forwarding)."""
    return f"/etc/sysctl.d/60-reconciler-{name.replace('/', '@')}.conf"


class Sysctl(Kind[SysctlSpec]):
    name = "sysctl"
    Spec = SysctlSpec
    Name = Annotated[
        str,
        # A `/` stands for a dot inside a part; never beside a dot, which would lead out of /proc/sys.
        StringConstraints(pattern=r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_:-]+(/[A-Za-z0-9_:-]+)*)+$", max_length=200),
    ]
    summary = "A kernel setting: its running value, and the one set at boot."
    example = "- sysctl: vm.swappiness\n  value: 1\n"
    when_absent = (
        "There is no drop-in `/etc/sysctl.d/60-reconciler-<name>.conf` of ours: the running value is set with "
        "`sysctl -w`, then the drop-in is written. A setting of the same name in other files is not looked at."
    )
    when_different = "The running value (`value`) and the drop-in's (`persisted`) are both set."
    when_unknown = (
        "It is left alone, and what requires it waits. A setting that the running kernel doesn't have counts as "
        "unknown."
    )
    on_delete = "The drop-in is removed, if we created it. The running value stays until the next boot."

    def query(self, name: str, spec: SysctlSpec) -> Query:
        return {"probe": "sysctl", "name": name, "file": drop_in(name)}

    def wanted(self, name: str, spec: SysctlSpec) -> Wanted:
        return Present({"value": spec.value, "persisted": spec.value})

    def interpret(self, name: str, spec: SysctlSpec, facts: Facts) -> Observed:
        if facts["exists"]:
            return present({"value": facts["value"], "persisted": facts["persisted"]})
        if facts["value"] is None:
            return Unknown(f"the kernel has no {name}: is it misspelt, or its module not loaded?")
        return Absent()

    def calls(self, name: str, spec: SysctlSpec, action: Action) -> tuple[Call, ...]:
        file = drop_in(name)
        if action == "delete":
            return (Call("ansible.builtin.file", {"path": file, "state": "absent"}, paths=("path",)),)
        text = f"# Written by Reconciler for sysctl/{name}; changes made here are undone.\n{name} = {spec.value}\n"
        write = Call(
            "ansible.builtin.copy",
            {"dest": file, "mode": "0644"},
            paths=("dest",),
            files={"src": text.encode()},
        )
        # The kernel first: a value that it refuses must not be set at the next boot either.
        return (program(("sysctl", "-w", f"{name}={spec.value}")), write)

    def after(self, name: str, spec: SysctlSpec) -> frozenset[Token]:
        return parents(drop_in(name))
