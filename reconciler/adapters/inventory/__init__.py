"""Hosts from outside of Git: any Ansible inventory source, or a file that another program exported."""

from reconciler.adapters.inventory.settings import SourceSettings
from reconciler.adapters.inventory.source import InventorySource

__all__ = ["InventorySource", "SourceSettings"]
