"""A program with works that can't be bundled: visits for the works that can, ordinary Ansible tasks in between.

The first visit checks everything that the host must still be, and from then on the host is held for this run until
the last one looks at it again. Replies of visits are put together to one, as if it had been one visit; the carrier
trusts it as little as any. It must not know Ansible or connections: visits and tasks are functions.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.reconciler.fleet.plugins.plugin_utils import reply

Record = dict[str, Any]
Outcome = list[Any]
Visit = Callable[[dict[str, Any]], Record]
Task = Callable[[int], Outcome]
"""Does the work of that number; its result, its message, its milliseconds."""


class Broke(Exception):
    """The connection broke at a task; says how."""


@dataclass(frozen=True)
class Plan:
    """How many works there are, the numbers of those that are ordinary tasks, and how the host is held meanwhile."""

    works: int
    ordinary: Sequence[int]
    holder: str
    hold: int


@dataclass
class _Done:
    """What is known so far."""

    plan: Plan
    outcomes: list[Outcome] = field(default_factory=list)

    def part(self, end: int, last: bool) -> dict[str, Any]:
        held = 0 if last else self.plan.hold
        return {"start": len(self.outcomes), "end": end, "holder": self.plan.holder, "hold": held}

    def failed(self) -> bool:
        return any(outcome[0] == "failed" for outcome in self.outcomes)

    def lost(self, record: Record) -> Record:
        """Contact broke. What was done before is known, and so is that something may have been."""
        if not self.outcomes:
            return record
        told = json.dumps([[number, *outcome] for number, outcome in enumerate(self.outcomes)])
        return {**record, "begun": True, "told": [told, *record.get("told", [])]}

    def answer(self, said: Record) -> Record:
        """The one reply. Works that were not begun are skipped."""
        outcomes = self.outcomes + [["skipped", "", 0]] * (self.plan.works - len(self.outcomes))
        status = "failed" if self.failed() else said.get("status")
        return {"kind": "reply", "reply": json.dumps({**said, "status": status, "outcomes": outcomes})}


def carry(plan: Plan, visit: Visit, task: Task) -> Record:
    """What came of all of it, as the record of one visit."""
    done = _Done(plan)
    for number in plan.ordinary:
        if number > len(done.outcomes) or number == plan.ordinary[0]:
            record = _visit(done, visit, number, last=False)
            if record is not None:
                return record
        try:
            done.outcomes.append(task(number))
        except Broke as error:
            return done.lost({**reply.broken(str(error), 255), "begun": True})
        if done.failed():
            break
    end = len(done.outcomes) if done.failed() else plan.works
    record = _visit(done, visit, end, last=True)
    assert record is not None
    return record


def _visit(done: _Done, visit: Visit, end: int, last: bool) -> Record | None:
    """The record with which everything ends here; None when it goes on."""
    begun = bool(done.outcomes)
    record = visit(done.part(end, last))
    if record["kind"] != "reply":
        return done.lost(record)
    said = reply.parsed(record["reply"])
    match said.get("status"):
        case "done" | "failed" if isinstance(said.get("outcomes"), list):
            done.outcomes += said["outcomes"]
            return done.answer(said) if last or said["status"] == "failed" else None
        case "refused" if begun:
            return done.lost({**reply.broken(f"the host did not go on: {said.get('reason')}", 0), "begun": True})
        case _:
            return record
