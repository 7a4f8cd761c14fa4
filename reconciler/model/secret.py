"""Secrets as planning knows them: what a reference names, and what stands for its value until a plan is applied.

Holds no value of a secret, ever, and must not know how one is had.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

Origin = Literal["sops", "vault", "file", "env"]

OPEN, CLOSE = "\ufdd0", "\ufdd1"
"""Noncharacters of Unicode, which no text is meant to hold: they enclose what stands for a secret."""
_STAND_IN = re.compile(f"{OPEN}([0-9a-f]{{32}}){CLOSE}")


@dataclass(frozen=True, slots=True)
class Secret:
    """What a reference names. `name` is the encrypted file's path in the state repository (sops, vault), a path below
    the operator's folder (file), or a variable (env); `key` leads to the value in an encrypted file, with dots.

    `token` stands for the value: it covers the reference and all that can be known of the value's version, so that
    another version is another token. `sealed` are the encrypted file's bytes.
    """

    origin: Origin
    name: str
    key: str
    token: str
    sealed: bytes = field(default=b"", repr=False)

    def __str__(self) -> str:
        """How people are told which one is meant."""
        return f"{self.origin} {self.name}" + (f" key {self.key}" if self.key else "")


def stand_in(token: str) -> str:
    """The text that stands for a secret."""
    return f"{OPEN}{token}{CLOSE}"


def tokens(text: str) -> list[str]:
    """The tokens of all that stands for secrets in a text, in order."""
    return _STAND_IN.findall(text) if OPEN in text else []


def is_sealed(text: str | None) -> bool:
    """Whether something in the text stands for a secret, so that nobody knows all of it while planning."""
    return text is not None and bool(tokens(text))


def filled(text: str, value: Callable[[str], str]) -> str:
    """The text with the value of each token in its place; what a value looks like makes no difference."""
    return _STAND_IN.sub(lambda found: value(found[1]), text)
