"""Secrets in templates: a thing that can be put somewhere in a text and is good for nothing else.

Nobody knows a secret while planning. A template that would do more with it than place it fails, and so does one whose
text holds what only stands for a secret, or what is left of it. Must not know kinds or hosts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from jinja2.exceptions import SecurityError

from reconciler.core.parsing.secret import (
    OperatorsFile,
    Reference,
    Sops,
    Vault,
    is_reference,
    reference_of,
    references_in,
)
from reconciler.core.parsing.sops import VAULT, NotSops, ciphertext, read_sops
from reconciler.model.digest import digest, text_digest
from reconciler.model.secret import CLOSE, OPEN, Secret, filled, stand_in, tokens


class Opaque:
    """What a template gets for a secret. Its text is the stand-in."""

    __slots__ = ("_token", "_trouble")

    def __init__(self, token: str, trouble: str = "") -> None:
        self._token = token
        self._trouble = trouble

    def __str__(self) -> str:
        if self._trouble:
            raise SecurityError(self._trouble)
        return stand_in(self._token)

    def _unknown(self, *_: object) -> Any:
        raise SecurityError("nobody knows a secret while planning: it can be placed in a text, not looked at")

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __bool__ = __len__ = __iter__ = __contains__ = _unknown
    __add__ = __radd__ = __mul__ = __rmul__ = __mod__ = __int__ = __float__ = __hash__ = _unknown
    __getitem__ = _unknown


class Unsealed(Exception):
    """A text does with secrets what it may not; says what."""


def checked(text: str, allowed: frozenset[str]) -> str:
    """The text, if all that stands for secrets in it is whole and of those allowed. Raises Unsealed."""
    if any(token not in allowed for token in tokens(text)):
        raise Unsealed("the text holds what stands for a secret elsewhere")
    if allowed:
        rest = filled(text, lambda _: "").casefold()
        if OPEN in rest or CLOSE in rest or any(token in rest for token in allowed):
            raise Unsealed("a template may only place a secret, not change it with a filter or function")
    return text


@dataclass(slots=True)
class Sealer:
    """Replaces references in vars by what templates get for them. `secrets` are all that were met, by token.

    `read` gives the bytes of a file of the repository by its path, None if there is none.
    """

    read: Callable[[str], bytes | None]
    secrets: dict[str, Secret] = field(default_factory=dict)
    _sealed: dict[int, tuple[Mapping[str, Any], Mapping[str, Any], frozenset[str]]] = field(default_factory=dict)
    _known: dict[str, Secret | str] = field(default_factory=dict)

    def sealed(self, variables: Mapping[str, Any]) -> tuple[Mapping[str, Any], frozenset[str]]:
        """The vars with nothing but stand-ins for secrets, and the tokens in them. Worked out once for each mapping."""
        known = self._sealed.get(id(variables))
        if known is None:
            met: set[str] = set()
            has = any(True for _ in references_in(variables))
            made = {name: self._value(value, met) for name, value in variables.items()} if has else variables
            # Holding the mapping keeps its id its own.
            known = self._sealed[id(variables)] = (variables, made, frozenset(met))
        return known[1], known[2]

    def troubles(self, variables: Mapping[str, Any]) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """References that lead nowhere: the path to each in the vars, and why."""
        for path, reference in references_in(variables):
            found = self._secret(reference)
            if isinstance(found, str):
                yield path, found

    def _value(self, value: Any, met: set[str]) -> Any:
        if is_reference(value):
            found = self._secret(value)
            if isinstance(found, str):
                return Opaque("", found)
            met.add(found.token)
            return Opaque(found.token)
        if isinstance(value, dict):
            return {key: self._value(item, met) for key, item in value.items()}
        return [self._value(item, met) for item in value] if isinstance(value, list) else value

    def _secret(self, value: Mapping[str, Any]) -> Secret | str:
        known = digest(dict(value))
        if known not in self._known:
            reference = reference_of(value)
            found = self._found(reference) if reference else "this reference to a secret is not well formed"
            self._known[known] = found
            if isinstance(found, Secret):
                self.secrets[found.token] = found
        return self._known[known]

    def _found(self, reference: Reference) -> Secret | str:
        match reference:
            case Sops() | Vault():
                return self._in_repository(reference)
            case OperatorsFile():
                return _secret(Secret("file", reference.path, "", ""), str(reference.version))
            case _:
                return _secret(Secret("env", reference.name, "", ""), str(reference.version))

    def _in_repository(self, reference: Sops | Vault) -> Secret | str:
        data = self.read(reference.file)
        if data is None:
            return f"there is no file {reference.file} in the repository that can be read"
        key = reference.key or ""
        found = Secret(reference.from_, reference.file, key, "", data)
        if isinstance(reference, Vault):
            if not data.startswith(VAULT):
                return f"{reference.file} is not encrypted with ansible-vault"
            return _secret(found, text_digest(data))
        try:
            # Another value of the same file doesn't make this one another.
            return _secret(found, ciphertext(read_sops(reference.file, data), key))
        except NotSops as error:
            return f"{reference.file}: {error}"


def _secret(found: Secret, version: str) -> Secret:
    token = digest([found.origin, found.name, found.key, version])
    return Secret(found.origin, found.name, found.key, token, found.sealed)
