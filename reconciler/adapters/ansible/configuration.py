"""The `ansible.cfg` and the playbook of a run. Pure text; nothing of the repository or of hosts is in them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reconciler.adapters.ansible.choice import Way
from reconciler.adapters.ansible.settings import SshSettings

ASKED = 3
"""How often ssh asks a host that says nothing for a sign of life before it counts as gone."""
SPARE = 15
"""Seconds that everything else may take."""


@dataclass(frozen=True, slots=True)
class Places:
    """The run's directory, where collections are, and where ansible-runner's callback plugins are."""

    directory: Path
    collections: list[Path]
    callbacks: Path


def ansible_cfg(settings: SshSettings, places: Places, way: Way) -> str:
    """Everything pinned: what is not said here is Ansible's default, and nothing else is read."""
    return f"""\
[defaults]
home = {places.directory}/home
local_tmp = {places.directory}/home/tmp
collections_path = {":".join(str(path) for path in places.collections)}
callback_plugins = {places.callbacks}
stdout_callback = awx_display
forks = {settings.forks}
internal_poll_interval = {0.05 if way == "fan-out" else 0.005}
timeout = {settings.connect_timeout}
task_timeout = {0 if way == "fan-out" else host_limit(settings)}
gathering = explicit
host_key_checking = True
interpreter_python = /usr/bin/python3
retry_files_enabled = False
fact_caching = memory
no_target_syslog = True
deprecation_warnings = False
localhost_warning = False
nocows = True
nocolor = True

[inventory]
enable_plugins = ansible.builtin.yaml
inventory_unparsed_warning = False

[connection]
pipelining = True

[ssh_connection]
pipelining = True
retries = 0
control_path_dir = {connections(settings)}
ssh_args = {" ".join(ssh_args(settings))}

[privilege_escalation]
become = False
become_method = sudo
"""


def host_limit(settings: SshSettings) -> int:
    """Seconds for one host: the last resort, after the host's own limit and ssh's keep-alive have had their time."""
    return settings.host_timeout + settings.connect_timeout + settings.lock_wait + settings.dead_after + SPARE


def ssh_args(settings: SshSettings) -> list[str]:
    """Never asks, and checks host keys. Connections are not kept unless that is asked for: a host gets one command, a
    process for each of some hundreds would stay behind, and of a kept connection that is dead one learns late."""
    options = [
        "StrictHostKeyChecking=yes",
        "BatchMode=yes",
        f"ServerAliveInterval={-(-settings.dead_after // ASKED)}",
        f"ServerAliveCountMax={ASKED}",
        "ForwardAgent=no",
        "LogLevel=ERROR",
    ]
    if settings.keep_connections:
        options += ["ControlMaster=auto", f"ControlPersist={settings.keep_connections}"]
    else:
        options += ["ControlMaster=no", "ControlPath=none"]
    if settings.known_hosts_file:
        options += [f"UserKnownHostsFile={settings.known_hosts_file}", "GlobalKnownHostsFile=/dev/null"]
    if settings.private_key_file:
        options += [f"IdentityFile={settings.private_key_file}", "IdentitiesOnly=yes"]
    arguments = [word for option in options for word in ("-o", option)]
    return (["-F", settings.config_file] if settings.config_file else []) + arguments


def connections(settings: SshSettings) -> str:
    """Where kept connections are: never shared with a run that would trust or log in otherwise."""
    how = [settings.private_key_file, settings.known_hosts_file, settings.config_file]
    return f"{settings.cache_dir}/ssh-{hashlib.sha256(repr(how).encode()).hexdigest()[:8]}"


def playbook(directory: Path, way: Way) -> list[dict[str, Any]]:
    """One play, one task, no facts."""
    action = "reconciler.fleet.fanout" if way == "fan-out" else "reconciler.fleet.program"
    return [
        {
            "name": "reconciler",
            "hosts": "all",
            "gather_facts": False,
            "tasks": [{"name": "carry", action: {"directory": str(directory)}}],
        }
    ]
