"""Hosts from outside of Git, one by one: which can be used, and what is wrong with the others.

They are held to the same rules as Host documents. A host with something wrong is left out whole: with half of its
labels it would belong to other services than it should. Must not know what kind of source they come from.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter, ValidationError

from reconciler.core.parsing.complain import is_ansible
from reconciler.core.parsing.fields import Address, LabelKey, LabelValue, Name, User, is_template
from reconciler.core.quote import quote
from reconciler.kinds.base import AbsolutePath
from reconciler.model.desired import Host
from reconciler.model.digest import canonical
from reconciler.model.inventory import Admitted, place_of
from reconciler.model.problem import Problem

_NAME: TypeAdapter[str] = TypeAdapter(Name)
_ADDRESS: TypeAdapter[str] = TypeAdapter(Address)
_USER: TypeAdapter[str] = TypeAdapter(User)
_ROOT: TypeAdapter[str] = TypeAdapter(AbsolutePath)
_KEY: TypeAdapter[str] = TypeAdapter(LabelKey)
_VALUE: TypeAdapter[str] = TypeAdapter(LabelValue)

MOST = 20
"""Problems that are told of one source."""
DEEPEST = 16
LARGEST_VARS = 64 * 1024
_NO_VARS: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Entry:
    """What a source says of a host, as it says it: every value may be anything."""

    name: Any
    labels: Any = field(default_factory=dict)
    address: Any = ""
    port: Any = 22
    user: Any = ""
    connection: Any = "ssh"
    become: Any = False
    root: Any = ""
    vars: Any = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Unfit:
    """A host that the source's own rules refuse already."""

    name: Any
    reason: str
    message: str
    hint: str = ""


class _Refused(Exception):
    def __init__(self, reason: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.reason, self.message, self.hint = reason, message, hint


def admit(entries: Iterable[Entry | Unfit], source: str, *, allow_local: bool) -> Admitted:
    """The usable hosts; equal labels and vars of many hosts are one object."""
    intake = _Intake(source, allow_local)
    for entry in entries:
        intake.take(entry)
    return intake.done()


class _Intake:
    def __init__(self, source: str, allow_local: bool) -> None:
        self._place = place_of(source)
        self._allow_local = allow_local
        self._hosts: dict[str, Host] = {}
        self._twice: set[str] = set()
        self._left_out = self._more = 0
        self._problems: list[Problem] = []
        self._labels: dict[tuple[tuple[Any, Any], ...], Mapping[str, str]] = {}
        self._vars: dict[bytes, Mapping[str, Any]] = {}

    def take(self, entry: Entry | Unfit) -> None:
        if isinstance(entry, Unfit):
            self._refuse(entry.name, _Refused(entry.reason, entry.message, entry.hint))
            return
        try:
            host = self._host(entry)
        except _Refused as refused:
            self._refuse(entry.name, refused)
            return
        if host.name in self._hosts or host.name in self._twice:
            self._left_out += self._hosts.pop(host.name, None) is not None
            self._twice.add(host.name)
            hint = "remove one; until then neither is used"
            self._refuse(host.name, _Refused("duplicate-name", "it is listed twice", hint))
        else:
            self._hosts[host.name] = host

    def done(self) -> Admitted:
        if self._more:
            message = f"{self._more:,} more problems of hosts are not shown"
            self._problems.append(Problem(self._place, "too-many-problems", message))
        return Admitted(dict(sorted(self._hosts.items())), self._left_out, tuple(self._problems))

    def _refuse(self, name: Any, refused: _Refused) -> None:
        self._left_out += 1
        if len(self._problems) == MOST:
            self._more += 1
        else:
            message = f"host {quote(name)} is left out: {refused.message}"
            document = f"Host/{name}" if isinstance(name, str) and refused.reason != "bad-name" else ""
            self._problems.append(Problem(self._place, refused.reason, message, document, refused.hint))

    def _host(self, entry: Entry) -> Host:
        local = entry.connection == "local"
        if local and not self._allow_local:
            hint = "set allow_local = true in reconciler.toml or RECONCILER_ALLOW_LOCAL=true"
            raise _Refused("local-not-allowed", "it is this machine itself, which is not allowed here", hint)
        if not local and entry.connection != "ssh":
            message = f"the connection {quote(entry.connection)} is not supported"
            raise _Refused("bad-choice", message, "hosts are reached by ssh")
        if entry.root and not local:
            raise _Refused("root-without-local", "root is only for hosts with connection: local", "remove root")
        name = _checked(_NAME, entry.name)
        return Host(
            name=name,
            place=self._place,
            labels=self._labels_of(entry.labels),
            address="" if local and not entry.address else _checked(_ADDRESS, entry.address or name),
            port=_port(entry.port),
            user=_checked(_USER, entry.user) if entry.user else "",
            connection="local" if local else "ssh",
            become=_truth(entry.become),
            root=_checked(_ROOT, entry.root) if entry.root else "",
            vars=self._vars_of(entry.vars),
        )

    def _labels_of(self, labels: Any) -> Mapping[str, str]:
        if not isinstance(labels, dict):
            raise _Refused("wrong-type", f"its labels must be a mapping, not {quote(labels)}")
        try:
            key = tuple(sorted(labels.items()))
            known = self._labels.get(key)
        except TypeError:
            raise _Refused("wrong-type", "each of its labels must be text") from None
        if known is None:
            known = {_checked(_KEY, k): _checked(_VALUE, v) for k, v in key}
            self._labels[key] = known
        return known

    def _vars_of(self, given: Any) -> Mapping[str, Any]:
        if not isinstance(given, dict):
            raise _Refused("wrong-type", f"its vars must be a mapping, not {quote(given)}")
        if not given:
            return _NO_VARS
        _plain(given, 0)
        try:
            key = canonical(given)
        except TypeError:
            raise _Refused("wrong-type", "its vars hold something that is no plain value") from None
        if len(key) > LARGEST_VARS:
            raise _Refused("too-large", f"its vars have {len(key):,} bytes; the limit is {LARGEST_VARS:,}")
        return self._vars.setdefault(key, given)


def _checked(form: TypeAdapter[str], value: Any) -> str:
    try:
        return form.validate_python(value, strict=True)
    except ValidationError as error:
        if not isinstance(value, str):
            raise _Refused("wrong-type", f"{quote(value)} is no text") from None
        first = error.errors(include_url=False)[0]
        raise _Refused(first["type"], first["msg"], str(first.get("ctx", {}).get("hint", ""))) from None


def _port(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 65536:
        raise _Refused("out-of-range", f"{quote(value)} is not a port", "write a number from 1 to 65535")
    return value


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _Refused("wrong-type", f"become must be true or false, not {quote(value)}")
    return value


def _plain(value: Any, depth: int) -> None:
    """Values, not templates: what comes from outside is never rendered."""
    if depth > DEEPEST:
        raise _Refused("too-deep", f"its vars are nested deeper than {DEEPEST}")
    match value:
        case dict():
            for key, item in value.items():
                _key(key)
                _plain(item, depth + 1)
        case list():
            for item in value:
                _plain(item, depth + 1)
        case None:
            raise _Refused("null-value", "there is an empty value among its vars", "leave it out, or give it a value")
        case str() if is_template(value):
            hint = "vars are values, not templates; put the template in the resource"
            raise _Refused("template-in-vars", f"a template stands in its vars: {quote(value)}", hint)
        case _:
            pass


def _key(key: Any) -> None:
    if not isinstance(key, str) or is_template(key):
        raise _Refused("bad-name", f"{quote(key)} can't be the name of a var")
    if is_ansible(key):
        raise _Refused("ansible-key", f"the key {quote(key)} is Ansible's own and can't be a var")
