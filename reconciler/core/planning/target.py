"""Limits a plan to some things, or frees it of some: `--target` and `--exclude`.

A target is `service:NAME`, `host:NAME`, `project:NAME`, `label:KEY=VALUE` or a resource as `kind/name`; a bare
word is a service if there is one of that name, else a host.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from reconciler.core.assessing.due import Assessment, Due, Verdict
from reconciler.core.quote import did_you_mean
from reconciler.model.desired import Desired
from reconciler.model.errors import Stalled
from reconciler.model.key import Key

Match = Callable[[str, Due], bool]
"""Whether a due change on a host is meant."""


@dataclass(frozen=True, slots=True)
class _Known:
    """Everything that a target may mean: what Git asks for, and what is due though it left Git."""

    desired: Desired
    services: frozenset[str]
    keys: frozenset[str]


def _known(assessment: Assessment, desired: Desired) -> _Known:
    dues = [due for verdict, _ in assessment.verdicts for due in verdict.dues]
    profiles = set(desired.profiles.values())
    return _Known(
        desired=desired,
        services=frozenset(desired.services) | {due.service for due in dues},
        keys=frozenset(str(r.key) for p in profiles for r in p.resources) | {str(due.change.key) for due in dues},
    )


def limited(assessment: Assessment, desired: Desired, targets: Sequence[str], excludes: Sequence[str]) -> Assessment:
    """The assessment with only the due changes that a target means (all, if there is none) and no exclude does.

    Raises Stalled for a target that means nothing there is.
    """
    if not (targets or excludes):
        return assessment
    known = _known(assessment, desired)
    wanted = [_match(text, known) for text in targets]
    unwanted = [_match(text, known) for text in excludes]

    def kept(host: str, due: Due) -> bool:
        return (not wanted or any(m(host, due) for m in wanted)) and not any(m(host, due) for m in unwanted)

    return _filtered(assessment, kept)


def of_service(assessment: Assessment, service: str, hosts: Container[str]) -> Assessment:
    """The assessment with only what is due for a service on some hosts; not what its resources require elsewhere."""
    groups = [
        (replace(verdict, dues=tuple(due for due in verdict.dues if due.service == service)), members)
        for verdict, everyone in assessment.verdicts
        if (members := tuple(host for host in everyone if host in hosts))
    ]
    return replace(assessment, verdicts=tuple(groups))


def drift_only(assessment: Assessment) -> Assessment:
    """The assessment with only the changes that undo what hosts changed themselves."""
    return _filtered(assessment, lambda _, due: due.change.cause == "drift")


def _filtered(assessment: Assessment, kept: Match) -> Assessment:
    groups: dict[tuple[Verdict, tuple[Due, ...]], list[str]] = {}
    for verdict, hosts in assessment.verdicts:
        for host in hosts:
            groups.setdefault((verdict, _kept(host, verdict.dues, kept)), []).append(host)
    verdicts = tuple((replace(verdict, dues=dues), tuple(hosts)) for (verdict, dues), hosts in groups.items())
    return replace(assessment, verdicts=verdicts)


def _kept(host: str, dues: Iterable[Due], kept: Match) -> tuple[Due, ...]:
    """Those kept, what they require, and the reactions to them."""
    everything = tuple(dues)
    changes = {due.change.key: due for due in everything if not due.triggers}
    stack = [due for due in changes.values() if kept(host, due)]
    keys: set[Key] = set()
    while stack:
        due = stack.pop()
        if due.change.key not in keys:
            keys.add(due.change.key)
            stack += [changes[key] for key in due.requires if key in changes]
    return tuple(due for due in everything if _stays(host, due, keys, changes, kept))


def _stays(host: str, due: Due, keys: set[Key], changes: Mapping[Key, Due], kept: Match) -> bool:
    """A reaction stays with what it answers to; one that an earlier run owes is judged by itself."""
    if not due.triggers:
        return due.change.key in keys
    if any(trigger in changes for trigger in due.triggers):
        return not keys.isdisjoint(due.triggers)
    return kept(host, due)


def _match(text: str, known: _Known) -> Match:
    form, colon, name = text.partition(":")
    if colon and (match := _of_form(form, name, known)):
        return match
    if text in known.keys:
        return lambda _, due: str(due.change.key) == text
    if text in known.services:
        return _of_service(text)
    if text in known.desired.hosts:
        return _of_hosts({text})
    forms = "write service:NAME, host:NAME, project:NAME, label:KEY=VALUE, or kind/name of a resource"
    words = _names(form, known) if colon else known.services | known.keys | known.desired.hosts.keys()
    raise Stalled(f"nothing is meant by {text!r}", f"{did_you_mean(text, words)}\n{forms}".strip())


def _names(form: str, known: _Known) -> Iterable[str]:
    """Everything that can be said with this word before the colon."""
    names: Mapping[str, Iterable[str]] = {
        "service": known.services,
        "host": known.desired.hosts,
        "project": known.desired.projects,
        "label": {f"{k}={v}" for host in known.desired.hosts.values() for k, v in host.labels.items()},
    }
    return (f"{form}:{name}" for name in names.get(form, ()))


def _of_form(form: str, name: str, known: _Known) -> Match | None:
    """What `form:name` means, None when there is nothing of that name."""
    desired = known.desired
    match form:
        case "service" if name in known.services:
            return _of_service(name)
        case "host" if name in desired.hosts:
            return _of_hosts({name})
        case "project" if name in desired.projects:
            services = {s.name for s in desired.services.values() if s.project == name}
            return lambda _, due: due.service in services
        case "label":
            key, _, value = name.partition("=")
            hosts = {h.name for h in desired.hosts.values() if h.labels.get(key) == value}
            return _of_hosts(hosts) if hosts else None
    return None


def _of_hosts(names: Container[str]) -> Match:
    return lambda host, _: host in names


def _of_service(name: str) -> Match:
    return lambda _, due: due.service == name
