"""Which problems of documents a change brings, and which it mends. Lines move, so a problem is known by what it says.

Must not know how problems are found.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from reconciler.model.problem import Problem


def compared(before: Iterable[Problem], after: Iterable[Problem]) -> tuple[tuple[Problem, ...], tuple[Problem, ...]]:
    """The problems that only the second state has, and those that only the first one has."""
    old, new = list(before), list(after)
    return _beyond(new, old), _beyond(old, new)


def _beyond(problems: list[Problem], others: list[Problem]) -> tuple[Problem, ...]:
    """Those that stand more often here than there, the last of equal ones."""
    left = Counter(map(_what, others))
    found = []
    for problem in sorted(problems):
        if left[_what(problem)]:
            left[_what(problem)] -= 1
        else:
            found.append(problem)
    return tuple(found)


def _what(problem: Problem) -> tuple[str, ...]:
    return problem.place.path, problem.document, problem.reason, problem.message, problem.severity
