"""What comes before what on a host without anybody saying so: one resource gives a token that the other is after."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.kinds import builtin

KINDS = builtin()
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFVtKHdYnrDrjfwyOlFACAEE1ND6GrBB6BuyQ98AO3q1"

PACKAGE = ("package", "nginx", {})
PACKAGE_OF_ARCHITECTURE = ("package", "nginx:amd64", {})
UNIT = ("unit", "nginx.service", {"content": ""})
DROP_IN = ("unit", "nginx.service.d/limits.conf", {"content": ""})
TEMPLATE = ("unit", "worker@.service", {"content": ""})
TIMER = ("unit", "backup.timer", {"content": ""})
SERVICE = ("service", "nginx", {"state": "running", "reload_on": ["file//etc/nginx/nginx.conf"]})
FULL_SERVICE = ("service", "nginx.service", {"state": "running"})
INSTANCE = ("service", "worker@one", {"state": "running"})
TIMER_SERVICE = ("service", "backup.timer", {"state": "running"})
GROUP = ("group", "app", {})
USER = ("user", "app", {"group": "app"})
MEMBER = ("user", "alice", {"groups": ["app"]})
FILE = ("file", "/etc/app.conf", {"owner": "app", "group": "app"})
CONFIG = ("file", "/etc/nginx/nginx.conf", {})
AUTHORIZED_KEY = ("authorized_key", "alice@laptop", {"user": "alice", "key": KEY})

Thing = tuple[str, str, dict[str, Any]]


def comes_before(first: Thing, then: Thing) -> bool:
    (kind, name, fields), (other_kind, other_name, other_fields) = first, then
    gives = KINDS[kind].provides(name, KINDS[kind].Spec.model_validate(fields))
    waits = KINDS[other_kind].after(other_name, KINDS[other_kind].Spec.model_validate(other_fields))
    return bool(gives & waits)


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (PACKAGE, SERVICE),
        (PACKAGE, FULL_SERVICE),
        (PACKAGE_OF_ARCHITECTURE, SERVICE),
        (UNIT, SERVICE),
        (UNIT, FULL_SERVICE),
        (DROP_IN, SERVICE),
        (TEMPLATE, INSTANCE),
        (TIMER, TIMER_SERVICE),
        (GROUP, USER),
        (GROUP, MEMBER),
        (GROUP, FILE),
        (USER, FILE),
        (MEMBER, AUTHORIZED_KEY),
    ],
    ids=lambda thing: f"{thing[0]}/{thing[1]}",
)
def test_what_comes_first(first: Thing, then: Thing) -> None:
    assert comes_before(first, then)
    assert not comes_before(then, first)


@pytest.mark.parametrize(
    ("first", "then"),
    [(CONFIG, SERVICE), (UNIT, INSTANCE), (TIMER, SERVICE), (USER, AUTHORIZED_KEY), (PACKAGE, UNIT), (USER, GROUP)],
    ids=lambda thing: f"{thing[0]}/{thing[1]}",
)
def test_what_has_nothing_to_do_with_each_other(first: Thing, then: Thing) -> None:
    """A service's `reload_on` is no token: the resource itself says it, as a key."""
    assert not comes_before(first, then)
