"""Which addresses a health check may go to: hosts, but nothing that only we can reach."""

from __future__ import annotations

import pytest

from reconciler.adapters.health.prober import ANYWHERE
from reconciler.adapters.outward.address import Allowed

HOSTS = ["192.0.2.1", "10.0.0.5", "172.16.3.4", "203.0.113.9", "2001:db8::1", "fd12:3456::7", "::ffff:10.0.0.5"]
LOOPBACK = ["127.0.0.1", "127.9.0.3", "::1", "0.0.0.0", "::", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::"]
LINK = ["169.254.1.1", "fe80::1", "fe80::1%eth0", "::ffff:169.254.9.9"]
METADATA = [
    "169.254.169.254", "169.254.170.2", "fd00:ec2::254", "100.100.100.200", "168.63.129.16", "192.0.0.192",
    "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe",
]  # fmt: skip
NO_HOST = ["224.0.0.1", "ff02::1", "255.255.255.255", "240.0.0.1"]


@pytest.mark.parametrize("address", HOSTS)
def test_hosts_are_asked(address: str) -> None:
    assert Allowed().objection(address) == ""


@pytest.mark.parametrize(
    ("address", "setting"),
    [(a, "loopback") for a in LOOPBACK] + [(a, "link_local") for a in LINK] + [(a, "metadata") for a in METADATA],
)
def test_others_only_if_the_operator_allows_it(address: str, setting: str) -> None:
    assert f"health.allow_{setting} allows it" in Allowed().objection(address)
    others = {name: name != setting for name in ("loopback", "link_local", "metadata")}
    assert f"health.allow_{setting} allows it" in Allowed(**others).objection(address)
    assert Allowed(**{setting: True}).objection(address) == ""


@pytest.mark.parametrize("address", NO_HOST)
def test_what_is_no_host_is_never_asked(address: str) -> None:
    assert ANYWHERE.objection(address) == f"{address} is not the address of a host"
