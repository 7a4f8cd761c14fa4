"""Cases that policies are tried with: a made-up change, and what is expected to be said to it.

Must not know files or how results are shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter

from reconciler.core.expression import Failed, compiled
from reconciler.core.linking.restraint import reach_of
from reconciler.core.linking.select import LabelIndex
from reconciler.core.parsing.complain import validate
from reconciler.core.parsing.fields import LabelKey, LabelValue, Name, Written
from reconciler.core.parsing.limits import DEFAULT
from reconciler.core.parsing.page import Page
from reconciler.core.parsing.policy import SAMPLE
from reconciler.core.parsing.yaml import read
from reconciler.core.quote import did_you_mean, quote
from reconciler.model.desired import Host
from reconciler.model.document import PolicyDocument
from reconciler.model.key import Place
from reconciler.model.plan import Action, Cause
from reconciler.model.problem import Problem

Answer = Literal["deny", "warn", "pass", "error"]


class FieldCase(Written):
    path: str
    before: Any = None
    after: Any = None
    cause: Cause = "pending"
    sensitive: bool = False


class ChangeCase(Written):
    kind: str = "file"
    name: str = "/etc/motd"
    action: Action = "update"
    cause: Cause = "pending"
    sensitive: bool = False
    fields: tuple[FieldCase, ...] = ()


class ServiceCase(Written):
    name: str = "edge"
    project: str = ""
    owner: str = ""
    hosts: int = 1
    changing: int = 1


class PlanCase(Written):
    create: int = 0
    update: int = 0
    delete: int = 0
    restart: int = 0
    hosts: int = 1
    fleet: int = 1


class Case(Written):
    """What is left out is made up, so that a case says only what it is about."""

    name: str = Field(description="What the case shows.")
    policy: Name = Field(description="The policy that is tried.")
    change: ChangeCase = Field(ChangeCase.model_validate({}), description="The change that it is asked about.")
    service: ServiceCase = Field(ServiceCase.model_validate({}), description="The service whose change it is.")
    plan: PlanCase = Field(PlanCase.model_validate({}), description="Counts of the plan that it is in.")
    labels: dict[LabelKey, LabelValue] = Field(default_factory=dict, description="Labels of the host that gets it.")
    expect: Answer = Field(description="What the policy says: deny, warn, pass, or error (it has no answer).")


class CasesForm(Written):
    """Cases for `reconciler policy test`."""

    model_config = ConfigDict(title="Policy cases")

    cases: Annotated[tuple[Case, ...], Field(max_length=10_000)]


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of a case. `why` says what is wrong; empty: it is as expected."""

    case: Case
    answer: Answer | None
    why: str = ""


def tried(cases: Iterable[Case], policies: Mapping[str, PolicyDocument]) -> list[Tried]:
    """Every case with the answer of its policy."""
    return [_tried(case, policies) for case in cases]


def _tried(case: Case, policies: Mapping[str, PolicyDocument]) -> Tried:
    policy = policies.get(case.policy)
    if policy is None:
        near = did_you_mean(case.policy, policies)
        return Tried(case, None, f"there is no usable policy {quote(case.policy)}" + (f"; {near}" if near else ""))
    answer, error = _answer(case, policy)
    if answer == case.expect:
        return Tried(case, answer)
    return Tried(case, answer, f"expected {case.expect}, and it says {answer}" + (f": {error}" if error else ""))


def _answer(case: Case, policy: PolicyDocument) -> tuple[Answer, str]:
    if not _reached(case, policy):
        return "pass", ""
    values = {name: getattr(case, name).model_dump(mode="json") for name in SAMPLE}
    try:
        expression = compiled(policy.when)
        holds = expression.holds({name: value for name, value in values.items() if name in expression.words})
    except Failed as failed:
        return "error", str(failed)
    return (policy.effect if holds else "pass"), ""


def _reached(case: Case, policy: PolicyDocument) -> bool:
    if not reach_of(policy).covers(case.service.name, case.service.project):
        return False
    host = Host("host", Place("", 0), case.labels)
    return policy.selector is None or bool(LabelIndex({"host": host}).bits(policy.selector))


def read_cases(path: str, data: bytes) -> tuple[tuple[Case, ...], tuple[Problem, ...]]:
    """The cases in a file, or everything that is wrong with it."""
    raw = read(path, data, DEFAULT)
    if raw.problem is not None:
        return (), (raw.problem,)
    if len(raw.documents) != 1:
        problem = Problem(Place(path), "not-cases", "a file of cases is one document with `cases:`", hint="write one")
        return (), (problem,)
    [document] = raw.documents
    page = Page(document.value, document.marks, raw.text)
    form, problems = validate(TypeAdapter(CasesForm), page, document.value, CasesForm)
    if problems or document.problems:
        return (), (*document.problems, *problems)
    return form.cases, ()
