"""Policies as users write them. Parsed here, judged in `core.gate.policies`.

Must not know other documents, nor plans.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from reconciler.core.expression import LONGEST, Failed, compiled
from reconciler.core.parsing.fields import Name, Written, fail
from reconciler.core.parsing.selector import SelectorForm

SAMPLE = {
    "change": {
        "kind": "file",
        "name": "/etc/motd",
        "action": "update",
        "cause": "pending",
        "sensitive": False,
        "fields": [{"path": "mode", "before": "0644", "after": "0600", "cause": "pending", "sensitive": False}],
    },
    "service": {"name": "edge", "project": "web", "owner": "team-web", "hosts": 12, "changing": 3},
    "plan": {"create": 1, "update": 1, "delete": 0, "restart": 0, "hosts": 3, "fleet": 12},
}
"""What an expression sees: one of each."""
_EXAMPLE = 'write it as in: change.kind == "file" && change.action == "delete"'


def _expression(value: str) -> str:
    try:
        expression = compiled(value)
    except Failed as error:
        fail("bad-expression", f"the expression can't be read: {error}", _EXAMPLE)
    try:
        expression.holds(SAMPLE)
    except Failed as error:
        # That this change has no such field says nothing; a name that nothing ever has does.
        if str(error).startswith(("Undefined variable", "it gives")):
            hint = f"it sees change, service and plan; {_EXAMPLE}"
            fail("bad-expression", f"the expression has no answer: {error}", hint)
    return value


Names = Annotated[tuple[Name, ...], Field(max_length=1000)]


class PolicySpec(Written):
    effect: Literal["deny", "warn"] = Field(description="Whether a plan with such a change is refused, or told of.")
    message: str = Field(min_length=1, max_length=1000, description="Why, and what to do instead; shown with the plan.")
    when: Annotated[
        str,
        AfterValidator(_expression),
        Field(
            max_length=LONGEST,
            description="An expression in CEL, true for the changes that it is about. Sees change, service, plan.",
            json_schema_extra={"examples": ['change.action == "delete" && change.kind == "file"']},
        ),
    ]
    hosts: SelectorForm | None = Field(None, description="Only changes on these hosts. Left out: on all.")
    services: Names = Field((), description="The services that it is for. Neither these nor projects: all.")
    projects: Names = Field((), description="The projects whose services it is for.")
    approvable: bool = Field(True, description="Whether an approval of the plan lifts it (deny only).")
