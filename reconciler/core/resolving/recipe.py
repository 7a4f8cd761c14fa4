"""One entry of a service as a recipe: what is written once, the resource that it gives for a set of values.

Knows templates and kinds; knows nothing of hosts, services' relations or profiles.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson
from pydantic import BaseModel, ValidationError

from reconciler.core.quote import did_you_mean, listing, quote
from reconciler.core.resolving.opaque import Unsealed, checked
from reconciler.core.resolving.render import (
    RenderError,
    Scope,
    Template,
    Use,
    around_name,
    compile_template,
    is_template,
    render,
)
from reconciler.kinds.base import COMMON, Kind
from reconciler.model.desired import Resource
from reconciler.model.digest import digest, digest_with
from reconciler.model.document import Entry
from reconciler.model.key import Key, Place
from reconciler.model.problem import Problem
from reconciler.model.secret import is_sealed
from reconciler.model.state import Present

Path = tuple[str | int, ...]
_NOT_STATE = COMMON | {"template", "source", "reload_on", "restart_on"}


class Unusable(Exception):
    """The entry gives no resource for these values; carries the problem that says why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


@dataclass(frozen=True, slots=True, eq=False)
class Recipe:
    """A compiled entry. `uses` are the values that all its templates read."""

    entry: Entry
    service: str
    kind: Kind[Any]
    fixed: Mapping[str, Any]
    templates: tuple[tuple[Path, Template], ...]
    uses: tuple[Use, ...]
    named: Template | None

    @property
    def label(self) -> str:
        return f"{self.entry.kind}/{self.entry.name}"

    @property
    def only_content(self) -> bool:
        """Whether values can make a difference to the content alone."""
        return self.named is None and [path for path, _ in self.templates] == [("content",)]


def compile_entry(entry: Entry, service: str, kind: Kind[Any], read: Callable[[str], bytes | None]) -> Recipe:
    """Compiles every template of an entry. `read` gives the bytes of a file of the repository, None if there is none.

    Raises Unusable on a template's bad syntax or a file that isn't there.
    """
    fields = dict(entry.fields)
    templates: list[tuple[Path, Template]] = []
    as_is: Mapping[str, Any] = {}
    if isinstance(path := fields.pop("template", None), str):
        templates.append((("content",), _from_file(entry, service, path, read)))
    elif isinstance(path := fields.pop("source", None), str):
        as_is = _as_is(entry, service, path, read)
    for where, text in _strings(fields):
        templates.append((where, _compiled(entry, service, where, text)))
    named = _compiled(entry, service, (entry.kind,), entry.name) if is_template(entry.name) else None
    uses = sorted({use for _, template in templates for use in template.uses} | set(named.uses if named else ()))
    fixed = {**fields, **as_is}
    _refuse_stand_ins(entry, service, fixed)
    return Recipe(entry, service, kind, fixed, tuple(templates), tuple(uses), named)


def _refuse_stand_ins(entry: Entry, service: str, fixed: Mapping[str, Any]) -> None:
    """Only a template can bring a secret: what is no template must not look as if it had."""
    for name, value in fixed.items():
        if any(is_sealed(text) for text in _texts(value) if not is_template(text)):
            message = f"{name} holds what stands for a secret"
            raise _unusable(entry, service, "secret-changed", message, (name,))


class Cook:
    """Makes the resources of one recipe. Where only the content differs, what is the same is checked once."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self._first: tuple[Resource, str] | None = None

    def cook(self, context: Mapping[str, Scope]) -> Resource:
        """The resource for these values. Raises Unusable when a template fails or a value isn't what the kind takes."""
        recipe, entry = self.recipe, self.recipe.entry
        if self._first is not None and recipe.only_content and (again := self._again(*self._first, context)):
            return again
        name = _rendered(recipe, (entry.kind,), recipe.named, context) if recipe.named else entry.name
        fields: Any = recipe.fixed
        sealed = _holds_secret(recipe, (entry.kind,), name)
        for path, template in recipe.templates:
            value = _rendered(recipe, path, template, context)
            fields = _replaced(fields, path, value)
            sealed |= _holds_secret(recipe, path, value)
        if sealed:
            fields = {**fields, "sensitive": True}
        try:
            key = Key(entry.kind, str(recipe.kind.names.validate_python(name)))
        except ValidationError as error:
            raise _invalid(recipe, error, (entry.kind,)) from None
        spec = _checked_spec(recipe, fields)
        _check_ignored(recipe, key, spec)
        base = _base(recipe, key, spec)
        resource = _resource(recipe, key, spec, base)
        self._first = (resource, base)
        return resource

    def own_digest(self, context: Mapping[str, Scope]) -> str | None:
        """The digest of the resource for these values, without making it; only after `cook`, where only the content
        differs. None if only one of the two holds a secret. Raises Unusable as `cook` does."""
        assert self._first is not None and self.recipe.only_content
        (path, template), *_ = self.recipe.templates
        text = _rendered(self.recipe, path, template, context)
        return digest([self._first[1], text]) if _alike(self._first[0], text) else None

    def named(self, context: Mapping[str, Scope]) -> Callable[[str], str] | None:
        """As `own_digest`, by the host's name, where the content says that as it is and uses nothing else of a host:
        the text around it is the same everywhere. None where that can't be relied on, as with secrets."""
        assert self._first is not None and self.recipe.only_content
        (_, template), *_ = self.recipe.templates
        base, pieces = self._first[1], around_name(template, context)
        if pieces is None or context["vars"].tokens:
            return None
        return digest_with(base, pieces)

    def _again(self, first: Resource, base: str, context: Mapping[str, Scope]) -> Resource | None:
        """As the first, but for the content: text, which is valid whatever it says. None if only one of the two holds
        a secret."""
        (path, template), *_ = self.recipe.templates
        text = _rendered(self.recipe, path, template, context)
        if not _alike(first, text):
            return None
        values = {**first.spec.__dict__, "content": text}
        spec = type(first.spec).model_construct(first.spec.model_fields_set, **values)
        return _resource(self.recipe, first.key, spec, base)


def _check_ignored(recipe: Recipe, key: Key, spec: Any) -> None:
    """`ignore` of a field that there is not would silently ignore nothing."""
    if not spec.ignore:
        return
    wanted = recipe.kind.wanted(key.name, spec)
    known = set(type(spec).model_fields) - COMMON | set(wanted.state if isinstance(wanted, Present) else ())
    for index, field in enumerate(spec.ignore):
        if field not in known:
            hint = did_you_mean(field, known) or f"fields of {key.kind} are {listing(sorted(known))}"
            place = recipe.entry.marks.get(("ignore", index), recipe.entry.place)
            message = f"{recipe.label} can't ignore {quote(field)}: it has no such field"
            raise Unusable(_problem(recipe.service, place, "unknown-field", message, hint))


def _alike(first: Resource, text: str) -> bool:
    return is_sealed(getattr(first.spec, "content", None)) == is_sealed(text)


def _holds_secret(recipe: Recipe, where: Path, value: Any) -> bool:
    """Whether what a template gave holds a secret. Raises Unusable where the kind takes none."""
    if not (is_sealed(value) if isinstance(value, str) else any(is_sealed(text) for text in _texts(value))):
        return False
    if len(where) == 1 and where[0] in recipe.kind.seals:
        return True
    takes = " or ".join(sorted(recipe.kind.seals))
    message = f"{'.'.join(map(str, where))} of this {recipe.kind.name} can't hold a secret"
    problem = _unusable(recipe.entry, recipe.service, "secret-not-here", message, where).problem
    hint = f"put it into its {takes}" if takes else "put it into the content of a file"
    raise Unusable(replace(problem, hint=hint))


def _base(recipe: Recipe, key: Key, spec: Any) -> str:
    """The digest of everything that the host should have, but for the content."""
    state = spec.model_dump(mode="json", exclude=_NOT_STATE | recipe.kind.content, exclude_none=True)
    return digest([*key, state])


def _resource(recipe: Recipe, key: Key, spec: Any, base: str) -> Resource:
    content = [getattr(spec, name) for name in sorted(recipe.kind.content)]
    return Resource(
        key=key,
        spec=spec,
        service=recipe.service,
        place=recipe.entry.place,
        digest=digest([base, *content]) if content else base,
        requires=_keys(spec.requires),
        reload_on=_keys(getattr(spec, "reload_on", ())),
        restart_on=_keys(getattr(spec, "restart_on", ())),
        ignore=spec.ignore,
        protect=spec.protect,
        prune=spec.prune,
        sensitive=spec.sensitive,
        uses=recipe.uses,
    )


def _keys(refs: tuple[str, ...]) -> tuple[Key, ...]:
    return tuple(Key.parse(ref) for ref in refs)


def _from_file(entry: Entry, service: str, path: str, read: Callable[[str], bytes | None]) -> Template:
    data = _file(entry, service, "template", path, read)
    try:
        return compile_template(data.decode())
    except UnicodeDecodeError:
        raise _unusable(entry, service, "template-not-text", f"{path} is not UTF-8 text", ("template",)) from None
    except RenderError as error:
        raise Unusable(_problem(service, Place(path, error.line), "template-error", error.message)) from None


def _as_is(entry: Entry, service: str, path: str, read: Callable[[str], bytes | None]) -> dict[str, Any]:
    """Content that is taken as it is, never rendered."""
    data = _file(entry, service, "source", path, read)
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return {"content": base64.b64encode(data).decode(), "encoding": "base64"}
    return {"content": text}


def _file(entry: Entry, service: str, field: str, path: str, read: Callable[[str], bytes | None]) -> bytes:
    data = read(path)
    if data is None:
        message = f"there is no file {path} in the repository that can be read"
        raise _unusable(entry, service, "missing-file", message, (field,))
    return data


def _compiled(entry: Entry, service: str, where: Path, text: str) -> Template:
    try:
        return compile_template(text, native=where not in (("content",), (entry.kind,)))
    except RenderError as error:
        place = _line_in(entry.marks.get(where, entry.place), text, error.line)
        raise Unusable(_problem(service, place, "template-error", error.message)) from None


def _rendered(recipe: Recipe, where: Path, template: Template, context: Mapping[str, Scope]) -> Any:
    try:
        value = render(template, context)
        for text in (value,) if isinstance(value, str) else _texts(value):
            checked(text, context["vars"].tokens)
    except Unsealed as error:
        raise _unusable(recipe.entry, recipe.service, "secret-changed", str(error), where) from None
    except RenderError as error:
        entry = recipe.entry
        path = entry.fields.get("template")
        if where == ("content",) and isinstance(path, str):
            place = Place(path, error.line)
        else:
            text = entry.name if where == (entry.kind,) else str(_at(entry.fields, where))
            place = _line_in(entry.marks.get(where, entry.place), text, error.line)
        hint = "give it in vars of the host, the service or the project" if "is not defined" in error.message else ""
        raise Unusable(_problem(recipe.service, place, "template-error", error.message, hint)) from None
    return value


def _line_in(mark: Place, text: str, line: int) -> Place:
    """The place of a line of a value: a text of several lines begins below its mark (`content: |`)."""
    return Place(mark.path, mark.line + line, 1) if "\n" in text.rstrip("\n") or text.endswith("\n") else mark


def _checked_spec(recipe: Recipe, fields: Mapping[str, Any]) -> BaseModel:
    try:
        return _validated(recipe.kind, fields)
    except ValidationError as error:
        # `port: "{{ vars.port }}"` gives a number where the kind takes text: whole numbers have one spelling.
        again: Any = fields
        for detail in error.errors():
            if detail["type"] == "string_type" and type(detail["input"]) is int:
                again = _replaced(again, detail["loc"], str(detail["input"]))
        try:
            return _validated(recipe.kind, again)
        except ValidationError as final:
            raise _invalid(recipe, final, ()) from None


def _validated(kind: Kind[Any], fields: Mapping[str, Any]) -> BaseModel:
    # Through JSON, since the strict models take JSON's arrays for their tuples.
    spec: BaseModel = kind.Spec.model_validate_json(orjson.dumps(fields))
    return spec


def _invalid(recipe: Recipe, error: ValidationError, prefix: Path) -> Unusable:
    detail = error.errors(include_url=False)[0]
    where = prefix or tuple(detail["loc"])
    message = f"{'.'.join(map(str, where)) or recipe.label}: {detail['msg'].removeprefix('Value error, ')}"
    value = detail.get("input")
    hidden = recipe.fixed.get("sensitive") is True or bool(recipe.kind.secret.intersection(where))
    if isinstance(value, (str, int, float, bool)) and not hidden:
        message += f" (its templates give {value!r:.80})"
    return _unusable(recipe.entry, recipe.service, "bad-value", message, where)


def _unusable(entry: Entry, service: str, reason: str, message: str, where: Path) -> Unusable:
    hint = "the path counts from the state path" if reason == "missing-file" else ""
    return Unusable(_problem(service, entry.marks.get(where, entry.place), reason, message, hint))


def _problem(service: str, place: Place, reason: str, message: str, hint: str = "") -> Problem:
    return Problem(place, reason, message, f"Service/{service}", hint)


def _texts(value: Any) -> Iterator[str]:
    """Every text in a value, keys too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _texts(key)
            yield from _texts(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _texts(item)


def _strings(value: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    if isinstance(value, str):
        if is_template(value):
            yield path, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _strings(item, (*path, key))
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from _strings(item, (*path, index))


def _at(value: Any, path: Path) -> Any:
    for step in path:
        value = value[step]
    return value


def _replaced(value: Any, path: Path, new: Any) -> Any:
    """A copy of nested mappings and lists with one value in it replaced."""
    if not path:
        return new
    step, *rest = path
    if isinstance(value, Mapping):
        return {**value, step: _replaced(value.get(step), tuple(rest), new)}
    copy = list(value)
    copy[int(step)] = _replaced(copy[int(step)], tuple(rest), new)
    return copy
