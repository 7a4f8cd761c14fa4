"""What an operator decides about reaching Git. Never read from the state repository."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from reconciler.adapters.git.signed import Policy


@dataclass(frozen=True, slots=True)
class GitSettings:
    """`cache` holds the mirrors of remote repositories; this user alone should be able to write it.

    `token` (with `username`, where the forge wants a certain one) is for https. `ca_file` are certificates to
    trust beside the system's. `ssh_key` and `known_hosts` are for ssh; without them ssh uses the user's own keys or
    agent, and own known hosts. Unknown host keys are never accepted. `stall_seconds` is how long a connection
    may be silent, `fetch_seconds` how long a fetch over ssh may take. `signed` says whose commits may be used.
    """

    cache: Path
    username: str = ""
    token: str = field(default="", repr=False)
    ca_file: Path | None = None
    ssh_key: Path | None = None
    known_hosts: Path | None = None
    allow_http: bool = False
    signed: Policy | None = None
    stall_seconds: int = 20
    fetch_seconds: int = 600
