"""The account probe: on accounts that every Linux has, and on shadow lines."""

from __future__ import annotations

import grp
import os
import pwd
from importlib import import_module
from typing import Any

import pytest

from reconciler.adapters.ansible.collections.ansible_collections.reconciler.fleet.plugins.module_utils.host import (
    probes,
)
from reconciler.kinds.user import User, UserSpec
from reconciler.model.state import Present

account = import_module(f"{probes.__name__}.account")

HASH = "$6$abcdefghijklmnop$J/AWykHqo2Tx5UtavGnFc3ytI33la50JpzLTarSWVhkIXK6wOjNwwZjsrIw2UgmrER2EKrSHCeQyAINEEXAk1/"
SHADOW = f"""root:*:20000:0:99999:7:::
app:{HASH}:20000:0:99999:7:::
alice:!{HASH}:20000:0:99999:7:::
bob:abJnggxhB/yWI:20000:0:99999:7:::
eve::20000:0:99999:7:::
"""


def look(**query: Any) -> dict[str, Any]:
    (facts,) = probes.answer([{"probe": "account", **query}])
    return dict(facts)


def test_root_as_this_machine_has_it() -> None:
    root = pwd.getpwnam("root")
    groups = {grp.getgrgid(gid).gr_name for gid in os.getgrouplist("root", 0)} - {"root"}
    assert look(user="root", want=["uid", "group", "groups", "home", "shell", "comment"]) == {
        "exists": True,
        "uid": 0,
        "group": "root",
        "groups": sorted(groups),
        "home": root.pw_dir,
        "shell": root.pw_shell,
        "comment": root.pw_gecos,
    }
    assert look(group="root", want=["gid"]) == {"exists": True, "gid": 0}


def test_groups_are_those_besides_the_primary_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getgrouplist", lambda name, gid: [gid, 0, 4294967000])
    entry = pwd.struct_passwd(("app", "x", 990, 990, "", "/", "/bin/sh"))
    assert sorted(account._groups(entry)) == ["4294967000", "root"]


def test_only_what_is_wanted_is_told() -> None:
    assert look(user="root", want=[]) == {"exists": True}
    assert look(group="root", want=[]) == {"exists": True}


def test_who_is_not_there() -> None:
    assert look(user="no-such-user", want=["uid"]) == {"exists": False}
    assert look(group="no-such-group", want=["gid"]) == {"exists": False}


@pytest.mark.parametrize(
    ("name", "told"),
    [("root", "*"), ("alice", "!"), ("bob", "legacy"), ("eve", "empty"), ("ldap-user", "elsewhere")],
)
def test_passwords_that_are_told_by_a_word(name: str, told: str) -> None:
    assert account.read_password(SHADOW, name, "salt") == told


def test_a_hash_is_told_by_a_digest_that_only_its_owner_can_compare() -> None:
    told = account.read_password(SHADOW, "app", "salt")
    assert told == account.read_password(SHADOW, "app", "salt")
    assert told != account.read_password(SHADOW, "app", "other salt")
    assert told != account.read_password(SHADOW.replace("Ak1/", "Ak2/"), "app", "salt")
    assert len(told) == 32
    assert not any(part in told for part in HASH.split("$") if len(part) > 2)


def test_both_sides_make_the_same_of_a_hash() -> None:
    spec = UserSpec(password=HASH)
    wanted = User().wanted("app", spec)
    assert isinstance(wanted, Present)
    assert wanted.state["password"] == account.read_password(SHADOW, "app", User().query("app", spec)["salt"])


def test_shadow_that_cannot_be_read_leaves_the_password_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account, "SHADOW", "/no/such/shadow")
    assert "/no/such/shadow" in look(user="root", want=["password"], salt="s")["error"]
    assert look(user="root", want=["uid"]) == {"exists": True, "uid": 0}
