"""The key that keyed digests of secrets on hosts are made with, in a file that only its owner can read."""

from __future__ import annotations

import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

from reconciler.model.errors import Stalled

_SIZE = 32


@dataclass(frozen=True, slots=True)
class KeyFile:
    """Without the file, it is made. If it is lost, or another one is in its place, every file with a secret in it is
    written to its hosts once more."""

    path: Path

    def key(self) -> bytes:
        """32 bytes. Raises Stalled when the file can't be made or read, or others can read it."""
        try:
            return self._read()
        except FileNotFoundError:
            self._make()
        try:
            return self._read()
        except OSError as error:
            raise self._stalled(error.strerror or "it is gone") from None

    def _read(self) -> bytes:
        try:
            with self.path.open("rb") as file:
                mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
                data = file.read(_SIZE + 1)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise self._stalled(error.strerror or "it can't be read") from None
        if mode & 0o077:
            raise Stalled(f"others can read {self.path} (mode {mode:04o})", f"chmod 600 {self.path}")
        if len(data) != _SIZE:
            raise self._stalled(f"it has {len(data)} bytes, not {_SIZE}")
        return data

    def _make(self) -> None:
        """Whole or not at all; if two make it, both take the first one's."""
        new = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(secrets.token_bytes(_SIZE))
                file.flush()
                os.fsync(file.fileno())
            try:
                os.link(new, self.path)
            except FileExistsError:
                pass
            finally:
                new.unlink()
        except OSError as error:
            raise self._stalled(error.strerror or "it can't be made") from None

    def _stalled(self, why: str) -> Stalled:
        return Stalled(
            f"the key of keyed digests {self.path}: {why}",
            "correct it, or remove it: then files with secrets are written to hosts once more",
        )
