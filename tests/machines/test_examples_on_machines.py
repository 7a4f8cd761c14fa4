"""The examples, applied to real machines as they are but for their addresses, and looked at from outside."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command_line import reconciler
from tests.examples.copies import EXAMPLES, copy_onto
from tests.examples.packages import NGINX, POSTGRESQL
from tests.lab import Lab, Machine

pytestmark = pytest.mark.machines


@pytest.fixture(scope="module")
def fleet(lab: Lab) -> Iterator[Lab]:
    """The lab with the packages that the examples name; its machines are as new afterwards."""
    lab.apt.publish(NGINX, POSTGRESQL)
    yield lab
    lab.apt.withdraw(NGINX)
    lab.apt.withdraw(POSTGRESQL)
    for machine in lab.machines[:3]:
        machine.reset()


def applied(name: str, fleet: Lab, tmp_path: Path) -> list[Machine]:
    """Applies the example, checks that there is nothing left to do, and answers its machines in their order."""
    example = next(path for path in EXAMPLES if path.name == name)
    machines = fleet.machines[:3]
    state = copy_onto(example, tmp_path / "state", [m.address for m in machines], machines[0].port)
    settings = tmp_path / "reconciler.toml"
    # The machines' addresses are loopback ones, where checks may not go unless the operator says so.
    more = f'[ssh]\nprivate_key_file = "{fleet.key}"\nknown_hosts_file = "{fleet.known_hosts}"\n'
    more += "[health]\nallow_loopback = true\n"
    settings.write_text(f'repo = "{state}"\nstore = "{tmp_path / "db"}"\ncache_dir = "{tmp_path / "cache"}"\n{more}')
    done = reconciler("apply", "--yes", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    again = json.loads(reconciler("plan", "--output", "json", cwd=tmp_path).stdout)
    assert (again["steps"], again["blocked"]) == ([], [])
    return machines


def test_the_baseline(fleet: Lab, tmp_path: Path) -> None:
    web, _, test = applied("baseline", fleet, tmp_path)
    assert web.run("id -nG alice").stdout.split() == ["alice", "sudo", "operators"]
    assert "bob@desk" in web.read("/home/bob/.ssh/authorized_keys")
    assert "PermitRootLogin prohibit-password" in web.read("/etc/ssh/sshd_config").splitlines()
    assert (web.read("/proc/sys/vm/swappiness"), test.read("/proc/sys/vm/swappiness")) == ("10\n", "60\n")
    assert "15 4 * * * find /var/tmp" in web.run("crontab -l").stdout
    assert web.read("/etc/motd").startswith("web-1 in london")
    assert ("production" in web.read("/etc/motd"), "production" in test.read("/etc/motd")) == (True, False)


def test_the_web_stack(fleet: Lab, tmp_path: Path) -> None:
    edge, first, second = applied("web-stack", fleet, tmp_path)
    for machine, name in ((first, "app-1"), (second, "app-2")):
        ask = f"import urllib.request as r; print(r.urlopen('http://{machine.address}:8080/').read().decode())"
        assert machine.run(f'python3 -c "{ask}"').stdout.strip() == f"Hello from {name}"
    servers = [f"    server {machine.address}:8080;" for machine in (first, second)]
    assert [line for line in edge.read("/etc/nginx/conf.d/app.conf").splitlines() if "server 1" in line] == servers
    assert edge.read("/run/nginx.reloads") == "reloaded\n"


def test_the_database(fleet: Lab, tmp_path: Path) -> None:
    database, api, _ = applied("database", fleet, tmp_path)
    assert database.run("systemctl is-active postgresql@15-main").stdout == "active\n"
    assert "max_connections = 200" in database.read("/etc/postgresql/15/main/conf.d/10-shop.conf")
    assert database.read("/etc/postgresql/15/main/pg_hba.conf").splitlines() == [
        "local all postgres peer",
        "host shop api 192.0.2.0/24 scram-sha-256",
    ]
    assert f"DATABASE_HOST={database.address}" in api.read("/etc/api/database.env")
    assert "CN = api-1" in api.run("openssl x509 -noout -subject -in /etc/api/tls.pem").stdout
