"""Expressions in CEL (Common Expression Language), bounded: text in, a function from values to true or false out.

An expression is somebody's text: its length and the nesting of its loops are limited, so that none takes long. Must not
know policies.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cel import Program

LONGEST = 1_000
"""Characters."""
DEEPEST = 2
"""Loops (`all`, `exists`, …) inside of each other."""
_STRING = re.compile(r"""[rR]?(\"\"\".*?\"\"\"|'''.*?'''|"(\\.|[^"\\])*"|'(\\.|[^'\\])*')""", re.DOTALL)
_LOOP = re.compile(r"\.\s*(all|exists|exists_one|map|filter)\s*$")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Failed(Exception):
    """An expression that can't be used, or has no answer for some values; says why."""


@dataclass(frozen=True, slots=True)
class Expression:
    """One that was compiled. `words` are all names in it: who needs a value names it."""

    program: Program
    words: frozenset[str]

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Whether it is true. Raises Failed when that can't be said."""
        try:
            answer = self.program.execute(dict(values))
        except KeyError as error:
            raise Failed(f"there is no field {error}") from None
        # The library's own words: what it raises depends on what went wrong.
        except (RuntimeError, TypeError, ValueError, LookupError, ArithmeticError) as error:
            raise Failed(_first_sentence(str(error))) from None
        if not isinstance(answer, bool):
            raise Failed(f"it gives {type(answer).__name__}, not true or false")
        return answer


@lru_cache(maxsize=1_000)
def compiled(text: str) -> Expression:
    """The expression, compiled once. Raises Failed."""
    from cel import compile as compile_expression

    if len(text) > LONGEST:
        raise Failed(f"it has {len(text):,} characters; the limit is {LONGEST:,}")
    plain = _STRING.sub('""', text)
    if _nested(plain) > DEEPEST:
        raise Failed(f"it has more than {DEEPEST} loops inside of each other")
    try:
        program = compile_expression(text)
    except ValueError as error:
        raise Failed(_first_sentence(str(error).partition("ERROR: ")[2] or str(error))) from None
    return Expression(program, frozenset(_WORD.findall(plain)))


def _nested(plain: str) -> int:
    """How many loops are inside of each other at most."""
    deepest, open_ = 0, list[bool]()
    for at, char in enumerate(plain):
        if char == "(":
            open_.append(_LOOP.search(plain, max(0, at - 40), at) is not None)
            deepest = max(deepest, sum(open_))
        elif char == ")" and open_:
            open_.pop()
    return deepest


def _first_sentence(text: str) -> str:
    return text.strip().splitlines()[0].partition(". ")[0][:200] if text.strip() else "it has no answer"
