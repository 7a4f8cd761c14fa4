"""Whom the comments on a pull request are for: a comment for each project that it has to do with, or one for all.

Must not know forges, nor what a comment says.
"""

from __future__ import annotations

from reconciler.core.proposing.proposal import Proposal

MOST = 10
"""Comments on one pull request. One that changes more projects is better read as a whole."""


def subjects(proposal: Proposal) -> tuple[str | None, ...]:
    """The projects that get a comment each, sorted (empty: services of no project), or just None for all in one.

    A repository without projects has one comment; so has a pull request with new problems, which nobody's project
    has, and one that changes nothing.
    """
    touched = {proposal.projects.get(step.service, "") for step in proposal.parts.own.steps}
    divided = any(proposal.projects.values())
    if not divided or not touched or len(touched) > MOST or proposal.introduced:
        return (None,)
    return tuple(sorted(touched))
