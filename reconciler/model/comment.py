"""What is said on a pull request: the text, and the facts that labels and a commit's status are made of.

Must not know forges, nor how the text is made.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Comment:
    """The body of a comment, in Markdown that ends with a line break, and what stands in it.

    `summary` is one line of at most 140 characters without markup or control characters, for a commit's status.
    `changes` counts changes that the pull request itself brings, on all hosts; `destructive`: some of them delete.
    `refused`: the gate would not let the plan run without somebody's word; `denied`: a policy is among the reasons.
    `problems` counts errors in documents that the pull request brings. `cut`: not all of it found room.
    """

    markdown: str
    summary: str
    changes: int
    destructive: bool
    refused: bool
    denied: bool
    problems: int
    cut: bool = False

    @property
    def fails(self) -> bool:
        """Whether a commit's status made of it is a failure: merged so, nothing of it could be applied, or a part of
        the repository could not be used."""
        return self.refused or self.problems > 0
