"""Settings: what there is to set, where it comes from, and where things are kept. Knows no adapter."""

from reconciler.config.load import differences, load_settings, reloadable, variables
from reconciler.config.places import cache_dir, state_dir
from reconciler.config.settings import InventorySettings, LimitSettings, NotifySettings, Settings

__all__ = [
    "InventorySettings",
    "LimitSettings",
    "NotifySettings",
    "Settings",
    "cache_dir",
    "differences",
    "load_settings",
    "reloadable",
    "state_dir",
    "variables",
]
