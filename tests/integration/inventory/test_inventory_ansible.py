"""Real `ansible-inventory` on real sources: files, folders, scripts, plugins that are not there, hostile variables."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reconciler.adapters.inventory.ansible import failure
from reconciler.core.inventories.ansible_listing import Mapped, label_rule
from reconciler.model.errors import Retry, Stalled
from tests.patience import until

RULES = Mapped(
    {"role": label_rule("groups:role_*"), "site": label_rule("hostvars:datacenter"), "src": label_rule("value:test")},
    vars=("ntp",),
    user="ops",
)


def script(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}")
    path.chmod(0o755)
    return path


def test_a_yaml_inventory_with_group_vars_beside_it(source, tmp_path):
    folder = tmp_path / "ansible"
    (folder / "group_vars").mkdir(parents=True)
    (folder / "group_vars" / "role_web.yml").write_text("ansible_port: 2222\nntp: 192.0.2.123\n")
    (folder / "hosts.yml").write_text(
        "all:\n"
        "  vars: {datacenter: lon}\n"
        "  children:\n"
        "    role_web: {hosts: {web-1: {ansible_host: 192.0.2.1}, web-2: {datacenter: fra, ansible_become: yes}}}\n"
        "    role_db: {hosts: {db-1: {}}}\n"
    )
    found = source(folder / "hosts.yml", mapped=RULES).listing(refresh=True)
    assert found.problems == ()
    assert {name: dict(host.labels) for name, host in found.hosts.items()} == {
        "db-1": {"role": "db", "site": "lon", "src": "test"},
        "web-1": {"role": "web", "site": "lon", "src": "test"},
        "web-2": {"role": "web", "site": "fra", "src": "test"},
    }
    web = found.hosts["web-1"]
    assert (web.address, web.port, web.user, web.become, web.vars) == (
        "192.0.2.1",
        2222,
        "ops",
        False,
        {"ntp": "192.0.2.123"},
    )
    assert (found.hosts["web-2"].become, found.hosts["db-1"].vars) == (True, {})


def test_some_thousands_of_hosts_in_an_ini_file(source, tmp_path):
    inventory = tmp_path / "hosts.ini"
    rows = [f"h{i:05} ansible_host=10.0.{i >> 8}.{i & 255} datacenter=dc{i % 5}\n" for i in range(3000)]
    groups = [
        f"[role_{role}]\nh[{first:05}:{first + 999:05}]\n" for role, first in (("a", 0), ("b", 1000), ("c", 2000))
    ]
    inventory.write_text("".join(rows + groups) + "[all:vars]\nntp=x\n")
    found = source(inventory, mapped=RULES).listing(refresh=True)
    assert (len(found.hosts), found.problems) == (3000, ())
    assert found.hosts["h01234"].labels == {"role": "b", "site": "dc4", "src": "test"}
    assert len({id(host.labels) for host in found.hosts.values()}) == 15


def test_templates_in_variables_stay_text_and_never_run(source, tmp_path):
    canary = tmp_path / "canary"
    evil = "{{ lookup('pipe', 'touch CANARY') }}".replace("CANARY", str(canary))
    everywhere = {"ansible_host": evil, "ansible_user": evil, "datacenter": evil, "ntp": evil, "other": [{"x": evil}]}
    hosts = {"plain": {}, **{f"h{i}": {key: value} for i, (key, value) in enumerate(everywhere.items())}}
    (tmp_path / "hosts.yml").write_text(json.dumps({"all": {"hosts": hosts, "vars": {"g": evil}}}))
    listing = json.dumps({"_meta": {"hostvars": hosts}, "all": {"hosts": list(hosts), "vars": {"g": evil}}})
    (tmp_path / "listing").write_text(listing)
    for name, path in (("a", tmp_path / "hosts.yml"), ("b", script(tmp_path / "list", f"cat {tmp_path}/listing"))):
        found = source(path, name=name, mapped=RULES).listing(refresh=True)
        assert list(found.hosts) == ["h4", "plain"]
        assert {p.reason for p in found.problems} == {"bad-address", "bad-user", "bad-label", "template-in-vars"}
        assert found.hosts["h4"].vars == {}
    assert not canary.exists()


def test_ansible_sees_its_own_configuration_and_a_bare_environment(source, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ansible.cfg").write_text("[inventory]\nenable_plugins = ansible.builtin.ini\n")
    for name, value in {
        "TOKEN": "secret",
        "GIVEN": "yes",
        "ANSIBLE_INVENTORY_ENABLED": "ini",
        "PYTHONPATH": "/x",
    }.items():
        monkeypatch.setenv(name, value)
    names = '$(env | cut -d= -f1 | sort | tr "\\n" " ")'
    listing = '{"g": {"hosts": ["a"]}, "_meta": {"hostvars": {"a": {"ntp": "%s"}}}}'
    shown = script(tmp_path / "list", f"printf '{listing}' \"{names}\"\n")
    found = source(shown, mapped=RULES, environment=("GIVEN", "ABSENT")).listing(refresh=True)
    seen = set(found.hosts["a"].vars["ntp"].split())
    assert seen >= {"GIVEN", "ANSIBLE_CONFIG", "PATH"}
    assert not seen & {"TOKEN", "PYTHONPATH", "ANSIBLE_INVENTORY_ENABLED", "ABSENT"}


def test_a_yaml_file_is_never_run_as_a_script(source, tmp_path):
    path = script(tmp_path / "hosts.yml", f"touch {tmp_path}/canary\n")
    assert source(path).listing(refresh=True).hosts == {}
    assert not (tmp_path / "canary").exists()


def test_a_script_that_fails_changes_nothing(source, tmp_path, clock):
    path = script(tmp_path / "list", """echo '{"g": {"hosts": ["a", "b"]}, "_meta": {"hostvars": {}}}'\n""")
    assert list(source(path).listing(refresh=True).hosts) == ["a", "b"]
    clock.later(hours=1)
    script(path, "echo broken >&2; exit 3\n")
    found = source(path).listing(refresh=True)
    assert list(found.hosts) == ["a", "b"]
    assert "returned non-zero exit code 3" in found.problems[0].message


def test_a_source_that_takes_too_long_is_ended(source, tmp_path):
    path = script(tmp_path / "list", f"echo $$ > {tmp_path}/pid\nexec sleep 600\n")
    found = source(path, timeout=10).listing(refresh=True)
    assert "took more than 10 s" in found.problems[0].message
    pid = (tmp_path / "pid").read_text().strip()
    # Killed, it may take a moment to die.
    until(lambda: ended(pid))


def ended(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


@pytest.mark.parametrize(
    ("file", "plugin", "hint"),
    [
        ("x.aws_ec2.yml", "amazon.aws.aws_ec2", "ansible-galaxy collection install amazon.aws; and what it needs: pip"),
        ("x.nb.yml", "netbox.netbox.nb_inventory", "ansible-galaxy collection install netbox.netbox; and"),
        ("x.yml", "example.nothing.here", "ansible-galaxy collection install example.nothing"),
    ],
)
def test_a_plugin_that_is_not_there_is_named_with_what_to_install(source, tmp_path, file, plugin, hint):
    (tmp_path / file).write_text(f"plugin: {plugin}\n")
    (problem,) = source(tmp_path / file).listing(refresh=True).problems
    assert f"the inventory plugin {plugin} is not installed" in problem.message
    assert hint in problem.hint


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("hosts.yml", "all: [", "YAML parsing failed"),
        ("hosts.ini", "[all:vars\n", "ansible-inventory: "),
        ("with,comma", "a\n", "is not an absolute path of letters"),
        ("gone.yml", None, "No such file"),
    ],
)
def test_what_is_no_inventory_says_why(source, tmp_path, name, text, said):
    if text is not None:
        (tmp_path / name).write_text(text)
    found = source(tmp_path / name).listing(refresh=True)
    assert (found.hosts, found.whole) == ({}, False)
    assert said in found.problems[0].message


def test_ansible_that_is_not_there_is_said(source, tmp_path):
    (tmp_path / "hosts.ini").write_text("a\n")
    found = source(tmp_path / "hosts.ini", program=str(tmp_path / "none")).listing(refresh=True)
    assert "there is no program" in found.problems[0].message


def test_a_missing_library_is_named():
    said = "Failed to import the required Python library (botocore and boto3) on host's Python /usr/bin/python3."
    error = failure(said)
    assert isinstance(error, Stalled)
    assert "botocore and boto3" in error.message


def test_what_ansible_says_reaches_no_terminal():
    error = failure("[ERROR]: Completely failed \x1b[2J\x07\nmore")
    assert isinstance(error, Retry)
    assert error.message.isprintable()
