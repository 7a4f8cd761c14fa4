"""The brake: a file beside the store that says that everything is paused. Needs no database, and none can lift it.

Must not know what is paused by it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import orjson

from reconciler.core.instant import from_text, to_text
from reconciler.model.errors import Stalled
from reconciler.model.order import Order


@dataclass(frozen=True, slots=True)
class FileBrake:
    """`path` is the file; that it is there is what counts, not what it says."""

    path: Path

    def pulled(self) -> Order | None:
        """The pause that holds. One that can't be read holds too."""
        try:
            data = self.path.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            return _unknown(f"{self.path} can't be read: {error.strerror}")
        try:
            said = orjson.loads(data)
            return Order("pause", str(said["who"]), str(said["why"]), from_text(said["at"]))
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            return _unknown(f"the file {self.path} is there")

    def pull(self, pause: Order) -> None:
        """Raises Stalled when it can't be kept."""
        data = orjson.dumps({"who": pause.who, "why": pause.why, "at": to_text(pause.at)})
        new = self.path.with_name(self.path.name + ".new")
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            new.replace(self.path)
        except OSError as error:
            raise Stalled(
                f"the pause can't be kept in {self.path}: {error.strerror}",
                f"stop the daemon instead (systemctl stop reconciler), or make the file by hand: touch {self.path}",
            ) from None

    def release(self) -> bool:
        """Whether there was one. Raises Stalled when it can't be lifted."""
        try:
            self.path.unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise Stalled(f"{self.path} can't be removed: {error.strerror}", "remove the file by hand") from None
        return True


def _unknown(why: str) -> Order:
    return Order("pause", "somebody", why, datetime.fromtimestamp(0, UTC))
