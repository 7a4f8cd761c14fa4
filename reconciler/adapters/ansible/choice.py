"""Which carrier brings a payload to a host: chosen from what its connection needs, nothing else. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from reconciler.adapters.ansible.settings import NO_CONFIG, SshSettings
from reconciler.model.delivery import Delivery

Way = Literal["standard", "fan-out"]

_HARMLESS = frozenset(
    {
        "checkhostip",
        "forwardx11",
        "forwardx11trusted",
        "gssapiauthentication",
        "gssapidelegatecredentials",
        "hashknownhosts",
        "host",
        "match",
        "sendenv",
        "serveraliveinterval",
        "tcpkeepalive",
        "visualhostkey",
    }
)
_DISTRIBUTIONS_OWN = ("/etc/ssh/ssh_config.d/", "/etc/crypto-policies/")


def way(delivery: Delivery, settings: SshSettings, configured: bool) -> Way:
    """How to reach a host. `configured`: ssh's own files say more than a distribution's do, and only ssh reads them."""
    if delivery.host.connection != "ssh" or settings.carrier == "standard" or delivery.payload.ordinary:
        return "standard"
    if settings.carrier == "fan-out":
        return "fan-out"
    return "standard" if configured or settings.config_file not in ("", NO_CONFIG) else "fan-out"


def says_more(config: Iterable[str]) -> bool:
    """Whether lines of an ssh_config ask for what only ssh can do: jump hosts, other names, keys, commands."""
    return any(not _harmless(line) for line in config)


def _harmless(line: str) -> bool:
    words = line.replace("=", " ", 1).split(None, 1)
    if not words or words[0].startswith("#"):
        return True
    keyword, value = words[0].lower(), words[1].strip('"') if len(words) > 1 else ""
    return keyword in _HARMLESS or (keyword == "include" and value.startswith(_DISTRIBUTIONS_OWN))
