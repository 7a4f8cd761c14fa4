"""A file that SOPS has encrypted, as far as it can be read without a key: names, ciphertexts, who can open it.

The format is SOPS's own: YAML, JSON or dotenv with a part named `sops`; anything else is JSON with the text in `data`.
Must not know how anything is decrypted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.core.parsing.limits import DEFAULT, Limits
from reconciler.core.parsing.yaml import read
from reconciler.core.quote import did_you_mean, quote

_METADATA = "sops"
_FLAT = "sops_"
VAULT = b"$ANSIBLE_VAULT;"
"""What a file begins with that ansible-vault has encrypted; nothing of it can be read without the password."""
WHOLE = "data"
"""The name of the only value of a file that has no names of its own."""


class NotSops(Exception):
    """The file is not what SOPS writes, or has not the value; says why."""


@dataclass(frozen=True, slots=True)
class SopsFile:
    """`documents` are mappings of names to values, still encrypted; `metadata` is what SOPS notes about the file."""

    documents: tuple[Mapping[str, Any], ...]
    metadata: Mapping[str, Any]
    named: bool


def read_sops(path: str, data: bytes, limits: Limits = DEFAULT) -> SopsFile:
    """The file. Raises NotSops."""
    kind = path.rpartition(".")[2].lower()
    if kind == "env":
        return _dotenv(data)
    raw = read(path, data, limits)
    problem = raw.problem or next((p for document in raw.documents for p in document.problems), None)
    if problem is not None:
        raise NotSops(f"it can't be read: {problem.message} (line {problem.place.line})")
    documents = [document.value for document in raw.documents]
    if not documents or not all(isinstance(document, dict) for document in documents):
        raise NotSops("it is not encrypted with SOPS")
    if not is_sops(documents[0]):
        raise NotSops("it is not encrypted with SOPS: it has no part named sops")
    metadata = documents[0][_METADATA]
    kept = tuple({name: value for name, value in d.items() if name != _METADATA} for d in documents)
    return SopsFile(kept, metadata, kind in ("yaml", "yml", "json"))


def is_sops(value: Any) -> bool:
    """Whether a document looks like one that SOPS has encrypted."""
    metadata = value.get(_METADATA) if isinstance(value, dict) else None
    return isinstance(metadata, dict) and "mac" in metadata


def _dotenv(data: bytes) -> SopsFile:
    values: dict[str, Any] = {}
    metadata: dict[str, Any] = {}
    try:
        lines = data.decode().split("\n")
    except UnicodeDecodeError:
        raise NotSops("it is not UTF-8 text") from None
    for line in lines:
        name, equals, value = line.partition("=")
        if not line or line.startswith("#"):
            continue
        if not equals:
            raise NotSops("a line is neither NAME=value nor a comment")
        place = metadata if name.startswith(_FLAT) else values
        place[name.removeprefix(_FLAT) if place is metadata else name] = value.replace("\\n", "\n")
    if "mac" not in metadata:
        raise NotSops("it is not encrypted with SOPS: it has no sops_mac")
    return SopsFile((values,), _unflattened(metadata), named=True)


def _unflattened(flat: Mapping[str, Any]) -> dict[str, Any]:
    """`age__list_0__map_enc` is the field `enc` of the first item of `age`; other lists are not looked at."""
    found: dict[str, Any] = {name: value for name, value in flat.items() if "__list_" not in name}
    recipients: dict[str, dict[str, Any]] = {}
    for name, value in flat.items():
        group, _, rest = name.partition("__list_")
        if group == "age":
            number, _, field = rest.partition("__map_")
            recipients.setdefault(number, {})[field] = value
        elif rest:
            found.setdefault(group, []).append(value)
    return found | ({"age": list(recipients.values())} if recipients else {})


def ciphertext(file: SopsFile, key: str) -> str:
    """The encrypted value at a key (empty: the whole of a file without names). Raises NotSops when it isn't there."""
    if file.named and not key:
        raise NotSops("the reference names no key; the file has several values")
    if not file.named and key:
        raise NotSops("the file has no keys: it is one text; take the key out of the reference")
    value = at(file.documents[0], key or WHOLE)
    if not isinstance(value, str) or not value.startswith("ENC["):
        raise NotSops(f"the value at {quote(key)} is not encrypted")
    return value


def at(values: Any, key: str) -> Any:
    """The value at a key, which has a dot before each further step. Raises NotSops when it isn't there."""
    steps = key.split(".")
    for number, step in enumerate(steps):
        if isinstance(values, dict) and step in values:
            values = values[step]
        elif isinstance(values, list) and step.isdecimal() and int(step) < len(values):
            values = values[int(step)]
        else:
            near = did_you_mean(step, values) if isinstance(values, dict) else ""
            where = ".".join(steps[:number])
            raise NotSops(
                f"there is no {quote(step)}" + (f" in {where}" if where else "") + (f"; {near}" if near else "")
            )
    return values
