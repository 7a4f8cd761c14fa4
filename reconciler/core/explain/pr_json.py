"""A pull request's plan as one JSON document, for programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reconciler.core import instant
from reconciler.core.explain.problems import problem_documents
from reconciler.core.gate import Refusal
from reconciler.core.planning.plan_json import plan_document
from reconciler.core.proposing.proposal import Commit, Evidence, Proposal
from reconciler.model.plan import Plan, Summary

_PART = ("summary", "steps", "programs")


def pr_document(proposal: Proposal) -> dict[str, Any]:
    """All of it: `plan` is what an apply after the merge would do, the parts say why each change is in it."""
    parts = proposal.parts
    return {
        "format_version": 1,
        "base": _commit(proposal.base),
        "head": _commit(proposal.head),
        "evidence": _evidence(proposal.evidence),
        "effect": proposal.effect,
        "own": _part(parts.own),
        "pending": _part(parts.pending),
        "drift": _part(parts.drift),
        "dropped": _part(parts.dropped),
        "hosts": {"joined": list(proposal.joined), "left": list(proposal.left)},
        "problems": {
            "introduced": problem_documents(proposal.introduced),
            "fixed": problem_documents(proposal.fixed),
        },
        "refused": _refusals(proposal.refusals),
        "warnings": _refusals(proposal.warnings),
        "policies_changed": list(proposal.loosened),
        "overruled": _refusals(proposal.overruled),
        "not_now": _refusals(proposal.notes),
        "plan": plan_document(proposal.plan),
        "command": proposal.command,
    }


def _part(plan: Plan) -> dict[str, Any]:
    document = plan_document(plan)
    summary = {name: getattr(plan.summary, name) for name in Summary.__slots__ if name not in ("unchanged", "unknown")}
    return {**{name: document[name] for name in _PART}, "summary": summary}


def _commit(commit: Commit) -> dict[str, str]:
    return {"sha": commit.sha, "subject": commit.subject}


def _evidence(evidence: Evidence) -> dict[str, Any]:
    return {
        "basis": evidence.basis,
        "taken_at": instant.to_text(evidence.taken_at) if evidence.taken_at else None,
        "oldest": instant.to_text(evidence.oldest) if evidence.oldest else None,
        "asked": evidence.coverage.asked,
        "missing": evidence.coverage.missing,
    }


def _refusals(refusals: Sequence[Refusal]) -> list[dict[str, Any]]:
    return [
        {
            "limit": refusal.limit,
            "policy": refusal.subject,
            "value": refusal.value,
            "actual": refusal.actual,
            "message": refusal.message,
            "hint": refusal.hint,
            "examples": list(refusal.examples),
        }
        for refusal in refusals
    ]
