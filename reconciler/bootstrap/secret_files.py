"""Secrets of the operator: in files, or in variables of the environment, whose names are settings."""

from __future__ import annotations

import os
from pathlib import Path

from reconciler.model.errors import Stalled


def secret_in(setting: str, file: str) -> str:
    """What is in the file, without blanks around it; empty where none is named. Raises Stalled."""
    try:
        return Path(file).read_text().strip() if file else ""
    except OSError as error:
        raise Stalled(f"{setting} {file}: {error.strerror}", "check the path and its permissions") from None


def secret_of(setting: str, file: str, variable: str) -> str:
    """What is in the file or the variable that a setting names. Raises Stalled where there is nothing."""
    if variable:
        found, where = os.environ.get(variable, "").strip(), f"{setting}_env {variable}"
    else:
        found, where = secret_in(f"{setting}_file", file), f"{setting}_file {file}"
    if not found:
        raise Stalled(f"{where} is empty", "put it there")
    return found
