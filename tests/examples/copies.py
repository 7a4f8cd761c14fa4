"""Copies of the examples as Git repositories, their hosts put somewhere else than the addresses that nobody has."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.command_line import ROOT, commit

EXAMPLES = sorted(path.parent for path in (ROOT / "examples").glob("*/hosts.yaml"))
DOCUMENTATION = "192.0.2.1"
"""Addresses reserved for documentation (RFC 5737), the host's number behind it."""


def documents(folder: Path) -> list[tuple[Path, Any]]:
    """Every YAML document below the folder, with its file."""
    files = sorted(folder.rglob("*.yaml"))
    return [(file, document) for file in files for document in yaml.safe_load_all(file.read_text())]


def copy(example: Path, folder: Path) -> Path:
    """As it is, in a repository of its own."""
    shutil.copytree(example, folder)
    commit(folder, f"The example {example.name}")
    return folder


def copy_here(example: Path, folder: Path) -> Path:
    """With this very computer as each of its hosts, as whoever runs the test."""
    reached_by_ssh = r"(spec: \{address: 192\.0\.2\.1\d), user: ops, become: true"
    return _rewritten(example, folder, reached_by_ssh, r"\1, connection: local")


def copy_onto(example: Path, folder: Path, addresses: Sequence[str], port: int) -> Path:
    """With the first machine as 192.0.2.11 and so on, everywhere that an address is named."""
    copied = _rewritten(example, folder, r"(spec: \{address: 192\.0\.2\.1\d)", rf"\1, port: {port}")
    for number, address in enumerate(addresses, start=1):
        for file in copied.rglob("*.yaml"):
            file.write_text(file.read_text().replace(f"{DOCUMENTATION}{number}", address))
    commit(copied, "The lab's addresses")
    return copied


def _rewritten(example: Path, folder: Path, pattern: str, replacement: str) -> Path:
    shutil.copytree(example, folder)
    hosts = folder / "hosts.yaml"
    text, count = re.subn(pattern, replacement, hosts.read_text())
    assert count == text.count("kind: Host"), f"not every host of {example.name} was rewritten"
    hosts.write_text(text)
    commit(folder, f"The example {example.name}")
    return folder
