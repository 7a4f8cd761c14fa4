"""A pull request's plan as people read it, for one project: how far it reaches, what the gate says, how sure it is.

Pieces of text that the terminal and the comment share. Must not know either's form.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from reconciler.core.explain.outline import Section, sections
from reconciler.core.gate import Refusal
from reconciler.core.proposing.parts import of_services
from reconciler.core.proposing.proposal import Evidence, Proposal
from reconciler.core.words import ago, counted
from reconciler.model.key import Key
from reconciler.model.plan import Blocked, Plan
from reconciler.model.problem import Problem, errors


@dataclass(frozen=True, slots=True)
class Outline:
    """What of a proposal is told for a project. `own`, `pending`, `drift` and `dropped` as in `Parts`."""

    proposal: Proposal
    project: str | None
    own: Plan
    pending: Plan
    drift: Plan
    dropped: Plan
    blocked: tuple[Blocked, ...]

    @property
    def sections(self) -> list[Section]:
        """The services that the pull request changes: those that lose something first, then by hosts."""
        return sorted(sections(self.own), key=lambda s: (not deletes_of(s), -len(s.hosts), s.service))

    @property
    def expected(self) -> list[Key]:
        """What is changed, of which it is not known on all hosts how it is."""
        keys = {change.key for program in self.own.programs.values() for change in program.changes}
        return sorted(keys & self.proposal.expected)

    @property
    def mended(self) -> list[str]:
        """Hosts on which a change of the pull request also undoes what somebody changed there."""
        drifting = {
            name
            for name, program in self.own.programs.items()
            if any(field.cause == "drift" for change in program.changes for field in change.fields)
        }
        return sorted(
            {h for step in self.own.steps for name in drifting & step.programs.keys() for h in step.programs[name]}
        )

    @property
    def deletes(self) -> int:
        return self.own.summary.delete

    @property
    def mistakes(self) -> list[Problem]:
        """The errors that it brings."""
        return errors(self.proposal.introduced)


def outline(proposal: Proposal, project: str | None) -> Outline:
    """What is told for a project (None: everything; empty: services of no project, and those nobody knows it of)."""
    wanted: Callable[[str], bool] = lambda service: (  # noqa: E731 - it is passed on four times
        project is None or proposal.projects.get(service, "") == project
    )
    parts = proposal.parts
    own, pending, drift, dropped = (
        of_services(part, wanted) if project is not None else part
        for part in (parts.own, parts.pending, parts.drift, parts.dropped)
    )
    blocked = tuple(item for item in proposal.plan.blocked if not item.service or wanted(item.service))
    return Outline(proposal, project, own, pending, drift, dropped, blocked)


def deletes_of(section: Section) -> int:
    """How many resources on hosts a service loses."""
    return sum(
        len(part.hosts) for part in section.parts for change in part.example.changes if change.action == "delete"
    )


def verdict(found: Outline) -> str:
    """`2 services change on 12,431 hosts, nothing is deleted`."""
    summary, services = found.own.summary, len({step.service for step in found.own.steps})
    if not summary.changes:
        return "nothing changes on hosts"
    where = f"for {counted(summary.hosts, 'host')}" if found.proposal.evidence.basis == "none" else ""
    where = where or f"on {counted(summary.hosts, 'host')}"
    verb = "changes" if services == 1 else "change"
    lost = f"{counted(summary.delete, 'thing')} deleted" if summary.delete else "nothing is deleted"
    return f"{counted(services, 'service')} {verb} {where}, {lost}"


def gate_words(proposal: Proposal) -> str:
    """`limits ok · policies ok`, or `would be refused: deletes 40 > 10, policy no-deletes`. Policies are not ok where
    one is no hindrance only because the pull request changes it."""
    if broken := [_figure(refusal) for refusal in proposal.refusals]:
        return f"would be refused: {', '.join(broken)}"
    if proposal.overruled:
        return f"limits ok · changes {counted(len(proposal.overruled), 'policy', 'policies')} that would deny it"
    if warnings := len(proposal.warnings):
        return f"limits ok · {counted(warnings, 'warning')} of policies"
    return "limits ok · policies ok" if proposal.desired.policies else "limits ok"


def _figure(refusal: Refusal) -> str:
    if refusal.subject:
        return f"{refusal.limit} {refusal.subject}"
    sign = "<" if refusal.actual < refusal.value else ">"
    share = isinstance(refusal.value, float) and refusal.value <= 1 and refusal.actual <= 1
    actual, value = (
        (f"{refusal.actual:.0%}", f"{refusal.value:.0%}") if share else (f"{refusal.actual:,g}", f"{refusal.value:,g}")
    )
    return f"{refusal.limit} {actual} {sign} {value}"


def reach(found: Outline, section: Section) -> str:
    """How far a service's change goes: `12,431 (99% of the fleet, 3 sites)`."""
    fleet = found.own.fleet
    parts = [share(len(section.hosts), fleet)] if fleet > 1 else []
    if domains := _domains(found, section):
        parts.append(domains)
    return f"{len(section.hosts):,}" + (f" ({', '.join(parts)})" if parts else "")


def _domains(found: Outline, section: Section) -> str:
    """How many values the hosts have of the label that is to be kept apart."""
    desired = found.proposal.desired
    service = desired.services.get(section.service)
    label = service.rollout.failure_domain if service else ""
    if not label:
        return ""
    values = {desired.hosts[host].labels.get(label, "") for host in section.hosts if host in desired.hosts}
    return counted(len(values), label.rpartition("/")[2])


def share(hosts: int, fleet: int) -> str:
    """`99% of the fleet`; less than one percent is not nothing."""
    percent = 100 * hosts / fleet
    said = "all" if hosts == fleet else f"{percent:.0f}%" if percent >= 1 else f"{percent:.1g}%"
    return f"{said} of the fleet"


def evidence_line(evidence: Evidence) -> str:
    """How sure it is: `observed 12,480 of 12,500 hosts, oldest 6 min ago`."""
    if evidence.basis == "none":
        return "compared two states of Git only: nothing is known of hosts"
    seen = evidence.coverage
    said = f"observed {seen.asked - seen.missing:,} of {counted(seen.asked, 'host')}"
    if evidence.oldest:
        said += f", oldest {ago(evidence.oldest, evidence.now)}"
    if evidence.basis == "snapshot":
        said += f", by a snapshot taken {ago(evidence.taken_at, evidence.now)}"
    return said
