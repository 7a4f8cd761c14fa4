"""Label selectors as users write them, exactly as Kubernetes has them. Must not know hosts."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from reconciler.core.parsing.fields import LabelKey, LabelValue, Written, fail
from reconciler.model.document import Expression, Selector


class MatchExpression(Written):
    key: LabelKey
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"]
    values: tuple[LabelValue, ...] = ()

    @model_validator(mode="after")
    def _values_fit(self) -> Self:
        takes_values = self.operator in ("In", "NotIn")
        if takes_values and not self.values:
            fail("bad-selector", f"{self.operator} has no values", "write the values: values: [web]")
        if not takes_values and self.values:
            fail("bad-selector", f"{self.operator} takes no values", "remove the values, or use In")
        return self


class SelectorForm(Written):
    """A label selector, exactly as Kubernetes has it: all of both must match."""

    match_labels: dict[LabelKey, LabelValue] = Field(default_factory=dict, description="Labels and their values.")
    match_expressions: tuple[MatchExpression, ...] = ()

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if not self.match_labels and not self.match_expressions:
            hint = "write matchExpressions with Exists on a label if you mean that"
            fail("empty-selector", "an empty selector would mean every host", hint)
        return self

    def value(self) -> Selector:
        expressions = tuple(Expression(e.key, e.operator, e.values) for e in self.match_expressions)
        return Selector(dict(self.match_labels), expressions)
