"""What policies say to a plan. Each is asked once for each distinct change of its programs, however many hosts get it.

An expression sees a change, its service and the plan; what it does not name makes no difference to its answer, so that
changes which differ only in that are asked about once. One that has no answer denies, and stops no other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from reconciler.core.expression import Expression, Failed, compiled
from reconciler.core.gate.circumstances import Circumstances
from reconciler.core.gate.limits import Limits
from reconciler.core.gate.refusal import Refusal, most
from reconciler.model.desired import Desired
from reconciler.model.plan import Change, Plan, Program
from reconciler.model.policy import Policy

_VALUES = re.compile(r"\b(before|after)\b")
_MARKS = re.compile(r"\b(cause|sensitive)\b")
_Asked: TypeAlias = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """What a policy says to a plan: the hosts of each change that it is about, by (service, action and resource).

    `error` is why it has no answer for some changes, which are then among these.
    """

    policy: Policy
    changes: Mapping[tuple[str, str], int]
    error: str = ""


@dataclass(slots=True)
class Judgement:
    """All findings, by name of the policy; `evaluations` counts how often an expression was asked."""

    findings: list[Finding] = field(default_factory=list)
    evaluations: int = 0


def judged(plan: Plan, desired: Desired) -> Judgement:
    """What the policies of the desired state say."""
    found = Judgement()
    if not plan.steps:
        return found
    programs = _by_service(plan)
    sizes = _sizes(desired, programs)
    for policy in desired.policies:
        asking = _Asking(policy, plan, desired, sizes)
        changes = asking.about(programs)
        found.evaluations += asking.evaluations
        if changes:
            found.findings.append(Finding(policy, changes, asking.error))
    return found


def denied(plan: Plan, desired: Desired, _limits: Limits, _circumstances: Circumstances) -> Iterator[Refusal]:
    """A refusal for each policy that denies something of the plan and can be overruled."""
    return (_refusal(each) for each in _denying(plan, desired) if each.policy.approvable)


def forbidden(plan: Plan, desired: Desired) -> Iterator[Refusal]:
    """A refusal for each policy that denies something of the plan, whoever approves it."""
    return (_refusal(each) for each in _denying(plan, desired) if not each.policy.approvable)


def denials(plan: Plan, desired: Desired) -> Iterator[Refusal]:
    """A refusal for each policy that denies something of the plan."""
    return map(_refusal, _denying(plan, desired))


def changed_policies(before: Desired, after: Desired) -> tuple[Policy, ...]:
    """Policies of a state that are not in another one as they are there, wherever they were written."""
    kept = {_rule(policy) for policy in after.policies}
    return tuple(policy for policy in before.policies if _rule(policy) not in kept)


def _rule(policy: Policy) -> Policy:
    """Hosts come and go without anybody touching the rule."""
    return replace(policy, origin="", hosts=None if policy.hosts is None else frozenset())


def warned(plan: Plan, desired: Desired) -> list[Refusal]:
    """What policies only tell of."""
    return [_refusal(each) for each in judged(plan, desired).findings if not _denies(each)]


def _denying(plan: Plan, desired: Desired) -> list[Finding]:
    return [finding for finding in judged(plan, desired).findings if _denies(finding)]


def _denies(finding: Finding) -> bool:
    """A rule that has no answer lets nothing through."""
    return finding.policy.stance == "deny" or bool(finding.error)


def _refusal(finding: Finding) -> Refusal:
    policy = finding.policy
    message = f"policy {policy.name}: {policy.message} ({policy.origin})"
    if finding.error:
        message = f"policy {policy.name} has no answer: {finding.error}; so it denies this plan ({policy.origin})"
    hint = "" if policy.approvable else f"nobody can approve this: change what {policy.name} names, or the policy"
    return Refusal("policy", 0, sum(finding.changes.values()), message, hint, most(finding.changes), policy.name)


@dataclass(slots=True)
class _Asking:
    """One policy that is asked about a plan."""

    policy: Policy
    plan: Plan
    desired: Desired
    sizes: Mapping[str, Mapping[str, int]]
    evaluations: int = 0
    error: str = ""
    _answers: dict[_Asked, bool] = field(default_factory=dict)

    def about(self, programs: Mapping[str, Mapping[str, Sequence[str]]]) -> dict[tuple[str, str], int]:
        """The changes that it is about, with their hosts."""
        expression = compiled(self.policy.when)
        found: dict[tuple[str, str], int] = {}
        for service, hosts_of in programs.items():
            if not self.policy.reach.covers(service, self._project(service)):
                continue
            for name, hosts in hosts_of.items():
                if members := self._meant(hosts):
                    for change in self._true(expression, service, self.plan.programs[name]):
                        what = service, f"{change.action} {change.key}"
                        found[what] = found.get(what, 0) + members
        return found

    def _project(self, service: str) -> str:
        known = self.desired.services.get(service)
        return known.project if known else ""

    def _meant(self, hosts: Sequence[str]) -> int:
        return len(hosts) if self.policy.hosts is None else len(self.policy.hosts.intersection(hosts))

    def _true(self, expression: Expression, service: str, program: Program) -> Iterator[Change]:
        values = _looks_at_values(self.policy.when)
        name = program.id if values else program.shape
        for at, change in enumerate(program.changes):
            which = (name, at, change.sensitive) if "change" in expression.words else ()
            asked = which, service if "service" in expression.words else ""
            if asked not in self._answers:
                self._answers[asked] = self._answer(expression, service, change_value(change, values=values))
            if self._answers[asked]:
                yield change

    def _answer(self, expression: Expression, service: str, change: Mapping[str, Any]) -> bool:
        """An error counts as a yes: the change is one that the policy denies."""
        self.evaluations += 1
        known = self.desired.services.get(service)
        values = {
            "change": change,
            "service": {
                "name": service,
                "project": self._project(service),
                "owner": known.owner if known else "",
                **self.sizes[service],
            },
            "plan": plan_value(self.plan),
        }
        try:
            return expression.holds({name: value for name, value in values.items() if name in expression.words})
        except Failed as failed:
            about = f"{change['action']} {change['kind']}/{change['name']}"
            self.error = self.error or f"{failed} (for {about} of {service})"
            return True


def _looks_at_values(text: str) -> bool:
    """Whether more of fields is looked at than which they are."""
    return bool(_VALUES.search(text) or ("fields" in text and _MARKS.search(text)))


def change_value(change: Change, *, values: bool = True) -> dict[str, Any]:
    """A change as expressions see it. What is sensitive has no values; without `values` fields are paths only, so that
    changes of one shape are the same."""
    fields: list[dict[str, Any]] = [{"path": f.path} for f in change.fields]
    if values:
        for shown, f in zip(fields, change.fields, strict=True):
            shown |= {"before": f.before, "after": f.after, "cause": f.cause, "sensitive": f.sensitive}
    return {
        "kind": change.key.kind,
        "name": change.key.name,
        "action": change.action,
        "cause": change.cause,
        "sensitive": change.sensitive,
        "fields": fields,
    }


def plan_value(plan: Plan) -> dict[str, int]:
    """A plan as expressions see it: counts of changes and hosts."""
    summary = plan.summary
    names = ("create", "update", "delete", "restart", "hosts")
    return {**{name: getattr(summary, name) for name in names}, "fleet": plan.fleet}


def _by_service(plan: Plan) -> dict[str, dict[str, list[str]]]:
    """The hosts of each program, over all batches of a service."""
    found: dict[str, dict[str, list[str]]] = {}
    for step in plan.steps:
        programs = found.setdefault(step.service, {})
        for name, hosts in step.programs.items():
            programs.setdefault(name, []).extend(hosts)
    return found


def _sizes(desired: Desired, programs: Mapping[str, Mapping[str, Sequence[str]]]) -> dict[str, dict[str, int]]:
    """How many hosts each service has, and on how many it changes."""
    return {
        service: {
            "hosts": len(desired.services[service].hosts) if service in desired.services else 0,
            "changing": sum(map(len, hosts.values())),
        }
        for service, hosts in programs.items()
    }
