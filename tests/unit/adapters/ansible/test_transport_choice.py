"""Which way a host is reached, and how hosts are cut into runs of Ansible."""

from __future__ import annotations

from collections import Counter
from itertools import chain

import pytest

from reconciler.adapters.ansible import carrier, choice
from reconciler.adapters.ansible.settings import SshSettings
from reconciler.model.delivery import Delivery, Payload, Work
from reconciler.model.desired import Host
from reconciler.model.errors import Stalled
from reconciler.model.key import Key, Place


def _host(name: str = "web-1", **fields: object) -> Host:
    return Host(name=name, place=Place("hosts.yaml"), **fields)


@pytest.mark.parametrize(
    ("host", "settings", "configured", "expected"),
    [
        (_host(), {}, False, "fan-out"),
        (_host(become=True), {}, False, "fan-out"),
        (_host(), {"config_file": "/dev/null"}, False, "fan-out"),
        (_host(), {}, True, "standard"),
        (_host(), {"config_file": "/etc/rec/ssh_config"}, False, "standard"),
        (_host(connection="local", root="/srv/r"), {}, False, "standard"),
        (_host(connection="local"), {"carrier": "fan-out"}, False, "standard"),
        (_host(), {"carrier": "standard"}, False, "standard"),
        (_host(), {"carrier": "fan-out"}, True, "fan-out"),
    ],
)
def test_the_way_is_chosen_from_what_the_connection_needs(host, settings, configured, expected):
    given = SshSettings(cache_dir="/nowhere", **settings)
    assert choice.way(Delivery(host, Payload()), given, configured) == expected
    ordinary = Payload({}, (Work(Key("x", "y"), {}, "", (), ordinary=True),))
    assert choice.way(Delivery(host, ordinary), given, configured) == "standard"


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ("", False),
        ("# ProxyJump bastion\n\n", False),
        ("Include /etc/ssh/ssh_config.d/*.conf\nHost *\n    SendEnv LANG LC_*\n    HashKnownHosts yes\n", False),
        ("Match final all\n  Include /etc/crypto-policies/back-ends/openssh.config\nGSSAPIAuthentication=yes", False),
        ("Host web\n\tProxyJump bastion", True),
        ("proxyCommand=nc %h %p", True),
        ("Host web\nHostName 10.0.0.1", True),
        ("Include ~/jobs/ssh", True),
        ("IdentityFile ~/.ssh/work", True),
    ],
)
def test_a_configuration_that_only_ssh_can_follow(config, expected):
    assert choice.says_more(config.splitlines()) is expected


def test_fan_out_with_a_configuration_file_is_a_contradiction(tmp_path):
    (tmp_path / "config").write_text("Host *\n")
    settings = SshSettings(carrier="fan-out", config_file=str(tmp_path / "config"), cache_dir="/nowhere")
    with pytest.raises(Stalled, match="only the standard carrier reads"):
        settings.checked()


def test_shards_are_few_even_and_keep_equal_payloads_together():
    payloads = [Payload(), Payload(), Payload()]
    deliveries = [Delivery(_host(f"h{n}"), payloads[n % 3]) for n in range(1201)]
    ways = ["standard" if n >= 1101 else "fan-out" for n in range(1201)]
    cut = list(carrier.shards(deliveries, ways))
    assert [(way, len(part)) for way, part in cut] == [
        ("fan-out", 367),
        ("fan-out", 367),
        ("fan-out", 367),
        ("standard", 100),
    ]
    assert Counter(d.host.name for d in chain.from_iterable(part for _, part in cut)) == Counter(
        d.host.name for d in deliveries
    )
    assert [len({id(d.payload) for d in part}) for _, part in cut[:3]] == [1, 1, 1]
    assert list(carrier.shards([], [])) == []
