"""Makes a fleet to measure with: a Git repository of hosts and services, seeded.

110,000 hosts at full size: sites, racks, roles and environments as labels; 40 services of 5 projects; 12 resources a
host on average, one in ten of them a template with a value of the host (half of these a value that the site shares,
half the host's own name). Every role has services with the host's name, but for one in five.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pygit2

ROLES = ("app", "db", "cache", "web", "queue", "batch", "edge", "proxy", "mail", "log")
SHARES = (978, 978, 978, 1_200, 977, 977, 978, 978, 978, 978)
"""Of ten thousand hosts, those of each role: 12,000 web hosts at full size."""
CHANGED = 3
"""The service that a commit changes: on all web hosts; most of them have their name in files of other services."""
ENVS = ("prod", "stage", "dev")
PROJECTS = ("base", "web", "data", "infra", "batch")
SERVICES = 40
HOSTS_A_RACK = 6
RACKS_A_SITE = 400
RETIRED = "svc-retired"


@dataclass(frozen=True, slots=True)
class Fleet:
    """A repository and its size."""

    repo: Path
    hosts: int
    seed: int


def write_fleet(folder: Path, hosts: int, seed: int = 1, *, retired: bool = True) -> Fleet:
    """Writes the repository (bare) with one commit. With `retired` it still has the service that is to be pruned."""
    repo = pygit2.init_repository(str(folder), bare=True, initial_head="main")
    commit(repo, dict(_files(hosts, seed, retired=retired)), "the fleet")
    return Fleet(folder, hosts, seed)


def commit(repo: pygit2.Repository, files: dict[str, str | None], message: str) -> str:
    """A commit with these files written (None: removed) on top of what is there; answers its id."""
    head = None if repo.head_is_unborn else repo.head.peel(pygit2.Commit)
    index = pygit2.Index()
    if head is not None:
        index.read_tree(head.tree)
    for path, text in files.items():
        if text is None:
            index.remove(path)
        else:
            index.add(pygit2.IndexEntry(path, repo.create_blob(text.encode()), pygit2.enums.FileMode.BLOB))
    tree = index.write_tree(repo)
    who = pygit2.Signature("bench", "bench@example.org", 1_790_000_000, 0)
    parents = [head.id] if head else []
    return str(repo.create_commit("refs/heads/main", who, who, message, tree, parents))


def _files(hosts: int, seed: int, *, retired: bool) -> Iterator[tuple[str, str]]:
    chance = random.Random(seed)
    for rack in range((hosts + HOSTS_A_RACK - 1) // HOSTS_A_RACK):
        first = rack * HOSTS_A_RACK
        members = range(first, min(hosts, first + HOSTS_A_RACK))
        site = rack // RACKS_A_SITE
        yield f"hosts/s{site:03}/r{rack:05}.yaml", "---\n".join(_host(n, rack, site, chance) for n in members)
    for name in PROJECTS:
        yield f"projects/{name}.yaml", project(name)
    for number in range(SERVICES):
        yield f"services/svc-{number:02}.yaml", service(number)
    for number in range(SERVICES):
        yield f"files/svc-{number:02}.conf.j2", template(number)
    if retired:
        yield f"services/{RETIRED}.yaml", _retired()


def _head(kind: str, name: str, rest: str = "") -> str:
    return f"apiVersion: reconciler/v1\nkind: {kind}\nmetadata: {{name: {name}{rest}}}\n"


def project(name: str, sync: str = "manual", heal: str = "report") -> str:
    """A project's document."""
    modes = f"  sync: {sync}\n  heal: {heal}\n"
    return _head("Project", name) + f"spec:\n  description: {name}\n  owners: [team-{name}]\n{modes}"


def _host(number: int, rack: int, site: int, chance: random.Random) -> str:
    role, env = chance.choices(ROLES, SHARES)[0], chance.choices(ENVS, (8, 1, 1))[0]
    labels = f"labels: {{site: s{site:03}, rack: r{rack:05}, role: {role}, env: {env}}}"
    # Nobody is ever asked; should something go wrong, it stays on this machine.
    address = f"127.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
    spec = f"spec: {{address: {address}, vars: {{region: r{site % 7}, workers: {chance.choice((2, 4, 8))}}}}}\n"
    return _head("Host", f"h{number:06}", f", {labels}") + spec


def service(number: int, version: str = "1.0.0") -> str:
    """A service's document. 0-9 are one for each role, the others on a part of a role's hosts."""
    role = ROLES[number % 10]
    match number // 10:
        case 0:
            selector = f"{{matchLabels: {{role: {role}}}}}"
        case 1:
            stages = "{key: env, operator: In, values: [prod, stage]}"
            selector = f"{{matchLabels: {{role: {role}}}, matchExpressions: [{stages}]}}"
        case 2:
            selector = f"{{matchLabels: {{role: {role}, env: prod}}}}"
        case _:
            selector = f"{{matchLabels: {{role: {role}, env: {ENVS[number % 3]}}}}}"
    name = f"svc-{number:02}"
    lines = [
        _head("Service", name, f", project: {PROJECTS[number % 5]}") + "spec:",
        f"  owner: team-{PROJECTS[number % 5]}",
        f"  hosts: {selector}",
        f'  vars: {{version: "{version}", port: {8000 + number}}}',
        "  resources:",
        f"    - package: {name}",
        '      version: "{{ vars.version }}"',
        f"    - file: /etc/{name}.conf",
        f"      template: files/{name}.conf.j2",
        '      mode: "0644"',
        f"      requires: [package/{name}]",
        f"    - service: {name}",
        "      state: running",
        "      enabled: true",
        f"      reload_on: [file//etc/{name}.conf]",
    ]
    lines += [f'    - sysctl: net.core.{name.replace("-", "_")}\n      value: "{number}"']
    return "\n".join(lines) + "\n"


def template(number: int) -> str:
    """A service's configuration: one service in five uses the host's name, one in five what a site shares. With a
    version template, a unit and a setting that use nothing of a host, that is one resource in ten each way."""
    own = {0: "name {{ host.name }}\n", 1: "site {{ host.labels.site }}\n"}.get((number // 10 + number) % 5, "")
    return f"# {number}\nport {{{{ vars.port }}}}\n{own}" + "".join(f"option{i} on\n" for i in range(20))


def _retired() -> str:
    return (
        _head("Service", RETIRED, ", project: infra")
        + "spec:\n  hosts: {matchLabels: {role: log, env: dev}}\n  resources:\n"
        + "    - package: retired-agent\n"
    )
