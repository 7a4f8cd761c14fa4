"""Settings: from the command line, the environment (`RECONCILER_…`), `reconciler.toml`, then defaults.

The first that says something wins.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import BeforeValidator, TypeAdapter, ValidationError

from reconciler.config.settings import InventorySettings, NotifySettings, Section, Settings, SignersSettings
from reconciler.model.errors import Stalled

PREFIX = "RECONCILER_"
DEFAULT_FILE = "reconciler.toml"


def load_settings(
    file: str | None,
    environment: Mapping[str, str],
    options: Mapping[str, str | None],
    **sections: Mapping[str, str],
) -> Settings:
    """The settings. `file` None means reconciler.toml if there is one; `sections` are options of a section's settings.

    Raises Stalled with all that is wrong.
    """
    values = _from_file(file)
    problems: list[str] = []
    for name, text in sorted(environment.items()):
        if name.startswith(PREFIX):
            problems += _set_from_environment(values, name, text)
    values.update({name: value for name, value in options.items() if value is not None})
    for section, inner in sections.items():
        if isinstance(values.setdefault(section, {}), dict):
            values[section] |= inner
    if problems:
        raise Stalled("\n".join(problems), "see `reconciler --help` and docs/configuration.md for all settings")
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        lines = [_said(detail) for detail in error.errors(include_url=False)]
        raise Stalled("the configuration is wrong:\n  " + "\n  ".join(lines), "see docs/configuration.md") from None


def _from_file(file: str | None) -> dict[str, Any]:
    path = Path(file or DEFAULT_FILE)
    try:
        return tomllib.loads(path.read_text())
    except FileNotFoundError:
        if file is None:
            return {}
        raise Stalled(f"there is no configuration file {path}", "check --config") from None
    except OSError as error:
        raise Stalled(f"{path}: {error.strerror}", "check its permissions") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Stalled(f"{path} is not TOML: {error}", "correct it there") from None


def _set_from_environment(values: dict[str, Any], name: str, text: str) -> list[str]:
    """Puts one variable in its place; answers what is wrong with it."""
    parts = name.removeprefix(PREFIX).lower().split("__")
    fields: Any = Settings.model_fields
    where = values
    for section in parts[:-1]:
        field = fields.get(section)
        if field is None or not _is_section(field.annotation):
            return [_unknown(name)]
        fields = field.annotation.model_fields
        where = where.setdefault(section, {})
    field = fields.get(parts[-1])
    if field is None or any(field is Settings.model_fields[name] for name in _TABLES) or _is_section(field.annotation):
        return [_unknown(name)] if name not in _NOT_SETTINGS else []
    if any(isinstance(rule, BeforeValidator) for rule in field.metadata):
        # A span is text with a unit, wherever it stands; it is read with all the others.
        where[parts[-1]] = text
        return []
    try:
        where[parts[-1]] = TypeAdapter(field.annotation).validate_strings(text)
    except ValidationError as error:
        return [f"{name}={text!r}: {error.errors()[0]['msg']}"]
    return []


_TABLES: dict[str, type[Section]] = {
    "inventory": InventorySettings,
    "signers": SignersSettings,
    "notify": NotifySettings,
}
"""Settings that are any number of tables, so only to be had from the file."""
_NOT_SETTINGS = frozenset({PREFIX + "LAB_CACHE", PREFIX + "REQUIRE_MACHINES", PREFIX + "DEBUG"})
"""Variables with our prefix that are read elsewhere (by the test lab, and for tracebacks)."""


def _unknown(name: str) -> str:
    near = get_close_matches(name, variables(), n=1)
    return f"{name} is no setting" + (f"; did you mean {near[0]}?" if near else "")


def _said(detail: Any) -> str:
    where = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "extra_forbidden":
        near = get_close_matches(where, _near(detail["loc"]), n=1)
        return f"{where} is no setting" + (f'; did you mean "{near[0]}"?' if near else "")
    return f"{where}: {detail['msg']} (it is {detail['input']!r:.60})"


def _near(location: tuple[str | int, ...]) -> list[str]:
    """Settings that may have been meant instead of an unknown one."""
    if location[0] in _TABLES and len(location) > 1:
        return [f"{location[0]}.{location[1]}.{name}" for name in _TABLES[str(location[0])].model_fields]
    return [*(v.removeprefix(PREFIX).lower().replace("__", ".") for v in variables()), *_TABLES]


def differences(before: Settings, after: Settings) -> list[str]:
    """The settings that are not the same, as section.name, sorted."""
    found: list[str] = []
    for name in Settings.model_fields:
        old, new = getattr(before, name), getattr(after, name)
        if isinstance(old, Section):
            found += [f"{name}.{i}" for i in type(old).model_fields if getattr(old, i) != getattr(new, i)]
        elif old != new:
            found.append(name)
    return sorted(found)


def reloadable(name: str) -> bool:
    """Whether a daemon takes the setting over while it runs."""
    return name.startswith("limits.") or name in ("serve.poll_interval", "serve.observe_interval", "serve.log_level")


def _is_section(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Section)


def variables() -> list[str]:
    """Every setting as its environment variable. Tables can't be one."""
    found: list[str] = []
    for name, field in Settings.model_fields.items():
        annotation: Any = field.annotation
        if _is_section(annotation):
            found += [f"{PREFIX}{name}__{inner}".upper() for inner in annotation.model_fields]
        elif name not in _TABLES:
            found.append(f"{PREFIX}{name}".upper())
    return found
