"""The kinds of resources that come with Reconciler. A new one is a file here and a line in `builtin`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from reconciler.kinds.base import Kind

Registry: TypeAlias = Mapping[str, Kind[Any]]
"""Kinds by name. Passed in as an argument everywhere, so that users' kinds can stand beside ours."""


def builtin() -> Registry:
    """All kinds that come with Reconciler, by name."""
    from reconciler.kinds.authorized_key import AuthorizedKey
    from reconciler.kinds.command import Command
    from reconciler.kinds.cron import Cron
    from reconciler.kinds.directory import Directory
    from reconciler.kinds.file import File
    from reconciler.kinds.group import Group
    from reconciler.kinds.line import Line
    from reconciler.kinds.link import Link
    from reconciler.kinds.package import Package
    from reconciler.kinds.service import Service
    from reconciler.kinds.sysctl import Sysctl
    from reconciler.kinds.unit import Unit
    from reconciler.kinds.user import User

    kinds: tuple[Kind[Any], ...] = (
        AuthorizedKey(),
        Command(),
        Cron(),
        Directory(),
        File(),
        Group(),
        Line(),
        Link(),
        Package(),
        Service(),
        Sysctl(),
        Unit(),
        User(),
    )
    return {kind.name: kind for kind in kinds}


__all__ = ["Kind", "Registry", "builtin"]
