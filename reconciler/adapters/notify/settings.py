"""What the channels are, with their secrets already read."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from reconciler.adapters.outward.address import Allowed


@dataclass(frozen=True, slots=True)
class WebhookTarget:
    """Gets each notice as a CloudEvent, signed with the secret."""

    url: str
    secret: bytes = field(repr=False)
    allowed: Allowed
    ca_file: Path | None = None
    timeout: float = 10


@dataclass(frozen=True, slots=True)
class AppriseTarget:
    """Gets messages for people by apprise. The address has a secret in it, mostly."""

    url: str = field(repr=False)


Target: TypeAlias = WebhookTarget | AppriseTarget
