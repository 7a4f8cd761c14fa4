"""Problems of a repository, each with its place, the lines around it, and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from reconciler.core.explain.excerpt import Excerpts, LinesOf
from reconciler.core.words import Line, counted, printable
from reconciler.model.problem import Problem, errors

_WIDTH = 110


def problems_text(problems: Sequence[Problem], documents: int, lines_of: LinesOf) -> Iterator[Line]:
    """Every problem with its excerpt, then the count."""
    excerpts = Excerpts(lines_of)
    for problem in problems:
        yield from problem_text(problem, excerpts)
        yield Line("")
    yield Line(_verdict(problems, documents), "bold")


def problem_text(problem: Problem, excerpts: Excerpts) -> Iterator[Line]:
    """One problem: where, what, the lines, what to do."""
    warning = "warning: " if problem.severity == "warning" else ""
    message = "\n".join(printable(line) for line in problem.message.splitlines())
    yield Line(f"{printable(str(problem.place))}  {warning}{message}", "warn" if warning else "delete")
    number = problem.place.line
    lines = excerpts.lines(problem.place.path, number)
    if not lines:
        if problem.hint:
            yield Line(f"      {printable(problem.hint)}")
        return
    gutter = max(4, len(str(number)))
    for n, line in enumerate(lines, number - len(lines) + 1):
        yield Line(f" {n:>{gutter}} │ {printable(line)[:_WIDTH]}", "dim")
    start = max(0, problem.place.column - 1)
    if problem.width and start + problem.width <= _WIDTH:
        yield Line(f" {'':>{gutter}} │ {' ' * start}{'^' * problem.width} {printable(problem.hint)}".rstrip(), "bold")
    elif problem.hint:
        yield Line(f" {'':>{gutter}} │ {printable(problem.hint)}", "bold")


def _verdict(problems: Sequence[Problem], documents: int) -> str:
    broken = errors(problems)
    warned = len(problems) - len(broken)
    warnings = f" {counted(warned, 'warning')}." if warned else ""
    if not broken:
        return f"{counted(documents, 'document')}, no problem.{warnings}"
    bad = len({p.document or str(p.place.path) for p in broken})
    fine = max(0, documents - bad)
    rest = "one is" if fine == 1 else f"{fine:,} are"
    others = f" The other {rest} fine and would converge." if fine else ""
    return f"{counted(len(broken), 'problem')} in {bad:,} of {counted(documents, 'document')}.{others}{warnings}"


def problem_documents(problems: Iterable[Problem]) -> list[dict[str, Any]]:
    """Problems as JSON values."""
    return [
        {
            "reason": p.reason,
            "severity": p.severity,
            "message": p.message,
            "path": p.place.path,
            "line": p.place.line,
            "column": p.place.column,
            "document": p.document,
            "hint": p.hint,
        }
        for p in problems
    ]


def problems_markdown(problems: Sequence[Problem], documents: int) -> Iterator[str]:
    """A table of problems."""
    from reconciler.core.explain.markdown import cell

    if problems:
        yield "| place | what is wrong | what to do |"
        yield "| --- | --- | --- |"
    for p in problems:
        yield f"| `{cell(str(p.place))}` | {cell(p.message)} | {cell(p.hint)} |"
    yield ""
    yield _verdict(problems, documents)
