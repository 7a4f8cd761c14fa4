"""A host can answer anything. Whatever it is, it means something, and nothing is raised."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yaml import safe_load

from reconciler.kinds import builtin
from reconciler.kinds.base import NONSENSE
from reconciler.model.state import Absent, Present, Unknown

KINDS = builtin()
FIELDS = st.sampled_from(
    [
        "exists",
        "type",
        "text",
        "sha256",
        "keyed",
        "status",
        "versions",
        "load",
        "state",
        "line",
        "groups",
        "mode",
        "value",
    ]
)
VALUES = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), st.lists, max_leaves=4)


def example(name: str) -> tuple[str, Any]:
    """A kind's own example, as the name and spec of a resource."""
    (fields,) = safe_load(KINDS[name].example)
    return str(fields.pop(name)), KINDS[name].Spec.model_validate(fields, strict=False)


EXAMPLES = {name: example(name) for name in KINDS}


@pytest.mark.parametrize("kind", KINDS)
@given(facts=st.dictionaries(FIELDS, VALUES, max_size=6))
def test_any_answer_means_something(kind: str, facts: dict[str, Any]) -> None:
    found = KINDS[kind].observe(*EXAMPLES[kind], facts)
    assert isinstance(found, Present | Absent | Unknown)
    if isinstance(found, Present):
        assert all(isinstance(text, str) for text in found.texts.values())


def test_an_answer_without_its_fields_is_unknown() -> None:
    assert KINDS["file"].observe(*EXAMPLES["file"], {}) == Unknown(NONSENSE)
