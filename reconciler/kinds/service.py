"""A unit of systemd as it runs: running or stopped, enabled or not, masked or not; it restarts or reloads for others.

The unit itself comes from a package or a `unit`. So this kind makes and removes nothing: when it leaves Git the
unit is released as it is. A unit that isn't there counts as stopped, disabled and unmasked; asking for more of it is a
`create`, which works once the package or unit of the same program has brought it.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from reconciler.kinds.base import Kind, Ref, Spec, Token, present
from reconciler.kinds.programs import program
from reconciler.model.delivery import Call
from reconciler.model.observation import Facts, Query
from reconciler.model.plan import Action
from reconciler.model.state import Absent, Observed, Present, Wanted

MODULE = "ansible.builtin.systemd_service"
SUFFIXES = frozenset(
    {"service", "socket", "timer", "path", "target", "mount", "automount", "swap", "slice", "scope", "device"}
)
NOT_THERE = {"state": "stopped", "enabled": False, "masked": False}


def _not_a_template(name: str) -> str:
    if "@." in name:
        raise ValueError("is a template: name an instance of it, such as getty@tty1 of getty@.service")
    return name


UnitName = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9:_.\\][A-Za-z0-9:_.\\-]*(@[A-Za-z0-9:_.\\-]+)?$", max_length=255),
    AfterValidator(_not_a_template),
    Field(description="A unit of systemd: nginx, nginx.service, backup.timer, getty@tty1."),
]


def unit_name(name: str) -> str:
    """The full name of a unit: `.service` is what systemd takes for granted."""
    return name if name.rpartition(".")[2] in SUFFIXES else f"{name}.service"


class ServiceSpec(Spec):
    state: Literal["running", "stopped"] | None = Field(None, description="Whether it runs now.")
    enabled: bool | None = Field(None, description="Whether it starts with the machine.")
    masked: bool | None = Field(None, description="Whether nothing at all can start it.")
    reload_on: tuple[Ref, ...] = Field((), strict=False, description="Resources whose change makes it reload.")
    restart_on: tuple[Ref, ...] = Field((), strict=False, description="Resources whose change makes it restart.")

    @model_validator(mode="after")
    def _sense(self) -> Self:
        asked = (self.state, self.enabled, self.masked)
        if all(a is None for a in asked) and not (self.reload_on or self.restart_on):
            raise ValueError("asks for nothing; give state, enabled, masked, reload_on or restart_on")
        if self.masked and (self.state == "running" or self.enabled):
            raise ValueError("masked: true means that nothing can start it, so it is neither running nor enabled")
        return self

    def managed(self) -> dict[str, Any]:
        fields = {"state": self.state, "enabled": self.enabled, "masked": self.masked}
        return {k: v for k, v in fields.items() if v is not None}


class Service(Kind[ServiceSpec]):
    name = "service"
    Spec = ServiceSpec
    Name = UnitName
    summary = "A systemd unit: running, enabled, masked, and what makes it restart or reload."
    example = "- service: nginx\n  state: running\n  enabled: true\n  reload_on: [file//etc/nginx/nginx.conf]\n"
    when_absent = "Started, enabled or masked as soon as its package or unit file is there; stopped and disabled it is."
    when_different = "It is started, stopped, enabled, disabled, masked or unmasked."
    on_delete = "It is released: it goes on as it is. Its package or unit file takes it along when that goes."
    prunable = False
    reacts = True

    def query(self, name: str, spec: ServiceSpec) -> Query:
        return {"probe": "systemd", "unit": unit_name(name), "want": list(spec.managed())}

    def wanted(self, name: str, spec: ServiceSpec) -> Wanted:
        return Present(spec.managed())

    def interpret(self, name: str, spec: ServiceSpec, facts: Facts) -> Observed:
        managed = spec.managed()
        if facts["load"] == "not-found":
            there = spec.state == "running" or spec.enabled
            return Absent() if there else Present({k: NOT_THERE[k] for k in managed})
        return present({"state": _state(spec, facts), "enabled": _enabled(spec, facts), "masked": facts.get("masked")})

    def calls(self, name: str, spec: ServiceSpec, action: Action) -> tuple[Call, ...]:
        unit = unit_name(name)
        if action in ("restart", "reload"):
            return (_react(unit, spec, action),)
        if action == "delete" or not spec.managed():
            return ()
        args: dict[str, Any] = {"name": unit}
        if spec.enabled is not None:
            args["enabled"] = spec.enabled
        if spec.state is not None:
            args["state"] = "started" if spec.state == "running" else "stopped"
        if not spec.masked:
            return (Call(MODULE, args if spec.masked is None else {**args, "masked": False}),)
        # A unit that isn't there can be masked, but the module would fail to stop it in the same call.
        mask = Call(MODULE, {"name": unit, "masked": True})
        return (mask, Call(MODULE, args)) if len(args) > 1 else (mask,)

    def reacts_after(self, spec: ServiceSpec, changed: frozenset[str]) -> bool:
        """What is being started now reads its files anyway; what should not run is left alone."""
        return spec.state != "stopped" and not spec.masked and not (spec.state == "running" and "state" in changed)

    def claims(self, name: str, spec: ServiceSpec) -> frozenset[Token]:
        return frozenset({("service", unit_name(name))})

    def after(self, name: str, spec: ServiceSpec) -> frozenset[Token]:
        unit = unit_name(name)
        stem, _, suffix = unit.rpartition(".")
        base, at, _ = stem.partition("@")
        template = [("unit", f"{base}@.{suffix}")] if at else []
        return frozenset([("package", base), ("unit", unit), *template])


def _state(spec: ServiceSpec, facts: Facts) -> str | None:
    """A unit that failed is stopped for those who want it stopped; for others it is worth a word of its own."""
    state: str | None = facts.get("state")
    return "stopped" if state == "failed" and spec.state == "stopped" else state


def _enabled(spec: ServiceSpec, facts: Facts) -> bool | None:
    """A unit with nothing to enable (static, indirect, generated, …) is as enabled as it can be: as wanted."""
    if facts.get("enabled") in ("enabled", "disabled"):
        return bool(facts["enabled"] == "enabled")
    return spec.enabled


def _react(unit: str, spec: ServiceSpec, action: Action) -> Call:
    if spec.state == "running":
        return Call(MODULE, {"name": unit, "state": "restarted" if action == "restart" else "reloaded"})
    # The module would start a unit that doesn't run, which nobody asked for.
    verb = "try-restart" if action == "restart" else "try-reload-or-restart"
    return program(["systemctl", verb, "--", unit])
