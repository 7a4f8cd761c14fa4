"""One document that was read to one that can be used: which kind it is, whether its fields hold, its resources.

Must not know other documents, so that a file's result depends on nothing but its bytes, its path and the kinds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from itertools import islice
from typing import Any, TypeAlias

from pydantic import TypeAdapter, ValidationError

from reconciler.core.interning import InternedVars
from reconciler.core.parsing.complain import MOST, validate
from reconciler.core.parsing.documents import (
    API_VERSION,
    FORMS,
    FreezeForm,
    HostForm,
    PolicyForm,
    ProjectForm,
    ServiceForm,
    WindowForm,
)
from reconciler.core.parsing.entries import CheckedEntry, check_entry
from reconciler.core.parsing.fields import Name, span
from reconciler.core.parsing.marks import Path
from reconciler.core.parsing.page import Page
from reconciler.core.parsing.plain import is_clean, scan
from reconciler.core.parsing.secret import files_in
from reconciler.core.parsing.text import Text
from reconciler.core.parsing.yaml import RawDocument
from reconciler.core.quote import did_you_mean, listing, quote
from reconciler.kinds import Registry
from reconciler.model.desired import Host
from reconciler.model.document import (
    FreezeDocument,
    HostDocument,
    PolicyDocument,
    ProjectDocument,
    ServiceDocument,
    WindowDocument,
)
from reconciler.model.key import Place
from reconciler.model.problem import Problem

Document: TypeAlias = (
    HostDocument | ServiceDocument | ProjectDocument | PolicyDocument | WindowDocument | FreezeDocument
)

_NAME: Path = ("metadata", "name")
_CONNECTION: Path = ("spec", "connection")
_RESOURCES: Path = ("spec", "resources")


@dataclass(frozen=True, slots=True)
class Checked:
    """What became of a document. `kind` and `name` are empty where they can't be known; `place` is that of its name."""

    kind: str
    name: str
    place: Place
    document: Document | None = None
    problems: tuple[Problem, ...] = ()
    references: frozenset[str] = frozenset()


def check(raw: RawDocument, text: Text, registry: Registry) -> Checked:
    """Everything that is wrong with it at once, or the document."""
    page = Page(raw.value, raw.marks, text)
    kind, problem = _kind(page)
    if problem is not None:
        return Checked("", "", raw.marks[()], problems=(*raw.problems, problem))
    name = _usable_name(raw.value)
    place = page.marks[page.marks.nearest(_name_key(page))]
    page = replace(
        page, document=f"{kind}/{name}" if name else "", subject=f"{kind}/{name}" if name else f"this {kind}"
    )
    form, problems = validate(_adapter(kind), page, raw.value, FORMS[kind])
    entries = list(_entries(page, registry)) if kind == "Service" else []
    problems = [*raw.problems, *_forbidden(page), *problems, *(p for e in entries for p in e.problems)]
    problems += _unknown_kinds(page, registry) if kind == "Project" else []
    references = frozenset().union(*(e.references for e in entries), _secret_files(page))
    if problems:
        placed = tuple(replace(p, document=page.document) for p in problems)
        return Checked(kind, name, place, None, placed, references)
    return Checked(kind, name, place, _document(form, page, place, entries), (), references)


def plain_host(value: dict[str, Any], place: Place, interned: InternedVars) -> HostDocument | None:
    """The host that a value without anything forbidden in it says, None where only `check` can tell.

    Of hosts that are this machine itself the places are needed too, so these are left to `check`.
    """
    try:
        form = _adapter("Host").validate_python(value)
    except ValidationError:
        return None
    return None if form.spec.connection == "local" else HostDocument(_host(form, place, interned.of(form.spec.vars)))


def _name_key(page: Page) -> Path:
    return (*_NAME, "~key") if page.marks.nearest(_NAME) == _NAME else ("metadata", "~key")


def _kind(page: Page) -> tuple[str, Problem | None]:
    """Which of our kinds it is, or why it is none."""
    if not isinstance(page.value, dict):
        hint = f"begin it with apiVersion: {API_VERSION}, kind, metadata and spec"
        return "", page.problem((), "not-a-document", f"a document must be a mapping, not {quote(page.value)}", hint)
    version = page.value.get("apiVersion")
    if version != API_VERSION:
        hint = f"write apiVersion: {API_VERSION}, or keep the file outside of the state path"
        shown = f"unknown apiVersion {quote(version)}" if "apiVersion" in page.value else "apiVersion is missing"
        return "", page.problem(("apiVersion",), "unknown-api-version", shown, hint)
    kind = page.value.get("kind")
    if not isinstance(kind, str) or kind not in FORMS:
        near = did_you_mean(kind, FORMS) if isinstance(kind, str) else ""
        shown = f"unknown kind of document {quote(kind)}" if "kind" in page.value else "kind is missing"
        return "", page.problem(("kind",), "unknown-document-kind", shown, near or f"kinds are {listing(FORMS)}")
    return kind, None


def _usable_name(value: dict[str, Any]) -> str:
    metadata = value.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    try:
        return str(_name_adapter().validate_python(name, strict=True))
    except ValidationError:
        return ""


def _forbidden(page: Page) -> list[Problem]:
    """What must not stand anywhere. Most documents have nothing of it, which is quickly known."""
    return [] if is_clean(page.value) else list(islice(scan(page), MOST))


def _secret_files(page: Page) -> frozenset[str]:
    spec = page.value.get("spec")
    return files_in(spec.get("vars")) if isinstance(spec, dict) else frozenset()


def _entries(page: Page, registry: Registry) -> Iterator[CheckedEntry]:
    spec = page.value.get("spec")
    resources = spec.get("resources") if isinstance(spec, dict) else None
    problems = 0
    for i, value in enumerate(resources if isinstance(resources, list) else []):
        if isinstance(value, dict) and problems < MOST:
            entry = check_entry(page.under((*_RESOURCES, i), ""), registry)
            problems += len(entry.problems)
            yield entry


def _unknown_kinds(page: Page, registry: Registry) -> list[Problem]:
    spec = page.value.get("spec")
    kinds = spec.get("kinds") if isinstance(spec, dict) else None
    unknown = (
        page.problem(
            ("spec", "kinds", i),
            "unknown-kind",
            f"unknown kind of resource {quote(kind)}",
            did_you_mean(kind, registry) or f"kinds are {listing(sorted(registry))}",
        )
        for i, kind in enumerate(kinds if isinstance(kinds, list) else [])
        if isinstance(kind, str) and kind not in registry
    )
    return list(islice(unknown, MOST))


def _document(form: Any, page: Page, place: Place, entries: list[CheckedEntry]) -> Document:
    match form:
        case HostForm():
            connection = page.marks.get(_CONNECTION) if form.spec.connection == "local" else None
            return HostDocument(_host(form, place, form.spec.vars), connection)
        case ServiceForm():
            return _service(form, page, place, entries)
        case ProjectForm():
            return _project(form, page, place)
        case PolicyForm():
            return _policy(form, page, place)
        case WindowForm():
            return _window(form, page, place)
        case FreezeForm():
            return _freeze(form, page, place)
        case _:
            raise AssertionError(form)


def _host(form: HostForm, place: Place, variables: Mapping[str, Any]) -> Host:
    spec = form.spec
    return Host(
        name=form.metadata.name,
        place=place,
        labels=form.metadata.labels,
        address=spec.address or "",
        port=spec.port,
        user=spec.user or "",
        connection=spec.connection,
        become=spec.become,
        root=spec.root or "",
        vars=variables,
    )


def _service(form: ServiceForm, page: Page, place: Place, entries: list[CheckedEntry]) -> ServiceDocument:
    spec = form.spec
    return ServiceDocument(
        name=form.metadata.name,
        place=place,
        project=form.metadata.project or "",
        owner=spec.owner,
        selector=spec.hosts.value(),
        requires=spec.requires,
        vars=spec.vars,
        entries=tuple(e.entry for e in entries if e.entry is not None),
        sync=spec.sync,
        heal=spec.heal,
        rollout=spec.rollout.value(),
        marks=page.marks,
    )


def _project(form: ProjectForm, page: Page, place: Place) -> ProjectDocument:
    spec = form.spec
    return ProjectDocument(
        name=form.metadata.name,
        place=place,
        description=spec.description,
        owners=spec.owners,
        paths=spec.paths,
        selector=spec.hosts.value() if spec.hosts else None,
        kinds=spec.kinds,
        deletes=spec.limits.deletes,
        vars=spec.vars,
        marks=page.marks,
        sync=spec.sync,
        heal=spec.heal,
    )


def _policy(form: PolicyForm, page: Page, place: Place) -> PolicyDocument:
    spec = form.spec
    return PolicyDocument(
        name=form.metadata.name,
        place=place,
        project=form.metadata.project or "",
        services=spec.services,
        projects=spec.projects,
        effect=spec.effect,
        message=spec.message,
        when=spec.when,
        selector=spec.hosts.value() if spec.hosts else None,
        approvable=spec.approvable,
        marks=page.marks,
    )


def _window(form: WindowForm, page: Page, place: Place) -> WindowDocument:
    spec = form.spec
    return WindowDocument(
        name=form.metadata.name,
        place=place,
        project=form.metadata.project or "",
        services=spec.services,
        projects=spec.projects,
        effect=spec.effect,
        cron=spec.cron,
        duration=int(span(spec.duration).total_seconds()),
        timezone=spec.timezone,
        marks=page.marks,
    )


def _freeze(form: FreezeForm, page: Page, place: Place) -> FreezeDocument:
    spec = form.spec
    return FreezeDocument(
        name=form.metadata.name,
        place=place,
        project=form.metadata.project or "",
        services=spec.services,
        projects=spec.projects,
        reason=spec.reason,
        start=spec.start or "",
        until=spec.until or "",
        marks=page.marks,
    )


@cache
def _adapter(kind: str) -> TypeAdapter[Any]:
    return TypeAdapter(FORMS[kind])


@cache
def _name_adapter() -> TypeAdapter[str]:
    return TypeAdapter(Name)
