"""The `Secrets` port: from a reference to a value, by where it comes from. One for each run; let go at its end.

No value, and nothing that could hold one, is ever in what it raises.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from typing import Any, assert_never

from reconciler.adapters.secrets import sops, vault
from reconciler.adapters.secrets.settings import LARGEST, SecretsSettings, private_text
from reconciler.core.parsing.limits import DEFAULT
from reconciler.core.parsing.sops import NotSops, at
from reconciler.core.parsing.yaml import read
from reconciler.model.errors import Stalled
from reconciler.model.secret import Secret


class Keyring:
    """Opens secrets with what the operator gave. Each encrypted file is decrypted once; `decrypted` counts."""

    def __init__(self, settings: SecretsSettings) -> None:
        self._settings = settings
        self._files: dict[tuple[str, bytes], Any] = {}
        self.decrypted = 0

    def value(self, secret: Secret) -> str:
        """See `ports.Secrets`."""
        match secret.origin:
            case "sops":
                return _text(_at(self._opened(secret, self._sops), secret.key or "data"))
            case "vault":
                return self._of_vault(secret)
            case "file":
                return self._of_file(secret.name)
            case "env":
                return self._of_environment(secret.name)
            case other:
                assert_never(other)

    def _opened(self, secret: Secret, opening: Callable[[Secret], Any]) -> Any:
        known = (secret.name, secret.sealed)
        if known not in self._files:
            self.decrypted += 1
            self._files[known] = opening(secret)
        return self._files[known]

    def _sops(self, secret: Secret) -> Any:
        identities = private_text("age_identity_file", self._settings.age_identity_file)
        return sops.decrypted(secret.name, secret.sealed, identities)

    def _vault(self, secret: Secret) -> str:
        private_text("vault_password_file", self._settings.vault_password_file)
        assert self._settings.vault_password_file is not None
        return vault.decrypted(secret.sealed, self._settings.vault_password_file)

    def _of_vault(self, secret: Secret) -> str:
        plain: str = self._opened(secret, self._vault)
        if not secret.key:
            return plain
        raw = read(secret.name, plain.encode(), DEFAULT)
        if raw.problem or not raw.documents or any(document.problems for document in raw.documents):
            # What is wrong with it would be told in its words.
            raise Stalled("what is in the file is not the YAML that a key can lead into", "decrypt it and look")
        return _text(_at(raw.documents[0].value, secret.key))

    def _of_file(self, name: str) -> str:
        folder = self._settings.file_folder
        if folder is None:
            raise Stalled("secrets.file_folder is not set, so no file may be had", "set it, or put the secret into Git")
        top, path = folder.resolve(), (folder / name).resolve()
        if not path.is_relative_to(top):
            raise Stalled("it leads out of secrets.file_folder", "put the file itself there")
        try:
            # Without waiting: a pipe in the place of a file would never end.
            with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    raise Stalled("it is not a file", "put a file there")
                data = file.read(LARGEST + 1)
        except OSError as error:
            raise Stalled(f"it can't be read: {error.strerror}", f"look at {folder}") from None
        if len(data) > LARGEST:
            raise Stalled(f"it is larger than {LARGEST:,} bytes", "a secret is a short text")
        try:
            text = data.decode()
        except UnicodeDecodeError:
            raise Stalled("it is not UTF-8 text", "write it as text, base64 for instance") from None
        return text.removesuffix("\n")

    def _of_environment(self, name: str) -> str:
        if name not in self._settings.variables:
            raise Stalled(
                "the variable is not set, or secrets.env_allow does not name it", f"add {name} there, and set it"
            )
        return self._settings.variables[name]


def _at(values: Any, key: str) -> Any:
    try:
        return at(values, key)
    except NotSops as error:
        # It names keys, not values.
        raise Stalled(str(error), "correct the key") from None


def _text(value: Any) -> str:
    match value:
        case str():
            return value
        case bool():
            return str(value).lower()
        case int() | float():
            return str(value)
        case _:
            raise Stalled("the key leads to no single value", "let it lead to a text")
