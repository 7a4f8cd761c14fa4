"""Budgets that keep the tail of the code short, and the purity of what is below the loop: held by reading the code."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from statistics import median
from typing import TypeAlias

import pytest

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef

ROOT = Path(__file__).parents[1]
PRODUCT = sorted((ROOT / "reconciler").rglob("*.py"))
EVERYTHING = [f for part in ("reconciler", "tests", "bench") for f in sorted((ROOT / part).rglob("*.py"))]
PURE = [f for part in ("model", "kinds", "core") for f in sorted((ROOT / "reconciler" / part).rglob("*.py"))]

MODULE_LINES, MODULE_MEDIAN = 400, 150
FUNCTION_LINES, FUNCTION_MEDIAN = 60, 10
PARAMETERS = 5
EXPORTS = 10
NAMELESS = {"common", "helper", "helpers", "misc", "tools", "util", "utils"}
"""File names that say nothing about what is in them."""

IMPURE = {"open", "print", "input", "exec", "eval", "breakpoint"}
CLOCK = {"now", "utcnow", "today"}


@cache
def parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text(), str(file))


def functions(files: list[Path]) -> Iterator[tuple[str, Function]]:
    """Every function and method with its place."""
    for file in files:
        for node in ast.walk(parsed(file)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{file.relative_to(ROOT)}:{node.lineno} {node.name}", node


def lines(file: Path) -> int:
    return len(file.read_text().splitlines())


def length(function: Function) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def parameters(function: Function) -> int:
    given = function.args
    names = [a.arg for a in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    return len([n for n in names if n not in ("self", "cls")])


def exports(file: Path) -> int:
    """How many names a package's `__all__` has."""
    for node in parsed(file).body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets):
            return len(ast.literal_eval(node.value))
    return 0


def impure_calls(tree: ast.Module) -> list[int]:
    """Lines that call something with an effect, or ask a clock."""
    calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call)]
    named = [c.lineno for c in calls if isinstance(c.func, ast.Name) and c.func.id in IMPURE]
    return named + [c.lineno for c in calls if isinstance(c.func, ast.Attribute) and c.func.attr in CLOCK]


def test_no_module_is_too_long() -> None:
    assert {str(f.relative_to(ROOT)): lines(f) for f in EVERYTHING if lines(f) > MODULE_LINES} == {}


def test_the_median_module_is_short() -> None:
    assert median(lines(f) for f in PRODUCT) <= MODULE_MEDIAN


def test_no_function_is_too_long() -> None:
    assert {place: length(f) for place, f in functions(EVERYTHING) if length(f) > FUNCTION_LINES} == {}


def test_the_median_function_is_short() -> None:
    assert median(length(f) for _, f in functions(PRODUCT)) <= FUNCTION_MEDIAN


def test_no_function_takes_too_many_parameters() -> None:
    assert {place: parameters(f) for place, f in functions(PRODUCT) if parameters(f) > PARAMETERS} == {}


def test_a_package_exports_few_names() -> None:
    packages = [f for f in PRODUCT if f.name == "__init__.py"]
    assert {str(f.relative_to(ROOT)): exports(f) for f in packages if exports(f) > EXPORTS} == {}


def test_every_module_is_named_for_what_it_knows() -> None:
    assert [str(f.relative_to(ROOT)) for f in EVERYTHING if f.stem in NAMELESS] == []


def test_every_module_says_what_it_knows() -> None:
    silent = [f for f in EVERYTHING if f.read_text().strip() and not ast.get_docstring(parsed(f))]
    assert [str(f.relative_to(ROOT)) for f in silent] == []


def test_nothing_below_the_loop_has_an_effect_or_asks_a_clock() -> None:
    found = {str(f.relative_to(ROOT)): impure_calls(parsed(f)) for f in PURE}
    assert {file: at for file, at in found.items() if at} == {}


@pytest.mark.parametrize(
    ("measure", "code", "expected"),
    [
        (length, "def f():\n    a = 1\n\n    return a\n", 4),
        (parameters, "def f(self, a, /, b, *rest, c, **more): ...", 3),
        (parameters, "async def f(cls): ...", 0),
        (lambda f: impure_calls(ast.Module([f], [])), "def f(x):\n    open(x)\n    x.now()\n    x.open()", [2, 3]),
    ],
)
def test_the_measures_measure(measure: object, code: str, expected: object) -> None:
    assert callable(measure)
    assert measure(ast.parse(code).body[0]) == expected
