"""Decrypts what SOPS has encrypted for an age recipient. Every value and the whole file are authenticated.

The format is that of SOPS 3: values are AES-256-GCM with the path to them as associated data; the data key is encrypted
for each recipient; a MAC over all values ends it (https://getsops.io). Must not know files, nor references.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from reconciler.core.parsing.sops import NotSops, SopsFile, read_sops
from reconciler.model.errors import Stalled

_VALUE = re.compile(r"ENC\[AES256_GCM,data:(.*),iv:(.+),tag:(.+),type:(.+)\]", re.DOTALL)
# What SOPS begins the MAC with where it covers encrypted values only, so that it is never one of all values.
_ENCRYPTED_ONLY = bytes.fromhex("8a3fd2ad54ce66527b1034f3d147be0b0b975b3bf44f72c6fdadec8176f27d69")
_UNSUPPORTED = ("unencrypted_comment_regex", "encrypted_comment_regex", "shamir_threshold", "key_groups")
_PLACES = ("unencrypted_suffix", "encrypted_suffix", "unencrypted_regex", "encrypted_regex")

Path = tuple[str, ...]


def decrypted(name: str, data: bytes, identities: str) -> Mapping[str, Any]:
    """The first document of the file, its values in plain. `identities` are age's, one a line.

    Raises Stalled, with no value in it, when it can't be opened or is not what was encrypted.
    """
    try:
        file = read_sops(name, data)
    except NotSops as error:
        raise Stalled(str(error), "encrypt it with: sops encrypt") from None
    for field in _UNSUPPORTED:
        if file.metadata.get(field) not in (None, "", "0", 0):
            raise Stalled(f"it uses {field} of SOPS, which is not understood here", "encrypt it without")
    key = _data_key(file, identities)
    first: Mapping[str, Any] = _Opening(file, key).documents()[0]
    return first


def _data_key(file: SopsFile, identities: str) -> bytes:
    import pyrage  # type: ignore[import-untyped]  # it has no types

    ours = _identities(identities)
    recipients = file.metadata.get("age") or []
    if not isinstance(recipients, list) or not recipients:
        raise Stalled("it is not encrypted for any age recipient", "add one: sops rotate --add-age …")
    for recipient in recipients:
        armored = recipient.get("enc") if isinstance(recipient, dict) else None
        try:
            key: bytes = pyrage.decrypt(_unarmored(armored), ours)
        except (pyrage.DecryptError, ValueError):
            continue
        if len(key) == 32:
            return key
    raise Stalled(
        "none of the age identities of secrets.age_identity_file opens it",
        "encrypt it for the recipient of one of them too: sops updatekeys",
    )


def _identities(text: str) -> list[Any]:
    import pyrage

    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    try:
        found: list[Any] = [pyrage.x25519.Identity.from_str(line) for line in lines]
    except pyrage.IdentityError:
        # Its own words would quote the line.
        raise Stalled(
            "secrets.age_identity_file holds a line that is no age identity", "age-keygen makes one"
        ) from None
    if not found:
        raise Stalled("secrets.age_identity_file holds no identity", "age-keygen makes one")
    return found


def _unarmored(armored: Any) -> bytes:
    if not isinstance(armored, str):
        raise ValueError("no text")  # noqa: TRY004 - one reaction to all that it may be
    lines = [line.strip() for line in armored.strip().splitlines()]
    if len(lines) < 3 or lines[0] != "-----BEGIN AGE ENCRYPTED FILE-----":
        raise ValueError("not armored")
    return base64.b64decode("".join(lines[1:-1]), validate=True)


class _Opening:
    """One file being decrypted, its MAC made on the way."""

    def __init__(self, file: SopsFile, key: bytes) -> None:
        self._file = file
        self._key = key
        self._only = file.metadata.get("mac_only_encrypted") in (True, "true")
        self._mac = hashlib.sha512(_ENCRYPTED_ONLY if self._only else b"")

    def documents(self) -> list[Any]:
        found = [self._opened(document, ()) for document in self._file.documents]
        modified = _moment(self._file.metadata.get("lastmodified"))
        noted = self._decrypt(self._file.metadata.get("mac"), modified)
        if not isinstance(noted, str) or not hmac.compare_digest(noted, self._mac.hexdigest().upper()):
            raise Stalled(
                "its MAC does not fit: somebody changed the file after it was encrypted", "look at its history"
            )
        return found

    def _opened(self, value: Any, path: Path) -> Any:
        if isinstance(value, dict):
            return {name: self._opened(item, (*path, name)) for name, item in value.items()}
        if isinstance(value, list):
            return [self._opened(item, path) for item in value]
        if value is None:
            return None
        encrypted = _is_encrypted(path, self._file.metadata)
        if encrypted:
            value = self._decrypt(value, ":".join(path) + ":")
        if encrypted or not self._only:
            self._mac.update(_bytes(value))
        return value

    def _decrypt(self, value: Any, place: str) -> Any:
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        if value == "":
            return ""
        match = _VALUE.fullmatch(value) if isinstance(value, str) else None
        if match is None:
            raise Stalled(f"a value is not encrypted that should be (at {_shown(place)})", "encrypt it with sops")
        try:
            data, iv, tag = (base64.b64decode(part, validate=True) for part in match.groups()[:3])
            plain = AESGCM(self._key).decrypt(iv, data + tag, place.encode())
            return _typed(plain, match[4])
        except (InvalidTag, ValueError):
            raise Stalled(
                f"a value is not what was encrypted there (at {_shown(place)})", "look at its history"
            ) from None


def _is_encrypted(path: Path, metadata: Mapping[str, Any]) -> bool:
    """SOPS's rules about which values are left in plain, by the names on the way to them."""
    encrypted = True
    for rule in _PLACES:
        wanted = metadata.get(rule)
        if not wanted:
            continue
        found = any(_fits(rule, str(wanted), name) for name in path)
        encrypted = (encrypted and not found) if rule.startswith("un") else found
    return encrypted


def _fits(rule: str, wanted: str, name: str) -> bool:
    if rule.endswith("suffix"):
        return name.endswith(wanted)
    return _matches(wanted, name)


def _matches(pattern: str, name: str) -> bool:
    """By an engine whose time is linear, as the pattern is text from Git."""
    from pydantic_core import SchemaError, SchemaValidator, core_schema

    try:
        return SchemaValidator(core_schema.str_schema(pattern=pattern)).isinstance_python(name)
    except SchemaError:
        raise Stalled("its pattern of names to encrypt can't be used here", "encrypt it with a simpler one") from None


def _typed(plain: bytes, kind: str) -> Any:
    match kind:
        case "str" | "comment" | "time" | "bytes":
            return plain.decode()
        case "int":
            return int(plain)
        case "float":
            return float(plain)
        case "bool":
            return plain.decode() in ("True", "true", "1", "t", "T", "TRUE")
    raise ValueError("a type that SOPS does not have")


def _bytes(value: Any) -> bytes:
    """As SOPS takes a value into its MAC."""
    match value:
        case str():
            return value.encode()
        case float():
            text = format(Decimal(repr(value)), "f")
            return (text.rstrip("0").rstrip(".") if "." in text else text).encode()
        case _:
            return str(value).encode()


def _moment(text: Any) -> str:
    """In Go's form of RFC 3339, which is what the MAC is bound to."""
    try:
        datetime.fromisoformat(str(text))
    except ValueError:
        raise Stalled("its metadata has no time of its last change", "encrypt it with sops") from None
    return str(text)


def _shown(place: str) -> str:
    """A path of names as people write it; names are not secret, but anybody can write them."""
    text = place.rstrip(":").replace(":", ".")
    return "".join(c if c.isprintable() else "\ufffd" for c in text)[:80] or "the MAC"
