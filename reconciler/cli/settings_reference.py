"""The page of all settings, made from their models, so that it can't say something else than the program does."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from reconciler.config import Settings
from reconciler.config.load import DEFAULT_FILE, PREFIX

_INTRODUCTION = f"""\
# Configuration

<!-- Made from reconciler/config/settings.py by `make docs-settings`; don't edit. -->

A setting is taken from the first of these that gives it:

1. the command line: `--repo`, `--rev`, `--path`, `--store`
2. the environment: `{PREFIX}…`
3. the file `{DEFAULT_FILE}` in the working directory, or the one that `--config` names
4. its default

Everything that an operator trusts is set here: keys, known hosts, limits. Nothing of it is ever read from a revision of
the state repository. A setting that does not exist is an error, wherever it stands.

```toml
repo = "ssh://git@git.example.org/state.git"

[ssh]
user = "deploy"
private_key_file = "/etc/reconciler/id_ed25519"
known_hosts_file = "/etc/reconciler/known_hosts"
```
"""


def settings_page() -> str:
    """All settings in Markdown: a table for the top of the file, then one for each of its sections."""
    fields = Settings.model_fields
    top = {name: field for name, field in fields.items() if _section(field) is None and _tables(field) is None}
    parts = [_INTRODUCTION, _table("## At the top of the file", "", "", top)]
    for name, field in fields.items():
        if (section := _section(field)) is not None:
            parts.append(_table(f"## `[{name}]`", section.__doc__ or "", f"{name}__", section.model_fields))
        if (form := _tables(field)) is not None:
            parts.append(_repeated(name, form))
    return "\n".join(parts)


def _section(field: FieldInfo) -> type[BaseModel] | None:
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _tables(field: FieldInfo) -> type[BaseModel] | None:
    """The model of a setting that is any number of tables, and so only to be had from the file."""
    kinds = get_args(field.annotation)
    return kinds[0] if kinds and isinstance(kinds[0], type) and issubclass(kinds[0], BaseModel) else None


_PAGES = {"inventory": "inventory.md", "signers": "signed-commits.md", "notify": "notifications.md"}


def _repeated(name: str, form: type[BaseModel]) -> str:
    rows = [f"| `{setting}` | {_needed(field)} | {_meaning(field)} |" for setting, field in form.model_fields.items()]
    about = f"{form.__doc__ or ''} Any number of them, in the file only. See [{name}]({_PAGES[name]})."
    return "\n".join(
        [f"## `[[{name}]]`", "", about, "", "| setting | default | meaning |", "| --- | --- | --- |", *rows, ""]
    )


def _needed(field: FieldInfo) -> str:
    return "needed" if field.is_required() else _default(field.get_default(call_default_factory=True))


def _table(title: str, about: str, prefix: str, fields: dict[str, FieldInfo]) -> str:
    rows = [
        f"| `{name}` | `{f'{PREFIX}{prefix}{name}'.upper()}` | {_default(field.default)} | {_meaning(field)} |"
        for name, field in fields.items()
    ]
    head = [title, "", *([about, ""] if about else []), "| setting | environment | default | meaning |"]
    return "\n".join([*head, "| --- | --- | --- | --- |", *rows, ""])


def _default(default: Any) -> str:
    match default:
        case "" | ():
            return ""
        case bool():
            return f"`{str(default).lower()}`"
        case str():
            return f'`"{default}"`'
        case _:
            return f"`{default}`"


def _meaning(field: FieldInfo) -> str:
    """The description, and the bounds that a value must keep."""
    bounds = {name: getattr(rule, name) for rule in field.metadata for name in ("ge", "le") if hasattr(rule, name)}
    words = [{"ge": "at least", "le": "at most"}[name] + f" {bound}" for name, bound in bounds.items()]
    return f"{field.description} ({', '.join(words)})" if words else f"{field.description}"
