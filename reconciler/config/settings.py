"""The settings, section by section: what each means, what it may be, and what it is by default.

Everything an operator trusts is set here (keys, known hosts, limits), never in the state repository.
Knows neither where settings come from nor any adapter; `bootstrap` turns settings into one.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from reconciler.core.parsing.calendar import Cron, Zone
from reconciler.core.parsing.fields import LabelKey, User
from reconciler.model.notice import NoticeKind


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Ssh(Section):
    """How hosts are reached."""

    user: str = Field("", description="The user on hosts that name none. Empty: as ssh decides.")
    private_key_file: str = Field("", description="The key to log in with. Empty: the agent and ssh's own defaults.")
    known_hosts_file: str = Field("", description="The hosts' keys. Empty: ~/.ssh/known_hosts.")
    config_file: str = Field("", description="An ssh_config file, for jump hosts and the like.")
    become_password_file: str = Field("", description="A file with the sudo password, readable by you only.")
    connect_timeout: int = Field(10, ge=1, le=600, description="Seconds to connect to a host.")
    host_timeout: int = Field(300, ge=1, le=86400, description="Seconds for all that a host does in one round trip.")
    lock_wait: int = Field(5, ge=0, le=600, description="Seconds to wait for a host that another run holds.")
    dead_after: int = Field(
        45,
        ge=1,
        le=3600,
        description="Seconds without any sign of life from a host after which its connection counts as lost.",
    )
    carrier: Literal["auto", "standard", "fan-out"] = Field(
        "auto",
        description="How hosts are reached: standard takes an ssh process for each, fan-out one process for hundreds. "
        "Auto: fan-out for plain ssh; standard where ssh's configuration files, Kerberos or jump hosts are needed.",
    )
    keep_connections: int = Field(
        0,
        ge=0,
        le=3600,
        description="Seconds that the standard carrier's connections stay open for the next visit. That saves most of "
        "its time, but that a host has gone away meanwhile is noticed only after `dead_after`.",
    )
    forks: int = Field(20, ge=1, le=500, description="Hosts that the standard carrier works on at once.")
    width: int = Field(200, ge=1, le=500, description="Hosts that the fan-out carrier works on at once.")
    python: str = Field("/usr/bin/python3", description="Python on the hosts, 3.8 or newer.")


class Git(Section):
    """How the state repository is fetched, where it is remote."""

    username: str = Field("", description="User for https.")
    token_file: str = Field("", description="A file with the token or password for https.")
    private_key_file: str = Field("", description="The key for ssh.")
    known_hosts_file: str = Field("", description="The Git host's keys, for ssh. Empty: ~/.ssh/known_hosts.")
    ca_file: str = Field("", description="Certificates to trust for https, beside the system's.")
    require_signatures: bool = Field(False, description="Whether every new commit must be signed by a trusted signer.")
    allowed_signers_file: str = Field("", description="Whose SSH signatures are trusted: ssh-keygen's ALLOWED SIGNERS.")
    gpg_keyring: str = Field("", description="Whose GPG signatures are trusted: a file that `gpg --export` wrote.")
    signed_since: str = Field("", description="A commit that is trusted, with all before it, without signatures.")

    @model_validator(mode="after")
    def _somebody_signs(self) -> Self:
        given = bool(self.allowed_signers_file or self.gpg_keyring)
        if self.require_signatures and not given:
            raise ValueError("with require_signatures give allowed_signers_file or gpg_keyring")
        if given and not self.require_signatures:
            raise ValueError("signers are given, but nothing is checked: set require_signatures = true")
        return self


class SignersSettings(Section):
    """Who must sign commits that change something in a part of the repository, be the others signed or not."""

    path: str = Field(min_length=1, description="A folder or file, from the top of the repository.")
    allowed_signers_file: str = Field("", description="Whose SSH signatures are trusted there.")
    gpg_keyring: str = Field("", description="Whose GPG signatures are trusted there.")

    @model_validator(mode="after")
    def _somebody_signs(self) -> Self:
        if not (self.allowed_signers_file or self.gpg_keyring):
            raise ValueError("give allowed_signers_file or gpg_keyring")
        if self.path != self.path.strip("/") or any(part in ("", ".", "..") for part in self.path.split("/")):
            raise ValueError("write the path from the top of the repository, without `.`, `..` or a slash at its ends")
        return self


class SecretSettings(Section):
    """What opens secrets, and which may be had. See [secrets](secrets.md)."""

    age_identity_file: str = Field("", description="The age identities for SOPS's files, readable by you only.")
    vault_password_file: str = Field("", description="The password for ansible-vault's files, readable by you only.")
    file_folder: str = Field("", description="The folder that references `from: file` lead into. Empty: none may.")
    env_allow: Annotated[str, Field(pattern=r"^([A-Za-z_][A-Za-z0-9_]*(, *[A-Za-z_][A-Za-z0-9_]*)*)?$")] = Field(
        "", description="The variables that references `from: env` may name, with commas between them."
    )
    key_file: str = Field(
        "", description="The key of keyed digests. Empty: beside the store, made when it is first needed."
    )


class SnapshotSettings(Section):
    """Snapshots of what is known of hosts, for [pull requests](pull-requests.md): a pair of keys in the form that
    `ssh-keygen -t ed25519` writes."""

    private_key_file: str = Field("", description="Signs what `observe export` writes; readable by you only.")
    public_key_file: str = Field("", description="Whose snapshots are trusted: the .pub file of that key.")


class LimitSettings(Section):
    """What a plan may do without anybody's word."""

    deletes: int = Field(10, ge=0, description="Deletes in one plan …")
    deletes_share: float = Field(0.001, ge=0, le=1, description="… or this share of the managed resources, if more.")
    delete_hosts: int = Field(10, ge=0, description="Hosts of a service, or of the fleet, that may lose something …")
    delete_service_share: float = Field(0.25, ge=0, le=1, description="… or this share of the service's, if more …")
    delete_fleet_share: float = Field(0.1, ge=0, le=1, description="… and this share of the fleet's, if more.")
    coverage: float = Field(0.95, ge=0, le=1, description="The share of hosts that must have answered for any delete …")
    coverage_missing: int = Field(3, ge=1, description="… as soon as so many have not.")
    drift_hosts: int = Field(10, ge=0, description="Hosts on which drift is undone at once …")
    drift_share: float = Field(0.05, ge=0, le=1, description="… or this share of the fleet, if more.")
    rollout_hosts: int = Field(10, ge=0, description="Hosts that a plan touches without batches of its own accord …")
    rollout_share: float = Field(0.05, ge=0, le=1, description="… or this share of the fleet, if more.")
    breaker_hosts: int = Field(3, ge=1, description="Failed hosts that stop a run …")
    breaker_share: float = Field(0.02, ge=0, le=1, description="… or more than this share of its hosts, if more.")


class Health(Section):
    """How the health of hosts is looked at after they were changed. Addresses that belong to this machine, to the link
    or to a cloud's metadata are not asked, whatever a document says, unless it is allowed here."""

    patience: int = Field(60, ge=0, le=86400, description="Seconds that a host may take to become healthy.")
    interval: int = Field(5, ge=1, le=3600, description="Seconds between two looks.")
    width: int = Field(100, ge=1, le=1000, description="Checks that are made at once from here.")
    prometheus_url: str = Field("", description="The Prometheus server for queries that name none; asked in any case.")
    ca_file: str = Field("", description="Certificates to trust for https, beside the system's.")
    allow_loopback: bool = Field(False, description="Whether checks may go to this machine itself.")
    allow_link_local: bool = Field(False, description="Whether checks may go to link-local addresses.")
    allow_metadata: bool = Field(False, description="Whether checks may go to metadata services of clouds.")


def _seconds(value: Any) -> Any:
    """`90s`, `10m`, `2h`, `1d`."""
    units = {"s": 1, "m": 60, "h": 3600, "d": 86400}
    if isinstance(value, str) and re.fullmatch("[0-9]{1,6}[smhd]", value):
        return int(value[:-1]) * units[value[-1]]
    raise ValueError("write 90s, 10m, 2h or 1d")


def _listen(value: str) -> str:
    if not re.fullmatch(r"([A-Za-z0-9._-]+|\[[0-9a-fA-F:.]+\]):[0-9]{1,5}", value):
        raise ValueError("write HOST:PORT, such as 127.0.0.1:8430")
    return value


def _variable(name: str) -> str:
    from reconciler.core.parsing.complain import is_ansible

    if is_ansible(name) or not name.isidentifier():
        raise ValueError("this is not the name of a variable that can be taken over")
    return name


def _passed(name: str) -> str:
    """What pins Ansible and Python down can't be undone by the way."""
    if name.startswith(("ANSIBLE_", "PYTHON", "LD_")) or not name.isidentifier():
        raise ValueError("this variable of the environment can't be passed on")
    return name


def _rule(value: str) -> str:
    from reconciler.core.inventories.ansible_listing import label_rule

    label_rule(value)
    return value


Span = Annotated[int, BeforeValidator(_seconds)]
"""Seconds, written with their unit."""
SourceName = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]
Variable = Annotated[str, AfterValidator(_variable)]
Passed = Annotated[str, AfterValidator(_passed)]


class History(Section):
    """How long is remembered what was done. What is owned is never forgotten."""

    keep: Span = Field("90d", validate_default=True, description="Runs that began before are deleted. 0s: never.")


class InventorySettings(Section):
    """A source of hosts outside of the state repository."""

    name: SourceName = Field(description="What it is called in messages and commands.")
    type: Literal["ansible", "json", "csv"] = Field(description="Who reads it: ansible-inventory, or we ourselves.")
    source: str = Field(min_length=1, description="The file; for ansible also a folder, a script or a plugin's file.")
    max_age: Span = Field("10m", validate_default=True, description="How old a reading may be before it is read again.")
    timeout: Span = Field("15m", validate_default=True, ge=1, description="How long ansible-inventory may take.")
    labels: dict[LabelKey, Annotated[str, AfterValidator(_rule)]] = Field(
        default_factory=dict, description="Where labels come from: groups:role_*, hostvars:datacenter, value:aws."
    )
    vars: tuple[Variable, ...] = Field((), description="Ansible variables that become vars of the host.")
    vars_from: Variable | Literal[""] = Field("", description="An Ansible variable that holds vars of the host.")
    user: User | Literal[""] = Field("", description="The user on hosts for which the source names none.")
    become: bool = Field(False, description="Whether to become root on hosts for which the source does not say.")
    environment: tuple[Passed, ...] = Field((), description="Variables of the environment that a plugin needs.")
    collections: tuple[str, ...] = Field((), description="More folders with Ansible collections.")
    program: str = Field("", description="ansible-inventory. Empty: beside this Python, else on the PATH.")
    max_lost: float = Field(0.25, gt=0, le=1, description="Hold a reading that lost, or labels anew, this share …")
    max_gained: float = Field(1.0, gt=0, description="… or that gained this share …")
    floor: int = Field(10, ge=0, description="… and more hosts than this.")

    @model_validator(mode="after")
    def _fits_type(self) -> Self:
        only = ("labels", "vars", "vars_from", "user", "become", "environment", "collections", "program")
        given = [name for name in only if name in self.model_fields_set]
        if self.type != "ansible" and given:
            raise ValueError(f"{', '.join(given)} only mean something with type ansible; a file says it itself")
        return self


class QuietSettings(Section):
    """Hours in which only what is urgent is told: they begin when `cron` says, and last so long."""

    cron: Cron = Field(description="When they begin: minute, hour, day, month, weekday.")
    duration: Span = Field(ge=60, le=31 * 86400, description="How long they last.")
    timezone: Zone = Field("UTC", description="The time zone of cron, as Europe/Berlin.")


class NotifySettings(Section):
    """Somebody who is told what happens: people by apprise, or a program by signed webhooks."""

    name: SourceName = Field(description="What it is called in messages and commands.")
    type: Literal["apprise", "webhook"] = Field(description="Mail, chat and push by apprise, or CloudEvents by HTTP.")
    url: str = Field("", description="Where a webhook goes to: https://…")
    url_file: str = Field("", description="A file with the address, where there is a secret in it …")
    url_env: Variable | Literal[""] = Field("", description="… or a variable of the environment with it.")
    secret_file: str = Field("", description="A file with the secret that webhooks are signed with …")
    secret_env: Variable | Literal[""] = Field("", description="… or a variable of the environment with it.")
    kinds: tuple[NoticeKind, ...] = Field((), description="What it hears of, by kind. Empty: of everything.")
    owners: tuple[str, ...] = Field((), description="Whose services it hears of. Empty: everybody's.")
    projects: tuple[str, ...] = Field((), description="Of which projects it hears. Empty: of all.")
    quiet: tuple[QuietSettings, ...] = Field(
        (), description='Its quiet hours: [{cron = "0 22 * * *", duration = "9h", timezone = "Europe/Berlin"}]'
    )
    urgent: tuple[NoticeKind, ...] = Field(("rollout-stopped",), description="Kinds that don't wait for their end.")
    per_hour: int = Field(
        0, ge=0, le=10_000, description="Messages within an hour; what is more waits. 0: 20 by apprise, 600 webhooks."
    )
    timeout: int = Field(10, ge=1, le=60, description="Seconds for a webhook to be taken.")
    ca_file: str = Field("", description="Certificates to trust for https, beside the system's.")
    allow_loopback: bool = Field(False, description="Whether a webhook may go to this machine itself.")
    allow_link_local: bool = Field(False, description="Whether a webhook may go to link-local addresses.")

    @model_validator(mode="after")
    def _fits_type(self) -> Self:
        addresses, secrets = [self.url, self.url_file, self.url_env], [self.secret_file, self.secret_env]
        if self.type == "webhook":
            if sum(map(bool, addresses)) != 1:
                raise ValueError("give a webhook one of url, url_file, url_env")
            if sum(map(bool, secrets)) != 1:
                raise ValueError("give a webhook one of secret_file, secret_env: it is signed")
            return self
        if self.url or sum(map(bool, addresses)) != 1:
            raise ValueError("give the address as url_file or url_env: mostly there is a secret in it")
        only = ("secret_file", "secret_env", "timeout", "ca_file", "allow_loopback", "allow_link_local")
        if given := [name for name in only if name in self.model_fields_set]:
            raise ValueError(f"{', '.join(given)} only mean something with type webhook")
        return self


class Serve(Section):
    """The daemon, `reconciler serve`."""

    listen: Annotated[str, AfterValidator(_listen)] = Field(
        "127.0.0.1:8430", description="Where it answers: health, metrics, webhooks. Put a proxy with TLS before it."
    )
    poll_interval: Span = Field("30s", validate_default=True, ge=1, description="How often Git is looked at.")
    observe_interval: Span = Field("30m", validate_default=True, ge=1, description="How often each host is asked.")
    log_format: Literal["text", "json"] = Field("text", description="Lines for people, or for programs.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="What is logged at the least.")
    github_secret_file: str = Field("", description="A file with the secret of GitHub's webhooks. Empty: none come.")
    gitlab_token_file: str = Field("", description="A file with the secret token of GitLab's webhooks.")
    webhook_secret_file: str = Field("", description="A file with the secret of generic webhooks.")


class Forge(Section):
    """Where pull requests are, for `reconciler pr comment`. In a job of GitHub Actions or GitLab CI all of it is known
    without. See [pull requests](pull-requests.md)."""

    type: Literal["", "github", "gitlab"] = Field("", description="Which one; Enterprise and self-hosted ones too.")
    api_url: str = Field("", description="Its API: https://HOST/api/v3, https://HOST/api/v4. Empty: the hosted one.")
    repository: str = Field("", description="OWNER/NAME; at GitLab the project's number or whole path.")
    token_file: str = Field("", description="A file with the token. Empty: GITHUB_TOKEN or GITLAB_TOKEN counts.")
    ca_file: str = Field("", description="Certificates to trust, beside the system's.")
    allow_http: bool = Field(False, description="Whether the token may be sent without TLS.")
    patience: Span = Field("5m", validate_default=True, description="How long one request may wait for limits.")
    label: Annotated[str, Field(pattern="^[^,]*$")] = Field(
        "reconciler: deletes", description="The label of pull requests that delete something. Empty: none."
    )


Named: TypeAlias = InventorySettings | NotifySettings


class Settings(Section):
    """All settings. In the environment a section's setting has two underscores: RECONCILER_SSH__USER."""

    repo: str = Field(".", description="The state repository: a path, or an https or ssh address.")
    rev: str = Field("", description="A branch, tag or commit. Empty: the repository's default branch.")
    path: str = Field("", description="The folder of the repository with the documents. Empty: all of it.")
    store: str = Field(
        "",
        description="The store: a file, or postgresql://USER@HOST/DATABASE (no password in it). Empty: a file for each "
        "repository, in your state directory.",
    )
    store_password_file: str = Field(
        "", description="A file with the password for PostgreSQL. Empty: PGPASSFILE, ~/.pgpass and PGPASSWORD count."
    )
    lease: Span = Field(
        "30s",
        validate_default=True,
        ge=5,
        le=3600,
        description="PostgreSQL only: how long a process that died keeps others from applying.",
    )
    allow_local: bool = Field(False, description="Whether hosts may be this machine itself (connection: local).")
    state_dir: str = Field(
        "",
        description="Where a store that is not named is kept, and, with PostgreSQL, the pause of this machine. Empty: "
        "your state directory, which is another one for everybody.",
    )
    cache_dir: str = Field(
        "", description="Where fetched repositories, parsed documents and host code are kept. Empty: your cache."
    )
    ssh: Ssh = Ssh.model_validate({})
    git: Git = Git.model_validate({})
    limits: LimitSettings = LimitSettings.model_validate({})
    secrets: SecretSettings = SecretSettings.model_validate({})
    history: History = History.model_validate({})
    snapshot: SnapshotSettings = SnapshotSettings.model_validate({})
    health: Health = Health.model_validate({})
    serve: Serve = Serve.model_validate({})
    forge: Forge = Forge.model_validate({})
    inventory: tuple[InventorySettings, ...] = Field((), description="Sources of hosts outside of the repository.")
    signers: tuple[SignersSettings, ...] = Field((), description="Who must sign changes of parts of the repository.")
    notify: tuple[NotifySettings, ...] = Field((), description="Who is told what happens.")

    @field_validator("inventory", "notify")
    @classmethod
    def _named_once(cls, value: tuple[Named, ...]) -> tuple[Named, ...]:
        names = [each.name for each in value]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"two of them are called {twice[0]}")
        return value
