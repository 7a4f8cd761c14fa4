"""What a plain (unquoted) YAML scalar means: the core schema of YAML 1.2, https://yaml.org/spec/1.2.2/#103-core-schema.

So `no` and `1:30` are text, `012` is twelve, dates stay text. Must not know where the scalar stands.
"""

from __future__ import annotations

import re
from typing import TypeAlias

Scalar: TypeAlias = str | int | float | bool | None

_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NUMBER_STARTS = frozenset("+-.0123456789")
_INTEGER = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEX = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_LONGEST_NUMBER = 400
"""Digits that are looked at: more can't be a number that is accepted, and Python is slow with them."""


def resolve(text: str) -> Scalar:
    """The value of a plain scalar. Raises ValueError for numbers that can't be kept exactly or aren't finite."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMBER_STARTS:
        return text
    return _number(text)


def _number(text: str) -> Scalar:
    if _NOT_FINITE.fullmatch(text):
        raise ValueError("is not a finite number")
    if _INTEGER.fullmatch(text):
        return _fits(text, 10)
    if _OCTAL.fullmatch(text):
        return _fits(text, 8)
    if _HEX.fullmatch(text):
        return _fits(text, 16)
    if not _FLOAT.fullmatch(text):
        return text
    value = float(text[:_LONGEST_NUMBER])
    if value in (float("inf"), float("-inf")) or len(text) > _LONGEST_NUMBER:
        raise ValueError("is too large for a number")
    return value


def _fits(text: str, base: int) -> int:
    """Numbers travel as JSON with 64-bit integers."""
    if len(text) > _LONGEST_NUMBER or not -(2**63) <= (value := int(text, 0 if base != 10 else 10)) < 2**63:
        raise ValueError("is too large for a number")
    return value
