"""What no document may hold, wherever it stands: null, keys that Ansible would obey, templates among vars, and
references to secrets that are not well formed.

Must not know kinds of documents, only that vars are under `spec.vars`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from reconciler.core.parsing.complain import is_ansible
from reconciler.core.parsing.fields import is_template
from reconciler.core.parsing.marks import KEY, Path
from reconciler.core.parsing.page import Page
from reconciler.core.parsing.secret import is_reference, problems_of
from reconciler.core.quote import quote
from reconciler.model.problem import Problem

_VARS: Path = ("spec", "vars")


def scan(page: Page) -> Iterator[Problem]:
    """Everything in the document that must not be there."""
    return _scan(page, (), page.value)


def is_clean(value: Any) -> bool:
    """Whether `scan` finds nothing, for certain; templates, and references to secrets, are taken for forbidden."""
    if isinstance(value, dict):
        forbidden = any(is_ansible(key) or is_template(key) for key in value) or is_reference(value)
        return not forbidden and all(map(is_clean, value.values()))
    if isinstance(value, list):
        return all(map(is_clean, value))
    return value is not None and not is_template(value)


def _scan(page: Page, path: Path, value: Any) -> Iterator[Problem]:
    if isinstance(value, dict):
        if path[:2] == _VARS and is_reference(value):
            yield from problems_of(page, path)
        for key, item in value.items():
            yield from _key(page, (*path, key), key)
            yield from _scan(page, (*path, key), item)
    elif isinstance(value, list):
        for i, item in enumerate(value):
            yield from _scan(page, (*path, i), item)
    else:
        yield from _leaf(page, path, value)


def _leaf(page: Page, path: Path, value: Any) -> Iterator[Problem]:
    if value is None:
        hint = 'give it a value, or leave the line out; empty values are written "", [] and {}'
        yield page.problem(path, "null-value", f"{page.label(path)} has no value", hint)
    elif path[:2] == _VARS and is_template(value):
        yield _template(page, path, value)


def _key(page: Page, path: Path, key: str) -> Iterator[Problem]:
    if is_ansible(key):
        hint = "connections are set by the fields of a host: address, port, user, connection, become"
        message = f"the key {quote(key)} is Ansible's own and is not taken from Git"
        yield page.problem((*path, KEY), "ansible-key", message, hint)
    elif path[:2] == _VARS and is_template(key):
        yield _template(page, (*path, KEY), key)


def _template(page: Page, path: Path, value: str) -> Problem:
    hint = "vars are values, not templates; put the template in the resource"
    return page.problem(path, "template-in-vars", f"a template stands in vars: {quote(value)}", hint)
