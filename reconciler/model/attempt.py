"""That something was tried without anybody's word, so that it is not tried again and again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

REFUSED, FAILED = "refused: ", "failed"
"""How `why` begins when the gate did not let it through, and when it was tried and did not go through. It says
something else where something else came first, which is no failure."""
APPROVE = "; approve it: "
"""What comes before the command that approves a plan which was refused."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """The last attempt to bring a service into order at a revision. `due` is the digest of what was due then.

    `tries` counts those for the same thing; no further one comes before `not_before`. `ok`: it went through; `why`
    says why not, where that is known; `plan` is the digest of the plan that was refused, where one was: somebody may
    approve it.
    """

    service: str
    revision: str
    due: str
    tries: int
    at: datetime
    not_before: datetime
    ok: bool
    why: str = ""
    plan: str = ""
