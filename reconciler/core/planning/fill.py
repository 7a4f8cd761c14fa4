"""Puts the values of secrets where something stood for them, at the last moment: when payloads are made.

Must not know how a value is had: that is asked of whoever makes the payloads. No value is in anything that it raises.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from reconciler.kinds import Registry
from reconciler.model.desired import Resource
from reconciler.model.key import Key
from reconciler.model.secret import filled, is_sealed


class Withheld(Exception):
    """A resource can't be applied, as a secret in it can't be had. `reason` says which and why, with no value in it."""

    def __init__(self, key: Key, reason: str) -> None:
        super().__init__(reason)
        self.key = key
        self.reason = reason


class Unopened(Exception):
    """A secret can't be had; the text says which and why."""


@dataclass(frozen=True, slots=True)
class Fill:
    """`value` gives a secret's value by its token, or raises Unopened."""

    registry: Registry
    value: Callable[[str], str]

    def spec(self, resource: Resource) -> Any:
        """The resource's spec with every secret in its place. Raises Withheld."""
        spec: Any = resource.spec
        seals = self.registry[resource.key.kind].seals
        texts = {name: getattr(spec, name, None) or "" for name in seals}
        sealed = {name: text for name, text in texts.items() if is_sealed(text)}
        if not sealed:
            return spec
        try:
            values = {name: filled(text, self.value) for name, text in sealed.items()}
            return type(spec).model_validate({**spec.model_dump(by_alias=True), **values}, strict=False)
        except Unopened as error:
            raise Withheld(resource.key, str(error)) from None
        except ValidationError as error:
            # Pydantic's own words would quote the value.
            field = ".".join(map(str, error.errors(include_input=False, include_context=False)[0]["loc"]))
            raise Withheld(resource.key, f"the value of the secret is not what `{field}` takes") from None
