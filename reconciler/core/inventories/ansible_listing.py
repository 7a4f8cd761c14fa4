"""What `ansible-inventory --list` prints, to entries: labels from groups and variables, connection settings by name.

Variables are data here: only those that the operator names are looked at, and a template in one of them is refused
as text, never rendered. Must not know how the listing was made.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from reconciler.core.inventories.admit import Entry, Unfit
from reconciler.core.quote import quote
from reconciler.model.errors import Stalled

Listed: TypeAlias = Mapping[str, Any]

_TRUE = frozenset({"true", "yes", "on", "1", "y", "t"})
_FALSE = frozenset({"false", "no", "off", "0", "n", "f"})
_OLD = {"ansible_host": "ansible_ssh_host", "ansible_port": "ansible_ssh_port", "ansible_user": "ansible_ssh_user"}
_ONLY = {"ansible_become_method": "sudo", "ansible_become_user": "root"}
_SSH = frozenset({"ssh", "smart", "ansible.builtin.ssh", "paramiko", "paramiko_ssh"})


@dataclass(frozen=True, slots=True)
class LabelRule:
    """Where a label's value comes from: what `*` stands for in a group's name, a variable (dots lead inside), or the
    text itself."""

    kind: Literal["groups", "hostvars", "value"]
    text: str


@dataclass(frozen=True, slots=True)
class Mapped:
    """What is made of a host. `vars_from` names a variable that holds vars; `vars` are taken one by one."""

    labels: Mapping[str, LabelRule] = field(default_factory=dict)
    vars: tuple[str, ...] = ()
    vars_from: str = ""
    user: str = ""
    become: bool = False


def label_rule(text: str) -> LabelRule:
    """`groups:role_*`, `hostvars:tags.site` or `value:aws`. Raises ValueError for anything else."""
    kind, colon, rest = text.partition(":")
    match kind:
        case "groups" if rest.count("*") == 1:
            return LabelRule("groups", rest)
        case "groups":
            raise ValueError(f"{text!r} needs one * that stands for the label's value: groups:role_*")
        case "hostvars" | "value" if colon and rest:
            return LabelRule("hostvars" if kind == "hostvars" else "value", rest)
    raise ValueError(f"{text!r} is not written as groups:role_*, hostvars:datacenter or value:aws")


def entries(listing: Any, mapped: Mapped) -> Iterator[Entry | Unfit]:
    """Every host of the listing. Raises Stalled when it is no listing of an inventory."""
    groups, variables = _checked(listing)
    by_group = {key: _values(groups, rule.text) for key, rule in mapped.labels.items() if rule.kind == "groups"}
    for name in _names(groups, variables):
        yield _entry(name, variables.get(name, {}), by_group, mapped)


def _checked(listing: Any) -> tuple[Mapping[str, Listed], Mapping[str, Listed]]:
    """The groups and the hosts' variables."""
    meta = listing.get("_meta") if isinstance(listing, dict) else None
    variables = meta.get("hostvars") if isinstance(meta, dict) else None
    if not isinstance(listing, dict) or not isinstance(variables, dict):
        raise Stalled(
            "ansible-inventory printed something that is no inventory", "see what ansible-inventory --list prints"
        )
    groups = {name: group for name, group in listing.items() if name != "_meta" and isinstance(group, dict)}
    return groups, {name: known for name, known in variables.items() if isinstance(known, dict)}


def _names(groups: Mapping[str, Listed], variables: Mapping[str, Listed]) -> list[str]:
    """Hosts without variables stand only in their groups."""
    found = set(variables)
    for group in groups.values():
        found.update(group.get("hosts", ()))
    return sorted(found)


def _values(groups: Mapping[str, Listed], pattern: str) -> dict[str, list[str]]:
    """What `*` stands for in the names of the groups that a host is in, directly or not."""
    before, _, after = pattern.partition("*")
    matching = re.compile(f"{re.escape(before)}(.+){re.escape(after)}").fullmatch
    values: dict[str, list[str]] = {}
    for name in sorted(groups):
        if found := matching(name):
            for host in _members(groups, name):
                values.setdefault(host, []).append(found[1])
    return values


def _members(groups: Mapping[str, Listed], top: str) -> set[str]:
    hosts: set[str] = set()
    seen, queue = {top}, [top]
    while queue:
        group = groups.get(queue.pop(), {})
        hosts.update(group.get("hosts", ()))
        new = set(group.get("children", ())) - seen
        seen |= new
        queue += new
    return hosts


def _entry(name: str, known: Listed, by_group: Mapping[str, Mapping[str, list[str]]], mapped: Mapped) -> Entry | Unfit:
    labels: dict[str, str] = {}
    for key, rule in mapped.labels.items():
        values = _label(name, known, rule, by_group.get(key, {}))
        if len(values) > 1:
            message = f"the label {key} could be {' or '.join(quote(value) for value in values[:5])}"
            return Unfit(name, "ambiguous-label", message, f"take it out of all groups {rule.text} but one")
        if values and not isinstance(values[0], str):
            return Unfit(name, "bad-label", f"the variable {rule.text} is {quote(values[0])}, which is no label")
        if values:
            labels[key] = values[0]
    for setting, only in _ONLY.items():
        if known.get(setting, only) != only:
            message = f"{setting} {quote(known[setting])} is not supported"
            return Unfit(name, "bad-choice", message, f"only {only} is")
    vars_given = known.get(mapped.vars_from, {}) if mapped.vars_from else {}
    if not isinstance(vars_given, dict):
        return Unfit(name, "wrong-type", f"the variable {mapped.vars_from} must be a mapping, not {quote(vars_given)}")
    return Entry(
        name=name,
        labels=labels,
        address=_setting(known, "ansible_host", ""),
        port=_number(_setting(known, "ansible_port", 22)),
        user=_setting(known, "ansible_user", mapped.user),
        connection=_connection(known.get("ansible_connection", "ssh")),
        become=_truth(known.get("ansible_become", mapped.become)),
        vars={**vars_given, **{var: known[var] for var in mapped.vars if var in known}},
    )


def _label(name: str, known: Listed, rule: LabelRule, values: Mapping[str, list[str]]) -> list[Any]:
    match rule.kind:
        case "groups":
            return list(values.get(name, ()))
        case "value":
            return [rule.text]
        case "hostvars":
            value = _variable(known, rule.text)
            return [] if value is None else [_text(value)]


def _variable(known: Listed, path: str) -> Any:
    if path in known:
        return known[path]
    value: Any = known
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _text(value: Any) -> Any:
    """Numbers and truths as a label has them; anything else as it is."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else value


def _setting(known: Listed, name: str, default: Any) -> Any:
    value = known.get(name, known.get(_OLD[name]))
    return default if value is None else value


def _number(value: Any) -> Any:
    """In INI files numbers may come as text."""
    return int(value) if isinstance(value, str) and re.fullmatch("[0-9]{1,5}", value) else value


def _connection(value: Any) -> Any:
    return "local" if value == "ansible.builtin.local" else "ssh" if value in _SSH else value


def _truth(value: Any) -> Any:
    """As Ansible understands it, where it is plain."""
    word = value.lower() if isinstance(value, str) else ""
    return True if word in _TRUE else False if word in _FALSE else value
