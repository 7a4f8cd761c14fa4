"""Hosts as Ansible's inventory: typed settings, and never a template."""

from __future__ import annotations

import pytest

from reconciler.adapters.ansible import inventory
from reconciler.model.desired import Host
from reconciler.model.key import Place


def _host(**fields: object) -> Host:
    return Host(name="web-1", place=Place("hosts.yaml"), **fields)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        (
            _host(),
            {"ansible_connection": "ssh", "ansible_host": "web-1", "ansible_port": 22, "ansible_user": "deploy"},
        ),
        (
            _host(address="fe80::1%eth0", port=2222, user="x@corp"),
            {
                "ansible_connection": "ssh",
                "ansible_host": "fe80::1%eth0",
                "ansible_port": 2222,
                "ansible_user": "x@corp",
            },
        ),
        (
            _host(connection="local", become=True, root="/srv/r"),
            {
                "ansible_connection": "local",
                "ansible_become": True,
                "ansible_become_method": "sudo",
                "ansible_become_user": "root",
            },
        ),
    ],
)
def test_variables(host, expected):
    assert inventory.variables(host, "deploy") == expected


@pytest.mark.parametrize(
    ("host", "says"),
    [
        (_host(address="{{ lookup('pipe', 'id') }}"), "address"),
        (_host(address="-oProxyCommand=id"), "address"),
        (_host(address="a b"), "address"),
        (_host(address="a\nb"), "address"),
        (_host(user="{{ x }}"), "user"),
        (_host(user="-l root"), "user"),
        (_host(port=0), "port"),
        (_host(port="{{ 1 }}"), "port"),
        (_host(root="/srv"), "local connection"),
    ],
)
def test_what_is_no_plain_setting_is_refused(host, says):
    with pytest.raises(inventory.Unreachable, match=says):
        inventory.variables(host, "")


def test_names_say_nothing_of_the_host():
    assert inventory.name(1) == "h000001"
    assert inventory.document({"h000001": {"ansible_host": "a"}}) == {
        "all": {"hosts": {"h000001": {"ansible_host": "a"}}}
    }
