"""A prober whose servers are as a test says."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from reconciler.model.rollout import Outside


def nothing_wrong(check: Outside) -> str:
    return ""


@dataclass
class SimulatedProber:
    """`says` tells what is wrong with what a check asks; `asked` are all checks that were made, oldest first."""

    says: Callable[[Outside], str] = nothing_wrong
    asked: list[Outside] = field(default_factory=list)

    def probe(self, checks: Sequence[Outside], stopping: Callable[[], bool]) -> Iterator[tuple[Outside, str]]:
        """As the port says."""
        for check in checks:
            if not stopping():
                self.asked.append(check)
                yield check, self.says(check)
