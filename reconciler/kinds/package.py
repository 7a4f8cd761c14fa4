"""A package of the system: installed in a version or any, held or not, or absent. apt or dnf, as the host has it.

The spec doesn't say which package manager a host has; calls for both stand side by side and the host picks by the
programs that it has. A version is exactly what the host's package database says, never "the latest": a plan
has to know what it will do. Nothing is ever removed but the package itself (no autoremove).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from reconciler.kinds.base import Kind, Spec, Token, present
from reconciler.kinds.programs import program
from reconciler.model.delivery import Call
from reconciler.model.observation import Facts, Query
from reconciler.model.plan import Action
from reconciler.model.state import Absent, Observed, Present, Wanted

APT, DNF4, DNF5, ANY_DNF = "apt-get", "dnf-3", "dnf5", "dnf"
"""Programs by which a host is told apart; `dnf-3` comes with the Python library that ansible.builtin.dnf needs."""
LOCK_SECONDS = 300

# No wildcards, no `=`, no `@group`, no path or URL, and no `-` at the end, which apt-get takes for "remove".
PackageName = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9]([A-Za-z0-9+._-]*[A-Za-z0-9+])?(:[a-z0-9-]*[a-z0-9])?$", max_length=200),
    Field(description="The name of a package; with apt an architecture may follow: libc6:i386."),
]
Version = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9.+:~^_-]*$", max_length=200)]


class PackageSpec(Spec):
    state: Literal["present", "absent"] = Field("present", description="Whether it should be there.")
    version: Version | None = Field(
        None,
        description="Exactly this version, as dpkg-query or `rpm -q --qf '%{EVR}'` shows it. Without it any will do.",
        examples=["1.22.1-9+deb12u1", "1:1.20.1-14.el9"],
    )
    hold: bool | None = Field(
        None, description="Keep upgrades off it (apt-mark hold, dnf versionlock) or let them; otherwise left as it is."
    )
    install_recommends: bool | None = Field(
        None, description="Whether packages that it recommends come with it; otherwise as the host is configured."
    )
    purge: bool = Field(False, description="Removing takes its configuration files along (apt).")

    @model_validator(mode="after")
    def _absent_has_no_more(self) -> Self:
        if self.state == "absent" and (self.version is not None or self.hold is not None):
            raise ValueError("a package that is to be absent has neither version nor hold; leave them out")
        return self


class Package(Kind[PackageSpec]):
    name = "package"
    Spec = PackageSpec
    Name = PackageName
    summary = "A package of the system (apt, dnf): installed, in a version, held, or absent."
    example = '- package: nginx\n  version: "1.22.1-9+deb12u1"\n  hold: true\n'
    when_absent = "It is installed, with what it depends on; the package lists are fetched first."
    when_different = "The version is installed, also when it is older; a half-installed package is finished."
    on_delete = "It is removed if we installed it, never with others that are not needed any more."
    starts_services = True

    def query(self, name: str, spec: PackageSpec) -> Query:
        want = {"versions": spec.version, "held": spec.hold}
        return {"probe": "package", "name": name, "want": [f for f, v in want.items() if v is not None]}

    def wanted(self, name: str, spec: PackageSpec) -> Wanted:
        if spec.state == "absent":
            return Absent()
        return present({"state": "present", "version": spec.version, "hold": spec.hold})

    def interpret(self, name: str, spec: PackageSpec, facts: Facts) -> Observed:
        status = facts["status"]
        if status == "absent":
            return Absent()
        if status == "config-files":
            left_to_purge = spec.state == "absent" and spec.purge
            return Present({"state": status}) if left_to_purge else Absent()
        versions = facts.get("versions", [])
        version = spec.version if spec.version in versions else ", ".join(versions) or None
        return present(
            {"state": "present" if status == "installed" else status, "version": version, "hold": facts.get("held")}
        )

    def calls(self, name: str, spec: PackageSpec, action: Action) -> tuple[Call, ...]:
        if action == "delete":
            return (*_remove_apt(name, spec), *_remove_dnf(name, spec))
        return (*_install_apt(name, spec), *_install_dnf(name, spec))

    def provides(self, name: str, spec: PackageSpec) -> frozenset[Token]:
        return frozenset({("package", name), ("package", name.partition(":")[0])})


def _install_apt(name: str, spec: PackageSpec) -> tuple[Call, ...]:
    args: dict[str, Any] = {
        "name": [f"{name}={spec.version}" if spec.version else name],
        "state": "present",
        # Always: with a cache that is "still valid" a repository of the same program, or a new version, isn't found.
        "update_cache": True,
        "lock_timeout": LOCK_SECONDS,
    }
    if spec.version:
        args["allow_downgrade"] = True
    if spec.hold:
        args["allow_change_held_packages"] = True
    if spec.install_recommends is not None:
        args["install_recommends"] = spec.install_recommends
    calls = [Call("ansible.builtin.apt", args, needs=APT)]
    if spec.hold is not None:
        selection = {"name": name, "selection": "hold" if spec.hold else "install"}
        calls.append(Call("ansible.builtin.dpkg_selections", selection, needs=APT))
    return tuple(calls)


def _install_dnf(name: str, spec: PackageSpec) -> tuple[Call, ...]:
    args: dict[str, Any] = {
        "name": [f"{name}-{spec.version}" if spec.version else name],
        "state": "present",
        "lock_timeout": LOCK_SECONDS,
    }
    if spec.version:
        args["allow_downgrade"] = True
    if spec.install_recommends is not None:
        args["install_weak_deps"] = spec.install_recommends
    # Our own lock must not keep us from the version that is asked for now.
    unlocked = {"disable_plugin": ["versionlock"]} if spec.hold else {}
    calls = [
        Call("ansible.builtin.dnf", {**args, **unlocked}, needs=DNF4),
        Call("ansible.builtin.dnf5", args, needs=DNF5),
    ]
    if spec.hold is False:  # first, since a lock that somebody set would keep us from the version too
        return (_versionlock("delete", name), *calls)
    if spec.hold and spec.version:  # a lock that is there names the old version, and `add` leaves it so
        calls.append(_versionlock("delete", name))
    return (*calls, _versionlock("add", name)) if spec.hold else tuple(calls)


def _remove_apt(name: str, spec: PackageSpec) -> tuple[Call, ...]:
    args = {"name": [name], "state": "absent", "purge": spec.purge, "lock_timeout": LOCK_SECONDS}
    if spec.hold:
        args["allow_change_held_packages"] = True
    return (Call("ansible.builtin.apt", args, needs=APT),)


def _remove_dnf(name: str, spec: PackageSpec) -> tuple[Call, ...]:
    args = {"name": [name], "state": "absent", "lock_timeout": LOCK_SECONDS}
    calls = (Call("ansible.builtin.dnf", args, needs=DNF4), Call("ansible.builtin.dnf5", args, needs=DNF5))
    return (*calls, _versionlock("delete", name)) if spec.hold else calls


def _versionlock(verb: str, name: str) -> Call:
    return replace(program(["dnf", "versionlock", verb, name]), needs=ANY_DNF)
