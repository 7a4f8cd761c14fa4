"""YAML 1.2's core schema, not YAML 1.1's."""

from __future__ import annotations

import pytest

from reconciler.core.parsing.scalars import resolve


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None), ("~", None), ("null", None), ("Null", None), ("NULL", None), ("nUll", "nUll"),
        ("true", True), ("True", True), ("FALSE", False), ("tRue", "tRue"),
        ("yes", "yes"), ("no", "no"), ("on", "on"), ("off", "off"), ("y", "y"), ("N", "N"),
        ("0", 0), ("12", 12), ("-12", -12), ("+12", 12), ("012", 12), ("0644", 644),
        ("0o14", 12), ("0x1F", 31), ("0b11", "0b11"), ("-0x1", "-0x1"), ("0o8", "0o8"), ("1_000", "1_000"),
        ("1:30", "1:30"), ("190:20:30", "190:20:30"),
        ("1.5", 1.5), ("-.5", -0.5), ("1.", 1.0), ("1e3", 1000.0), ("1.5E-1", 0.15), ("1.26.0", "1.26.0"), (".", "."),
        ("2026-11-23", "2026-11-23"), ("2026-11-23T10:00:00Z", "2026-11-23T10:00:00Z"),
        ("1%", "1%"), ("-", "-"), ("<<", "<<"), ("=", "="), (".info", ".info"),
        (str(2**63 - 1), 2**63 - 1), (str(-(2**63)), -(2**63)),
    ],
)  # fmt: skip
def test_meaning(text: str, value: object) -> None:
    found = resolve(text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    "text", [".inf", "-.inf", "+.INF", ".nan", ".NaN", "1e999", "-1e999", str(2**63), "0xFFFFFFFFFFFFFFFFF", "9" * 5000]
)
def test_numbers_that_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="number"):
        resolve(text)
