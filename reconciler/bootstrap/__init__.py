"""The composition root: the only place that knows both the ports and their adapters, and wires them by settings.

Who is told what happens is in `notifying`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.bootstrap.secret_files import secret_in as _secret
from reconciler.config import InventorySettings, LimitSettings, Settings, cache_dir, state_dir
from reconciler.core.gate import Limits
from reconciler.core.parsing.limits import Limits as ParseLimits
from reconciler.core.planning.batch import Caution
from reconciler.core.running.watch import Patience
from reconciler.kinds import Registry, builtin
from reconciler.loop.collector import uncollected
from reconciler.loop.world import Reading, World
from reconciler.model.digest import digest
from reconciler.model.errors import Stalled
from reconciler.ports import DocumentCache, Listener, Prober, Secrets, Source
from reconciler.ports.forge import Forge

if TYPE_CHECKING:
    from reconciler.adapters.brake import FileBrake
    from reconciler.adapters.git.settings import GitSettings
    from reconciler.adapters.git.signed import Policy
    from reconciler.adapters.inventory.settings import SourceSettings
    from reconciler.adapters.inventory.source import InventorySource
    from reconciler.adapters.log import LogListener
    from reconciler.adapters.post import Mailbox
    from reconciler.adapters.store.store import SqlStore
    from reconciler.core.observing.snapshot import Contents
    from reconciler.core.proposing.proposal import Basis
    from reconciler.core.serving.condition import Condition, Pace
    from reconciler.core.serving.webhook import Source as Sender
    from reconciler.loop.lead import Life
    from reconciler.loop.propose import Bearings
    from reconciler.model.order import Orders


NOTICED = 0.2
"""Seconds until somebody who waits notices that he is to stop."""


class SystemClock:
    """The computer's clock."""

    def now(self) -> datetime:
        """The time, in UTC."""
        return datetime.now(UTC)

    def wait(self, seconds: float, stopping: Callable[[], bool]) -> None:
        """See `ports.Clock`."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and not stopping():
            time.sleep(min(left, NOTICED))


@contextmanager
def open_world(settings: Settings, listeners: Sequence[Listener] = ()) -> Iterator[World]:
    """Everything that planning and applying work with. Raises Stalled for what can't be had."""
    from reconciler.adapters.ansible.carrier import AnsibleCarrier
    from reconciler.adapters.ansible.settings import SshSettings

    reading = open_reading(settings)
    where = str(cache_dir(settings))
    ssh = SshSettings(**settings.ssh.model_dump(), cache_dir=where, digest_key=_digest_key(settings))
    with open_store(settings) as store:
        yield World(
            reading=reading,
            store=store,
            carrier=AnsibleCarrier(ssh),
            prober=_prober(settings),
            clock=SystemClock(),
            listeners=listeners,
            limits=limits_of(settings),
            caution=caution_of(settings),
            patience=Patience(settings.health.patience, settings.health.interval),
            keep=timedelta(seconds=settings.history.keep) if settings.history.keep else None,
            secrets=_secrets(settings),
            brake=open_brake(settings),
            outbox=store.outbox,
        )


@contextmanager
def open_bearings(settings: Settings, basis: Basis, snapshot: str = "") -> Iterator[Bearings]:
    """What pull requests are looked at with: a store, the file of a snapshot, or nothing. Reaches no host, opens no
    secret. Raises Stalled for what can't be had."""
    from reconciler.loop.propose import Bearings, Records

    reading, now = open_reading(settings), SystemClock().now()
    limits, caution = limits_of(settings), caution_of(settings)
    match basis:
        case "none":
            yield Bearings(reading, Records(), limits, caution, now)
        case "snapshot":
            from reconciler.adapters.snapshot import read
            from reconciler.core.observing.snapshot import read_snapshot

            known = read_snapshot(read(Path(snapshot), settings.snapshot.public_key_file))
            yield Bearings(reading, Records("snapshot", known, known.taken_at, known.orders), limits, caution, now)
        case "store":
            with open_store(settings) as store:
                orders = _orders(store, settings, now)
                records = Records("store", store, None, orders, store.approvals, store.keep_plan)
                yield Bearings(reading, records, limits, caution, now)


def taken_now(store: SqlStore, settings: Settings) -> Contents:
    """All that a store knows of hosts now."""
    from reconciler.core.observing.snapshot import Contents

    now = SystemClock().now()
    orders = _orders(store, settings, now)
    return Contents(now, store.id, orders, store.heads(), store.observations(), store.ownership())


def _orders(store: SqlStore, settings: Settings, now: datetime) -> Orders:
    """What operators ordered; the brake needs no store."""
    pause, orders = open_brake(settings).pulled(), store.orders(now)
    return replace(orders, pause=pause) if pause else orders


@contextmanager
def open_daemon(settings: Settings, mailbox: Mailbox, log: LogListener) -> Iterator[tuple[Life, str]]:
    """The daemon's life with everything around it: HTTP, ticks, metrics, a log; and where it listens."""
    from random import SystemRandom

    from reconciler.adapters.http.app import Desk, application
    from reconciler.adapters.http.server import serving
    from reconciler.adapters.metrics.recorder import Recorder
    from reconciler.adapters.ticker import ticking
    from reconciler.bootstrap.notifying import open_herald
    from reconciler.loop.lead import Life
    from reconciler.loop.serve import Means

    recorder, herald = Recorder(), open_herald(settings)
    desk = Desk(mailbox.put, recorder.text, webhook_secrets(settings), recorder.webhook)

    def publish(condition: Condition) -> None:
        desk.publish(condition)
        recorder.publish(condition)
        log.publish(condition)

    life = Life(
        post=mailbox,
        open_world=lambda: open_world(settings, (log, recorder, *([herald] if herald else []))),
        means=Means(
            pace=pace_of(settings),
            chance=SystemRandom().random,
            aside=mailbox.aside,
            apart=lambda: open_reading(settings),
            publish=publish,
            stopping=mailbox.stopping,
            herald=herald,
        ),
        rev=settings.rev or None,
    )
    with serving(application(desk), settings.serve.listen) as where, ticking(life.means.pace.beat, mailbox.put):
        yield life, where


def pace_of(settings: Settings) -> Pace:
    """How often what is done."""
    from reconciler.core.serving.condition import Pace

    poll = timedelta(seconds=settings.serve.poll_interval)
    observe = timedelta(seconds=settings.serve.observe_interval)
    return Pace(poll, observe, max(timedelta(seconds=0.5), min(poll / 2, observe / 2, timedelta(seconds=5))))


def webhook_secrets(settings: Settings) -> dict[Sender, bytes]:
    """The secrets of webhooks, by source. Raises Stalled for a file that can't be read, or that is empty."""
    files: dict[Sender, tuple[str, str]] = {
        "github": ("github_secret_file", settings.serve.github_secret_file),
        "gitlab": ("gitlab_token_file", settings.serve.gitlab_token_file),
        "generic": ("webhook_secret_file", settings.serve.webhook_secret_file),
    }
    found = {source: _secret(f"serve.{name}", file).encode() for source, (name, file) in files.items() if file}
    for source, secret in found.items():
        if not secret:
            raise Stalled(f"serve.{files[source][0]} {files[source][1]} is empty", "put the webhook's secret into it")
    return found


def limits_of(settings: Settings) -> Limits:
    """What a plan may do without anybody's word."""
    return Limits(**_numbers(settings.limits, Limits))


def caution_of(settings: Settings) -> Caution:
    """How carefully a plan goes out that touches much."""
    return Caution(**_numbers(settings.limits, Caution))


def open_brake(settings: Settings) -> FileBrake:
    """The pause that needs no store: a file beside it."""
    from reconciler.adapters.brake import FileBrake

    path = state_file(settings)
    return FileBrake(path.with_name(path.name + ".paused"))


def _numbers(limits: LimitSettings, form: type[Limits] | type[Caution]) -> dict[str, Any]:
    """The limits that a part of the core knows, which are called there as in the settings."""
    return {each.name: getattr(limits, each.name) for each in fields(form)}


def _prober(settings: Settings) -> Prober:
    from reconciler.adapters.health import Allowed, NetworkProber

    health = settings.health
    allowed = Allowed(health.allow_loopback, health.allow_link_local, health.allow_metadata)
    return NetworkProber(allowed, health.width, health.prometheus_url, _path(health.ca_file))


@uncollected()
def open_reading(settings: Settings) -> Reading:
    """What it takes to read the state repository; touches no store and no host."""
    from reconciler.core.parsing.parse import Parser
    from reconciler.loop.library import Library

    source, registry, limits = _source(settings), builtin(), ParseLimits()
    library = Library(source, Parser(registry, limits), _document_cache(settings, registry, limits))
    inventories = open_inventories(settings)
    return Reading(source, registry, library, limits, settings.allow_local, inventories)


def _document_cache(settings: Settings, registry: Registry, limits: ParseLimits) -> DocumentCache:
    """One for each repository and path, like stores."""
    from reconciler.adapters.cache import FileCache, version

    return FileCache(cache_dir(settings) / "documents" / _name_of(settings), version(registry, limits))


def open_inventories(settings: Settings) -> tuple[InventorySource, ...]:
    """The sources of hosts outside of Git. What they last listed is kept beside the store."""
    if not settings.inventory:
        return ()
    from reconciler.adapters.inventory.source import InventorySource

    memory = state_file(settings).with_suffix(".inventory")
    return tuple(InventorySource(_inventory(settings, each, memory), SystemClock()) for each in settings.inventory)


def _inventory(settings: Settings, given: InventorySettings, memory: Path) -> SourceSettings:
    from reconciler.adapters.inventory.settings import SourceSettings
    from reconciler.core.inventories.ansible_listing import Mapped, label_rule
    from reconciler.core.inventories.size_check import Bounds

    labels = {key: label_rule(text) for key, text in given.labels.items()}
    return SourceSettings(
        name=given.name,
        type=given.type,
        source=Path(given.source).expanduser(),
        memory=memory,
        repository=_repository_folder(settings.repo),
        max_age=timedelta(seconds=given.max_age),
        timeout=given.timeout,
        mapped=Mapped(labels, given.vars, given.vars_from, given.user, given.become),
        allow_local=settings.allow_local,
        bounds=Bounds(given.max_lost, given.max_gained, given.floor),
        environment=given.environment,
        collections=given.collections,
        program=given.program,
    )


def _repository_folder(repo: str) -> Path | None:
    """The folder with the state repository in it, if that is on this machine."""
    path = Path(repo).resolve()
    if "://" in repo or not path.is_dir():
        return None
    return next((folder for folder in (path, *path.parents) if (folder / ".git").exists()), path)


@contextmanager
def open_forge(settings: Settings, tokens: Mapping[str, str]) -> Iterator[Forge]:
    """The forge that the settings name, with the token of their file or of `tokens`, by the names of variables."""
    from reconciler.adapters.forge import ForgeSettings
    from reconciler.adapters.forge import open_forge as open_at

    forge = settings.forge
    if not forge.type or not forge.repository:
        missing = "forge.type" if not forge.type else "forge.repository"
        raise Stalled(f"{missing} is not set, and nothing here tells it", "see docs/pull-requests.md")
    variable = f"{forge.type.upper()}_TOKEN"
    token = _secret("forge.token_file", forge.token_file) or tokens.get(variable, "").strip()
    if not token:
        raise Stalled(f"there is no token for {forge.type}", f"set {variable}, or forge.token_file to a file with it")
    patience, ca_file = timedelta(seconds=forge.patience), _path(forge.ca_file)
    at = (forge.type, forge.repository, token, forge.api_url, ca_file, forge.allow_http, patience)
    with open_at(ForgeSettings(*at), SystemClock()) as opened:
        yield opened


@contextmanager
def open_store(settings: Settings) -> Iterator[SqlStore]:
    """The store, closed at the end."""
    with uncollected():
        from reconciler.adapters.store import open_postgresql
        from reconciler.adapters.store import open_store as open_file

        if _in_postgresql(settings):
            secret = _secret("store_password_file", settings.store_password_file)
            store = open_postgresql(settings.store, secret, settings.lease)
        else:
            store = open_file(state_file(settings), create_parent=not settings.store)
    with closing(store):
        yield store


def has_store(settings: Settings) -> bool:
    """Whether there is a store by now, as far as that can be told from here."""
    return _in_postgresql(settings) or state_file(settings).exists()


def state_file(settings: Settings) -> Path:
    """The file of the store; with PostgreSQL, where it would be: beside it is what is kept on this machine."""
    if settings.store and not _in_postgresql(settings):
        return Path(settings.store)
    return state_dir(settings) / f"{_name_of(settings)}.db"


def _in_postgresql(settings: Settings) -> bool:
    return settings.store.startswith(("postgresql://", "postgres://"))


def _name_of(settings: Settings) -> str:
    """A file's name that is that repository's and path's own."""
    repo = settings.repo if "://" in settings.repo else str(Path(settings.repo).resolve())
    name = Path(repo).name.removesuffix(".git") or "state"
    return f"{name}-{digest([repo, settings.path])[:8]}"


def _source(settings: Settings) -> Source:
    from reconciler.adapters.git.source import open_source

    return open_source(settings.repo, _git(settings), settings.path)


def _git(settings: Settings) -> GitSettings:
    from reconciler.adapters.git.settings import GitSettings

    git = settings.git
    return GitSettings(
        cache=cache_dir(settings) / "git",
        username=git.username,
        token=_secret("git.token_file", git.token_file),
        ca_file=_path(git.ca_file),
        ssh_key=_path(git.private_key_file),
        known_hosts=_path(git.known_hosts_file),
        signed=_signed(settings),
    )


def _signed(settings: Settings) -> Policy | None:
    """What was accepted is remembered beside the store."""
    from reconciler.adapters.git.signed import Policy
    from reconciler.adapters.git.signers import Signers

    signers = [Signers(s.path, _path(s.allowed_signers_file), _path(s.gpg_keyring)) for s in settings.signers]
    if settings.git.require_signatures:
        signers.insert(0, Signers("", _path(settings.git.allowed_signers_file), _path(settings.git.gpg_keyring)))
    memory = state_file(settings).with_suffix(".signed")
    return Policy(tuple(signers), settings.git.signed_since, memory) if signers else None


def _secrets(settings: Settings) -> Callable[[], Secrets]:
    """A keyring for each run."""
    from reconciler.adapters.secrets import Keyring, SecretsSettings, taken_out

    given = settings.secrets
    found = SecretsSettings(
        age_identity_file=_path(given.age_identity_file),
        vault_password_file=_path(given.vault_password_file),
        file_folder=_path(given.file_folder),
        variables=taken_out(given.env_allow, os.environ),
    )
    return lambda: Keyring(found)


def _digest_key(settings: Settings) -> Callable[[], bytes]:
    from reconciler.adapters.secrets import KeyFile

    return KeyFile(_path(settings.secrets.key_file) or state_file(settings).with_suffix(".key")).key


def _path(text: str) -> Path | None:
    return Path(text) if text else None
