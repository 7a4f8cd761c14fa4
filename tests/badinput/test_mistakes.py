"""What people get wrong, and what they are told: the reason, the place, how wide it is, and what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from yaml import safe_load

from reconciler.core.parsing.limits import Limits
from reconciler.core.parsing.parse import parse
from reconciler.model.problem import Problem
from tests.sample import HOST, host, linked, many, parsed, project, registry, service

HERE = Path(__file__).parent
Case = dict[str, Any]
SPEC = "apiVersion: reconciler/v1\nkind: Service\nmetadata:\n  name: edge\nspec:\n  hosts: {matchLabels: {role: web}}\n"


def cases(file: str) -> list[Any]:
    return [pytest.param(case, id=case["name"]) for case in safe_load((HERE / file).read_text())]


def check(problem: Problem, case: Case) -> None:
    assert f"{problem.place.line}:{problem.place.column}" == case["place"]
    assert (problem.reason, problem.width) == (case["reason"], case["width"])
    assert case["message"] in problem.message
    assert case["hint"] in problem.hint


@pytest.mark.parametrize("case", cases("documents.yaml"))
def test_one_mistake(case: Case) -> None:
    found = parsed({"a.yaml": case["text"]})
    (problem,) = found.problems
    check(problem, case)
    assert problem.document == case["document"]
    assert not found.services
    assert not found.hosts
    assert found.broken.keys() == {"a.yaml"}


@pytest.mark.parametrize("case", cases("links.yaml"))
def test_one_mistake_between_documents(case: Case) -> None:
    (problem,) = linked({"a.yaml": case["text"], "hosts.yaml": HOST}).problems
    check(problem, case)
    assert problem.severity == case["severity"]


def test_duplicate_names_belong_to_nobody() -> None:
    found = parsed(
        {"b.yaml": many(HOST, host("ok")), "a.yaml": HOST, "c.yaml": HOST.replace("metadata: ", "metadata:  ")}
    )
    assert [(str(p.place), p.reason, p.width) for p in found.problems] == [
        ("b.yaml:3:12", "duplicate-name", 4),
        ("c.yaml:3:13", "duplicate-name", 4),
    ]
    assert found.problems[0].message == 'host "web-1" is defined twice; first at a.yaml:3:12'
    assert found.hosts.keys() == {"ok"}
    assert found.broken == dict.fromkeys(["a.yaml", "b.yaml", "c.yaml"], frozenset({("Host", "web-1")}))


def test_the_same_name_in_another_kind_is_no_duplicate() -> None:
    assert parsed({"a.yaml": many(HOST, service("web-1"), project("web-1"))}).problems == ()


def test_unknown_kind_in_a_project() -> None:
    (problem,) = parsed({"a.yaml": project("p", "kinds: [file, pakage]")}).problems
    assert (problem.reason, problem.place.column, problem.width) == ("unknown-kind", 22, 6)
    assert problem.hint == 'did you mean "package"?'


def _only(blobs: list[tuple[str, bytes | None]], **limits: int) -> Problem:
    found = parse(blobs, registry(), Limits(**limits))
    (problem,) = found.problems
    return problem


def test_files_that_are_too_large() -> None:
    assert _only([("a.yaml", None)]).reason == "file-too-large"
    assert _only([("a.yaml", b"#" * 2_000_000)]).hint == "split it into several files"


def test_a_repository_that_is_too_large_is_read_up_to_there() -> None:
    blobs: list[tuple[str, bytes | None]] = [(f"{i}.yaml", host(f"h{i}").encode()) for i in range(5)]
    size = len(blobs[0][1] or b"")
    for limits in ({"total_bytes": 3 * size}, {"total_documents": 3}):
        found = parse(blobs, registry(), Limits(**limits))
        (problem,) = found.problems
        assert (problem.reason, problem.place) == ("repository-too-large", ("3.yaml", 1, 1))
        assert "2 files are not read" in problem.message
        assert sorted(found.hosts) == ["h0", "h1", "h2"]
        assert found.broken == {"3.yaml": frozenset(), "4.yaml": frozenset()}


def test_one_file_can_not_fill_the_report() -> None:
    text = SPEC + "".join(f"  x{i}: 1\n" for i in range(1000))
    found = parse([("a.yaml", text.encode())], registry(), Limits(problems=10))
    assert len(found.problems) == 11
    assert found.problems[-1].reason == "too-many-problems"
    assert found.problems[-1].place.line == 17


def test_all_problems_of_a_document_are_reported_at_once() -> None:
    text = (
        SPEC
        + "  resources:\n"
        + "    - package: nginx\n      verison: 1\n      mode: 2\n    - zzz: 1\n  owner:\n  a: 1\n  a: 2\n"
    )
    reasons = [p.reason for p in parsed({"a.yaml": text}).problems]
    assert sorted(reasons) == ["duplicate-key", "null-value", *["unknown-field"] * 3, "unknown-kind"]
