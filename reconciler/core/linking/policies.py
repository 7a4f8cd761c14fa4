"""Policies among the other documents: whose they are, which services and hosts they reach, and what can't be used.

One that can't be used denies all that it may be meant for: a rule that nobody can read must not let anything through.
Must not know plans, nor what an expression means.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from reconciler.core.linking.gaps import Cause, Gaps
from reconciler.core.linking.restraint import called, perhaps_reached, reach_of, reach_problems
from reconciler.core.linking.select import LabelIndex
from reconciler.model.document import Documents, PolicyDocument
from reconciler.model.policy import Policy
from reconciler.model.problem import Problem, errors


@dataclass(frozen=True, slots=True)
class Policies:
    """All policies of a revision, sorted by name, and what is wrong with them."""

    all: tuple[Policy, ...] = ()
    problems: tuple[Problem, ...] = ()


def policies(documents: Documents, unseen: Gaps, labels: LabelIndex) -> Policies:
    """The policies; those that can't be used with why."""
    problems = [p for each in documents.policies.values() for p in reach_problems(each, documents, unseen)]
    causes = {name: cause for (kind, name), cause in unseen.broken.items() if kind == "Policy"}
    for problem in sorted(errors(problems), reverse=True):
        causes[problem.document.partition("/")[2]] = Cause(problem.message, problem.place)
    usable = [_policy(each, labels) for name, each in documents.policies.items() if name not in causes]
    broken = [_unusable(name, cause, documents) for name, cause in causes.items()]
    told = (*problems, *_selects_nothing(documents, labels))
    return Policies(tuple(sorted([*usable, *broken], key=lambda policy: policy.name)), told)


def _policy(document: PolicyDocument, labels: LabelIndex) -> Policy:
    return Policy(
        name=document.name,
        stance=document.effect,
        message=document.message,
        when=document.when,
        reach=reach_of(document),
        hosts=None if document.selector is None else frozenset(labels.select(document.selector)),
        approvable=document.approvable,
        origin=str(document.place),
    )


def _unusable(name: str, cause: Cause, documents: Documents) -> Policy:
    message = f"it can't be used, so nobody knows what it says: {cause.text}"
    reach = perhaps_reached(documents, cause)
    return Policy(name, "deny", message, "true", reach, origin=str(cause.place), broken=cause.text)


def _selects_nothing(documents: Documents, labels: LabelIndex) -> Iterator[Problem]:
    for document in documents.policies.values():
        if document.selector is not None and not labels.bits(document.selector):
            place = document.marks.get(("spec", "hosts", "~key"), document.place)
            message = f'policy "{document.name}" selects no host, so it is never asked'
            hint = "compare its hosts with the labels of the hosts"
            yield Problem(place, "selects-nothing", message, called(document), hint, "warning", len("hosts"))
