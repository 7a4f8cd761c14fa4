"""References to secrets as they stand in vars: `{from: sops, file: …, key: …}`, checked; nothing more is known of them.

A mapping with the key `from`, wherever it stands in vars, is a reference. Must not know values or how they are had.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, StringConstraints, TypeAdapter, ValidationError

from reconciler.core.parsing.complain import validate
from reconciler.core.parsing.fields import RepositoryPath, Written
from reconciler.core.parsing.marks import Path
from reconciler.core.parsing.page import Page
from reconciler.core.quote import did_you_mean, listing, quote
from reconciler.model.problem import Problem

FROM = "from"

KeyPath = Annotated[
    str,
    StringConstraints(pattern=r"^[^.\x00-\x1f\x7f]+(\.[^.\x00-\x1f\x7f]+)*$", max_length=512),
    Field(description="Where the value is in the file: names with dots between them; numbers count in lists from 0."),
]
Version = Annotated[str | int, Field(description="Change it when the value has changed: nobody can see that from Git.")]


class Sops(Written):
    """A value of a file that SOPS has encrypted, in the state repository."""

    from_: Literal["sops"] = Field(alias="from")
    file: RepositoryPath = Field(description="The encrypted file: a path in the state repository.")
    key: KeyPath | None = None


class Vault(Written):
    """A value of a file that ansible-vault has encrypted, in the state repository."""

    from_: Literal["vault"] = Field(alias="from")
    file: RepositoryPath = Field(description="The encrypted file: a path in the state repository.")
    key: KeyPath | None = None


class OperatorsFile(Written):
    """A file of the machine that applies, in the folder that its operator set aside."""

    from_: Literal["file"] = Field(alias="from")
    path: RepositoryPath = Field(description="A path below the operator's folder, `secrets.file_folder`.")
    version: Version = ""


class Variable(Written):
    """A variable of the environment of whoever applies, if its operator allows it."""

    from_: Literal["env"] = Field(alias="from")
    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,127}$")] = Field(
        description="The variable, one of the operator's `secrets.env_allow`."
    )
    version: Version = ""


Reference: TypeAlias = Sops | Vault | OperatorsFile | Variable

FORMS: Mapping[str, type[Reference]] = {"sops": Sops, "vault": Vault, "file": OperatorsFile, "env": Variable}


def is_reference(value: Any) -> bool:
    """Whether a value in vars is meant as a reference to a secret."""
    return isinstance(value, dict) and FROM in value


def problems_of(page: Page, path: Path) -> Iterator[Problem]:
    """What is wrong with the reference at a path."""
    value = page.at(path)
    origin = value[FROM]
    form = _form(origin)
    if form is None:
        near = did_you_mean(origin, FORMS) if isinstance(origin, str) else ""
        hint = near or f"secrets come from {listing(FORMS)}; a var that is no reference has no key `{FROM}`"
        yield page.problem((*path, FROM), "bad-reference", f"secrets can't come from {quote(origin)}", hint)
        return
    yield from validate(_adapter(form), page.under(path, f"this reference ({origin})"), value, form)[1]


def reference_of(value: Mapping[str, Any]) -> Reference | None:
    """The reference, None when it isn't well formed."""
    form = _form(value[FROM])
    try:
        return form.model_validate(value) if form else None
    except ValidationError:
        return None


def _form(origin: Any) -> type[Reference] | None:
    return FORMS.get(origin) if isinstance(origin, str) else None


def references_in(value: Any, path: Path = ()) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """Every reference in vars, with the path to it."""
    if is_reference(value):
        yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from references_in(item, (*path, key))
    elif isinstance(value, list):
        for i, item in enumerate(value):
            yield from references_in(item, (*path, i))


def files_in(value: Any) -> frozenset[str]:
    """The files of the repository that references in these vars name."""
    found = (reference_of(reference) for _, reference in references_in(value))
    return frozenset(reference.file for reference in found if isinstance(reference, Sops | Vault))


@cache
def _adapter(form: type[Reference]) -> TypeAdapter[Any]:
    return TypeAdapter(form)
