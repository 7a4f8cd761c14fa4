"""The slice of an inventory that one run of Ansible gets: synthetic names, and a few typed settings for each host.

Pure. Ansible treats inventory values as templates, so a value gets in only if its form leaves no room for one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from reconciler.model.desired import Host

_ADDRESS = re.compile(r"[A-Za-z0-9_:\[][A-Za-z0-9_.:%\[\]-]{0,252}")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._@-]{0,63}")


class Unreachable(Exception):
    """The host can't be reached with what is said about it; says what is wrong."""


def name(number: int) -> str:
    """What the host is called within one run: h000001 and so on."""
    return f"h{number:06d}"


def address(host: Host) -> str:
    """Where the host is: its address, or its name."""
    return host.address or host.name


def variables(host: Host, default_user: str) -> dict[str, Any]:
    """Ansible's connection variables for a host. Raises Unreachable."""
    given: dict[str, Any] = {"ansible_connection": host.connection}
    if host.become:
        given |= {"ansible_become": True, "ansible_become_method": "sudo", "ansible_become_user": "root"}
    if host.connection == "local":
        return given
    if host.root:
        raise Unreachable("only a host with a local connection can have a root of its own")
    where, user = address(host), host.user or default_user
    if not _ADDRESS.fullmatch(where):
        raise Unreachable(f"the address {where!r} is neither a name nor an IP address")
    if not isinstance(host.port, int) or not 0 < host.port < 65536:
        raise Unreachable(f"the port {host.port!r} is not between 1 and 65535")
    if user and not _USER.fullmatch(user):
        raise Unreachable(f"the user {user!r} is not the name of a user")
    given |= {"ansible_host": where, "ansible_port": host.port}
    return given | ({"ansible_user": user} if user else {})


def document(hosts: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The inventory, for hosts by their names within the run."""
    return {"all": {"hosts": dict(hosts)}}
