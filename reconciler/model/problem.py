"""What is wrong with an input, as a value: bad input is collected and shown, it never raises."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from reconciler.model.key import Place

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong in the state repository.

    `reason` is a stable word in kebab-case that scripts may rely on; `message` says what is wrong with which
    value; `hint` says what to do; `document` is `Kind/name` where it is known; `width` is how many columns
    from the place belong to the value (0: unknown).
    """

    place: Place
    reason: str
    message: str
    document: str = ""
    hint: str = ""
    severity: Severity = "error"
    width: int = 0


def errors(problems: Iterable[Problem]) -> list[Problem]:
    """Those that keep a document from being used."""
    return [p for p in problems if p.severity == "error"]
