"""The reference of kinds: what stands on its pages, and that every example on them is valid."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
import yaml
from pydantic import Field, TypeAdapter

from reconciler.core.reference import reference
from reconciler.kinds import Kind, builtin
from reconciler.kinds.base import COMMON, Spec

KINDS = builtin()


class CakeSpec(Spec):
    sugar: int = Field(description="In grams | or more.")
    glaze: str | None = Field(None, description="What is on top.")
    layers: tuple[str, ...] = Field((), description="From below.")
    warm: bool = Field(False, description="Served so.")
    price: dict[str, int] = Field({}, description="By country.")


class Cake(Kind[CakeSpec]):
    name = "cake"
    Spec = CakeSpec
    summary = "A cake."
    example = "- cake: birthday\n  sugar: 3\n"
    on_delete = "It is eaten."
    secret: ClassVar[frozenset[str]] = frozenset({"glaze"})
    query = wanted = interpret = calls = lambda self, *_: None


PAGE = """\
# cake

A cake.

## Example

```yaml
- cake: birthday
  sugar: 3
```

## Fields

| field | type | default | meaning |
| --- | --- | --- | --- |
| `sugar` | number | required | In grams \\| or more. |
| `glaze` | text | none | What is on top. |
| `layers` | list of text | none | From below. |
| `warm` | true or false | `false` | Served so. |
| `price` | mapping to number | none | By country. |

## On the host

| when | what happens |
| --- | --- |
| absent | It is created. |
| present but different | The fields that differ are changed, the others are left alone. |
| unknown | It is left alone, and what requires it waits. |
| gone from Git | It is eaten. |
| shown | Never shown: `glaze`. |
| host is a directory (`root`) | No: it needs a real machine. |
"""


def test_a_page_says_all_that_the_kind_does() -> None:
    pages = reference({"cake": Cake()})
    own, _, common = pages["cake"].partition("\n## Fields of every resource\n")
    assert own == PAGE
    assert [name for name in sorted(COMMON) if f"| `{name}` |" not in common] == []
    assert "| [`cake`](cake.md) | A cake. |" in pages["index"]


def test_there_is_a_page_for_each_kind() -> None:
    assert set(reference(KINDS)) == {*KINDS, "index"}


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_every_kind_is_documented(kind: Kind[Any]) -> None:
    assert kind.summary.endswith(".")
    page = reference({kind.name: kind})[kind.name]
    undescribed = [line for line in page.splitlines() if line.startswith("| `") and line.endswith("|  |")]
    assert undescribed == []


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_every_example_is_valid(kind: Kind[Any]) -> None:
    (entry,) = yaml.safe_load(kind.example)
    name = entry.pop(kind.name)
    assert TypeAdapter(kind.Name).validate_python(name) == name
    assert kind.Spec.model_validate(entry)


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_no_field_has_the_name_of_its_kind(kind: Kind[Any]) -> None:
    """A resource is written `- <kind>: <name>`, so such a field could not be written beside it."""
    names = {field.alias or name for name, field in kind.Spec.model_fields.items()}
    assert kind.name not in names
