"""Where things are kept on this machine unless the settings say otherwise."""

from __future__ import annotations

import os
from pathlib import Path

from reconciler.config.settings import Settings
from reconciler.model.errors import Stalled


def state_dir(settings: Settings) -> Path:
    """Where stores that are not named are kept, and what stands in for one that can't be reached."""
    if settings.state_dir:
        return Path(settings.state_dir)
    return _of_user("XDG_STATE_HOME", ".local/state", "RECONCILER_STATE_DIR") / "reconciler"


def cache_dir(settings: Settings) -> Path:
    """Where what can be had again is kept."""
    if settings.cache_dir:
        return Path(settings.cache_dir)
    return _of_user("XDG_CACHE_HOME", ".cache", "RECONCILER_CACHE_DIR") / "reconciler"


def _of_user(variable: str, below_home: str, instead: str) -> Path:
    if given := os.environ.get(variable):
        return Path(given)
    try:
        return Path.home() / below_home
    except RuntimeError:
        # In a container a user may be a bare number.
        raise Stalled("this user has no home directory", f"set HOME or {variable}, or give {instead}") from None
