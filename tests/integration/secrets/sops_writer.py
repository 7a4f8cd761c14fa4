"""Encrypts as SOPS does, from its published format, so that what we read does not depend on our own reading of it.

Knows the format only from the writer's side: `ENC[…]` values, the data key for each age recipient, the MAC at the end.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from dataclasses import dataclass, field
from typing import Any

import pyrage
import yaml
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MODIFIED = "2026-11-25T12:00:00Z"


@dataclass
class Writer:
    """One file being encrypted for some age recipients. `plain_suffix` marks names whose values stay in plain."""

    recipients: list[pyrage.x25519.Recipient]
    key: bytes = field(default_factory=lambda: os.urandom(32))
    plain_suffix: str = "_unencrypted"

    def yaml(self, values: dict[str, Any]) -> bytes:
        return yaml.safe_dump(self.tree(values), sort_keys=False).encode()

    def json(self, values: dict[str, Any]) -> bytes:
        return json.dumps(self.tree(values), indent=4).encode()

    def binary(self, data: str) -> bytes:
        return self.json({"data": data})

    def dotenv(self, values: dict[str, str]) -> bytes:
        tree = self.tree(values)
        metadata = tree.pop("sops")
        flat = {"lastmodified": metadata["lastmodified"], "mac": metadata["mac"], "version": "3.11.0"}
        for number, recipient in enumerate(metadata["age"]):
            flat |= {f"age__list_{number}__map_{name}": value for name, value in recipient.items()}
        flat["unencrypted_suffix"] = self.plain_suffix
        lines = [*tree.items(), *((f"sops_{name}", value) for name, value in flat.items())]
        return "".join(f"{name}={value}\n".replace("\n", "\\n")[:-2] + "\n" for name, value in lines).encode()

    def tree(self, values: dict[str, Any]) -> dict[str, Any]:
        mac = hashlib.sha512()
        tree = {name: self._walked(value, [name], mac) for name, value in values.items()}
        digest = mac.hexdigest().upper()
        return {**tree, "sops": self._metadata(self._encrypted(digest, MODIFIED))}

    def _metadata(self, mac: str) -> dict[str, Any]:
        age = [{"recipient": str(to), "enc": _armored(pyrage.encrypt(self.key, [to]))} for to in self.recipients]
        return {
            "age": age,
            "lastmodified": MODIFIED,
            "mac": mac,
            "unencrypted_suffix": self.plain_suffix,
            "version": "3.11.0",
        }

    def _walked(self, value: Any, path: list[str], mac: Any) -> Any:
        if isinstance(value, dict):
            return {name: self._walked(item, [*path, name], mac) for name, item in value.items()}
        if isinstance(value, list):
            return [self._walked(item, path, mac) for item in value]
        mac.update(_bytes(value))
        if any(name.endswith(self.plain_suffix) for name in path):
            return value
        return self._encrypted(value, ":".join(path) + ":")

    def _encrypted(self, value: Any, place: str) -> str:
        if value == "":
            return ""
        iv = os.urandom(32)
        sealed = AESGCM(self.key).encrypt(iv, _bytes(value), place.encode())
        kind = {bool: "bool", int: "int", float: "float", str: "str"}[type(value)]
        parts = [base64.b64encode(part).decode() for part in (sealed[:-16], iv, sealed[-16:])]
        return f"ENC[AES256_GCM,data:{parts[0]},iv:{parts[1]},tag:{parts[2]},type:{kind}]"


def _bytes(value: Any) -> bytes:
    return {True: b"True", False: b"False"}[value] if isinstance(value, bool) else str(value).encode()


def _armored(data: bytes) -> str:
    text = base64.b64encode(data).decode()
    lines = [text[i : i + 64] for i in range(0, len(text), 64)]
    return "\n".join(["-----BEGIN AGE ENCRYPTED FILE-----", *lines, "-----END AGE ENCRYPTED FILE-----", ""])
