"""What a pydantic model expects at a path: the names of its fields and their descriptions. Knows types only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from reconciler.core.parsing.marks import Path


def names_at(model: type[BaseModel], path: Path) -> frozenset[str]:
    """The fields of the mapping at the path; nothing where any key will do."""
    return frozenset(name for at in _models_at([model], path) for name, _ in _fields(at))


def describe(model: type[BaseModel], path: Path, *, rule: bool = False) -> str:
    """What the field at the path is: in its own words, or with `rule` in those of its type, which say what it takes."""
    field = tuple(step for step in path if isinstance(step, str))
    if not field:
        return ""
    found = [info for at in _models_at([model], field[:-1]) for name, info in _fields(at) if name == field[-1]]
    own = [info.description or "" for info in found]
    types = [text for info in found for text in _descriptions(info.annotation)]
    return next(filter(None, [*types, *own] if rule else [*own, *types]), "")


def unshown(model: type[BaseModel]) -> frozenset[str]:
    """The fields whose values the model keeps to itself."""
    return frozenset(name for name, info in _fields(model) if not info.repr)


def _descriptions(annotation: Any) -> Iterator[str]:
    """Descriptions that annotated types bring with them."""
    for argument in get_args(annotation):
        if isinstance(argument, FieldInfo) and argument.description:
            yield argument.description
        yield from _descriptions(argument)


def _models_at(models: list[type[BaseModel]], path: Path) -> list[type[BaseModel]]:
    for step in path:
        if isinstance(step, str):
            models = [
                m for at in models for name, info in _fields(at) if name == step for m in _inside(info.annotation)
            ]
    return models


def _fields(model: type[BaseModel]) -> Iterator[tuple[str, FieldInfo]]:
    for name, info in model.model_fields.items():
        yield info.alias or name, info


def _inside(annotation: Any) -> Iterator[type[BaseModel]]:
    """Models that a type is, or holds as items or values."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _inside(argument)
