"""What an operator decides about secrets. Never read from the state repository."""

from __future__ import annotations

import stat
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path

from reconciler.model.errors import Stalled

LARGEST = 1 << 20
"""Bytes of the largest secret, and of the largest file with keys."""


@dataclass(frozen=True, slots=True)
class SecretsSettings:
    """The files that open what is encrypted, the folder that files may be taken from, and the variables that may be
    had, with their values."""

    age_identity_file: Path | None = None
    vault_password_file: Path | None = None
    file_folder: Path | None = None
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)


def private_text(setting: str, path: Path | None) -> str:
    """The text of a file that only its owner may read. Raises Stalled when it isn't set or can't be used."""
    if path is None:
        raise Stalled(f"secrets.{setting} is not set", "set it where this runs; see docs/secrets.md")
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(path.stat().st_mode)
            if mode & 0o077:
                raise Stalled(f"secrets.{setting}: others can read {path} (mode {mode:04o})", f"chmod 600 {path}")
            return file.read(LARGEST).decode()
    except OSError as error:
        raise Stalled(f"secrets.{setting}: cannot read {path}: {error.strerror}", "correct the path") from None
    except UnicodeDecodeError:
        raise Stalled(f"secrets.{setting}: {path} is not UTF-8 text", "give another file") from None


def taken_out(names: str, environment: MutableMapping[str, str]) -> dict[str, str]:
    """The variables of these names (with commas between), taken out, so that no program that we start gets them."""
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    return {name: environment.pop(name) for name in wanted if name in environment}
