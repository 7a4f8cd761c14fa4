"""Which addresses a request may go to. Who names them (Git, for a check) must not reach what only we can.

Knows addresses; must not know names or how they are resolved.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network

METADATA = frozenset(
    map(
        ipaddress.ip_address,
        ("169.254.169.254", "169.254.170.2", "fd00:ec2::254", "100.100.100.200", "168.63.129.16", "192.0.0.192"),
    )
)
"""Where clouds tell machines their secrets: AWS, Google, Azure, Alibaba, Oracle and those that do as they do."""
_NAT64 = IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Allowed:
    """The operator's word for addresses that are refused otherwise, in settings of a section. `what` would go there."""

    loopback: bool = False
    link_local: bool = False
    metadata: bool = False
    section: str = "health"
    what: str = "checks"

    def objection(self, text: str) -> str:
        """Why a request may not go to an address; empty: it may."""
        address = _meant(ipaddress.ip_address(text.partition("%")[0]))
        if address in METADATA:
            return "" if self.metadata else self._refused(text, "the metadata service of a cloud", "allow_metadata")
        if address.is_loopback or address.is_unspecified:
            return "" if self.loopback else self._refused(text, "this machine itself", "allow_loopback")
        if address.is_link_local:
            return "" if self.link_local else self._refused(text, "a link-local address", "allow_link_local")
        if address.is_multicast or (address.version == 4 and address.is_reserved):
            return f"{text} is not the address of a host"
        return ""

    def _refused(self, text: str, what: str, setting: str) -> str:
        return f"{text} is {what}, where {self.what} may not go ({self.section}.{setting} allows it)"


def _meant(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that an IPv6 address stands for, if it does."""
    if isinstance(address, IPv6Address):
        if address in _NAT64:
            return IPv4Address(int(address) & 0xFFFFFFFF)
        return address.ipv4_mapped or address.sixtofour or address
    return address
