"""Limits what is due to what may be done without anybody's word: by service and by cause.

Stricter than targets: what stands on a change that may not be made waits with it. Must not know why something may.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeAlias

from reconciler.core.assessing.due import Assessment, Due
from reconciler.model.key import Key
from reconciler.model.plan import Cause

Permitted: TypeAlias = Mapping[str, frozenset[Cause]]
"""The causes of changes that may be made, by service."""


def permitted(assessment: Assessment, only: Permitted) -> Assessment:
    """The assessment with only the due changes that may be made."""
    verdicts = tuple((replace(v, dues=_kept(v.dues, only)), hosts) for v, hosts in assessment.verdicts)
    return replace(assessment, verdicts=verdicts)


def _kept(dues: tuple[Due, ...], only: Permitted) -> tuple[Due, ...]:
    changes = {due.change.key: due for due in dues if not due.triggers}
    stays = {key for key, due in changes.items() if due.change.cause in only.get(due.service, ())}
    while lost := {key for key in stays if _lacks(changes[key], changes, stays)}:
        stays -= lost
    return tuple(due for due in dues if _stays(due, changes, stays, only))


def _lacks(due: Due, changes: Mapping[Key, Due], stays: set[Key]) -> bool:
    """Whether it requires something that is due and not done."""
    return any(key in changes and key not in stays for key in due.requires)


def _stays(due: Due, changes: Mapping[Key, Due], stays: set[Key], only: Permitted) -> bool:
    """A reaction stays with what it answers to; one that is owed since an earlier run belongs to its service."""
    if not due.triggers:
        return due.change.key in stays
    due_triggers = [key for key in due.triggers if key in changes]
    return bool(stays.intersection(due_triggers)) if due_triggers else due.service in only
