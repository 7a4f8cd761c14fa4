"""Runs a target under atheris, with its corpus. Must not know what targets do."""

from __future__ import annotations

import atexit
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

CORPUS = Path(__file__).parent / "corpus"


def folder() -> Path:
    """An empty folder that is gone at the end."""
    path = Path(tempfile.mkdtemp(prefix="fuzz-"))
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


def fuzz(name: str, one: Callable[[bytes], None]) -> None:
    """Gives `one` bytes until it raises, or libFuzzer's options say that it is enough; does not return.

    What is found new goes elsewhere, so that the corpus in the repository grows only when somebody adds to it.
    """
    import atheris

    atheris.Setup([*sys.argv, str(folder()), str(CORPUS / name)], one)
    atheris.Fuzz()
