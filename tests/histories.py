"""Histories of drift, made up from a seed: a fleet with sites and owners, and what happened on it over some time.

For tests of reports, for their pictures, and for measuring. Knows nothing of what any of them expects.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random

from pydantic import BaseModel

from reconciler.core.explain.report import Period, Report, report
from reconciler.model.desired import Desired, Host, Profile, Resource, Service
from reconciler.model.episode import Ending, Episode, FieldDrift, Manner, Thing
from reconciler.model.key import Key, Place
from reconciler.model.rollout import Rollout

NOW = datetime(2026, 11, 26, 9, 30, tzinfo=UTC)
WEEK = timedelta(days=7)
OWNERS = {"base": "team-infra", "edge": "team-web", "shop": "team-shop", "db": "team-data", "mail": "team-mail"}
THINGS: dict[str, list[tuple[Key, str, object, object]]] = {
    "base": [
        (Key("sysctl", "vm.swappiness"), "value", "10", "60"),
        (Key("file", "/etc/ssh/sshd_config"), "content", None, None),
        (Key("service", "chrony"), "state", "running", "stopped"),
        (Key("user", "deploy"), "shell", "/bin/sh", "/bin/bash"),
        (Key("file", "/etc/motd"), "mode", "0644", "0664"),
    ],
    "edge": [
        (Key("package", "nginx"), "version", "1.26.0", "1.24.0"),
        (Key("file", "/etc/nginx/nginx.conf"), "content", None, None),
        (Key("service", "nginx"), "enabled", True, False),
    ],
    "shop": [
        (Key("file", "/srv/shop/shop.conf"), "content", None, None),
        (Key("directory", "/srv/shop/cache"), "owner", "shop", "root"),
        (Key("cron", "shop-report"), "schedule", "0 4 * * *", "*/5 * * * *"),
    ],
    "db": [(Key("sysctl", "vm.overcommit_memory"), "value", "2", "0"), (Key("group", "postgres"), "gid", 120, 999)],
    "mail": [
        (Key("file", "/etc/postfix/main.cf"), "content", None, None),
        (Key("package", "postfix"), "version", "3.7", "3.5"),
    ],
}  # fmt: skip
SITES = ("frankfurt", "london", "paris", "singapore", "virginia", "oregon", "tokyo")


class _Spec(BaseModel):
    pass


def fleet(hosts: int) -> Desired:
    """Hosts in sites, each with two services at least; their documents are only named."""
    names = [f"h{number:06}" if hosts > 9999 else f"web-{number:04}" for number in range(hosts)]
    place = Place("hosts/all.yaml", 3, 1)
    known = {
        name: Host(name, place, {"site": SITES[number * len(SITES) // hosts], "rack": f"r{number // 20:05}"})
        for number, name in enumerate(names)
    }
    services = {
        name: Service(name, Place(f"services/{name}.yaml", 4, 1), "web", owner, rollout=Rollout(failure_domain="site"))
        for name, owner in OWNERS.items()
    }
    resources = [
        Resource(key, _Spec(), service, Place(f"services/{service}.yaml", 8 + 4 * line, 7), f"{service}{line}")
        for service, things in THINGS.items()
        for line, (key, *_) in enumerate(things)
    ]
    profile = Profile(tuple(resources), "profile")
    return Desired("1a2b3c4d5e6f", known, services, {}, layouts=dict.fromkeys(names, profile))


def episodes(desired: Desired, many: int, seed: int = 1, span: timedelta = WEEK) -> list[Episode]:
    """What happened: most of it on few hosts and over soon, some of it on many; one fight; one that is very old."""
    chance, hosts = Random(seed), sorted(desired.hosts)
    found = [_episode(chance, hosts, span) for _ in range(many)]
    swap, shell = (Thing("base", THINGS["base"][n][0]) for n in (0, 3))
    fight = (hosts[len(hosts) // 3], hosts[len(hosts) // 2])
    for hour in range(0, 27, 3):
        at = NOW - timedelta(hours=60 - hour)
        found.append(
            Episode(swap, _manner(*THINGS["base"][0][1:]), at, fight, at + timedelta(minutes=8), "us", 800 + hour)
        )
    found.append(Episode(shell, _manner(*THINGS["base"][3][1:]), NOW - timedelta(days=71), tuple(hosts[5:8])))
    return sorted(found, key=lambda each: each.since)


def _episode(chance: Random, hosts: Sequence[str], span: timedelta) -> Episode:
    service = chance.choices(list(THINGS), (5, 4, 3, 1, 1))[0]
    key, path, asked, there = chance.choice(THINGS[service])
    size = min(len(hosts), 1 + int(chance.paretovariate(0.8)))
    first = chance.randrange(len(hosts))
    where = hosts[first : first + size] if chance.random() < 0.5 else chance.sample(hosts, size)
    since = NOW - span * chance.random()
    lasts = timedelta(hours=chance.expovariate(1 / 9))
    over = since + lasts < NOW
    ended: Ending = chance.choices(("us", "host", "git"), (6, 3, 1))[0]
    how = Manner("create", ()) if chance.random() < 0.1 else _manner(path, asked, there)
    thing = Thing(service, key)
    if not over:
        return Episode(thing, how, since, tuple(sorted(where)))
    run = chance.randrange(700, 900) if ended == "us" else None
    return Episode(thing, how, since, tuple(sorted(where)), since + lasts, ended, run)


def _manner(path: str, asked: object, there: object) -> Manner:
    return Manner("update", (FieldDrift(path, asked, there),))


def made(hosts: int = 2400, many: int = 260, seed: int = 1) -> Report:
    """A report of a week."""
    desired = fleet(hosts)
    return report(episodes(desired, many, seed), desired, Period(NOW - WEEK, NOW))
