"""The comment on a pull request: verdict and counts first, then what is removed and refused, then the rest.

All text from Git or hosts is data here: it can't end a fence, a table or a fold, mention anybody, link, or hide what it
says. Must not know forges: what finds the comment again (a marker) is added by whoever posts it.
"""

from __future__ import annotations

from reconciler.core.explain.outline import last_line
from reconciler.core.proposing.proposal import Proposal
from reconciler.model.comment import Comment

LARGEST = 60_000
"""Bytes that fit into a comment everywhere: GitHub takes 65,536 characters, GitLab 1,000,000."""


def pr_comment(proposal: Proposal, project: str | None = None, limit: int = LARGEST) -> Comment:
    """The comment for one project of a pull request, in at most `limit` bytes of UTF-8 (at least 2,000).

    `project` None: all services in one comment; empty: those of no project. What finds no room is left out and
    counted, the least important first; deletes, limits and policies go last. The same proposal gives the same text,
    byte for byte, so whoever posts it can leave alone what is there already.
    """
    own = proposal.parts.own
    verdict = last_line(own)
    refused = bool(proposal.refusals)
    return Comment(
        markdown=f"**{verdict}**\n",
        summary=verdict[:140],
        changes=own.summary.changes,
        destructive=own.summary.delete > 0,
        refused=refused,
        denied=any(refusal.limit == "policy" for refusal in proposal.refusals),
        problems=len(proposal.introduced),
    )
