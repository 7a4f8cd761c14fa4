"""Exceptions are named for what happens next. Anything else that is raised is a bug.

ReconcilerError
├── Retry      the same thing may work later (a remote is down, a lock is taken)
│   └── Taken  somebody else has it now: follow, and take over when they are gone
└── Stalled    somebody has to change something first (an unknown revision, a missing key file)
"""

from __future__ import annotations


class ReconcilerError(Exception):
    """`message` says what and where, `hint` what to do. Both are shown to people as they are."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class Retry(ReconcilerError):
    """Try again after a while."""


class Taken(Retry):
    """Somebody else has it; `message` says who."""


class Stalled(ReconcilerError):
    """Trying again changes nothing until somebody acts."""
