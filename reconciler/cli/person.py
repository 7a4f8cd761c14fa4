"""Who is at the command line, as it is written into the records."""

from __future__ import annotations

import getpass
import os


def actor() -> str:
    """`ada@cli`."""
    try:
        name = os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):
        # In a container a user may be a bare number.
        name = f"uid {os.getuid()}"
    return f"{name}@cli"
