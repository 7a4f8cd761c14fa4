"""The cron probe: on texts of crontabs, and with a stand-in for the program `crontab`."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Any

import pytest

from reconciler.adapters.ansible.collections.ansible_collections.reconciler.fleet.plugins.module_utils.host import (
    probes,
)
from reconciler.adapters.ansible.collections.ansible_collections.reconciler.fleet.plugins.module_utils.host.probes import (  # noqa: E501
    cron,
)

CRONTAB = """\
MAILTO=""
#Ansible: nightly
30 2 * * 1-5 /usr/bin/backup  --to "a b"
#Ansible: boot
@reboot /bin/warm
#Ansible: off
#5 4 * * * /bin/off
#Ansible: odd
PATH=/bin
#Ansible: first
#Ansible: second
1 1 1 1 1 /bin/second
#Ansible: last"""


def every(*times: str, job: str) -> dict[str, Any]:
    return {"exists": True, **dict(zip(cron.TIMES, times, strict=True)), "job": job}


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("nightly", every("30", "2", "*", "*", "1-5", job='/usr/bin/backup  --to "a b"')),
        ("boot", {"exists": True, "special": "reboot", "job": "/bin/warm"}),
        ("off", every("#5", "4", "*", "*", "*", job="/bin/off")),
        ("odd", {"exists": True, "job": "PATH=/bin"}),
        ("first", {"exists": True, "job": "#Ansible: second"}),
        ("second", {"exists": False}),
        ("last", {"exists": False}),
        ("night", {"exists": False}),
    ],
)
def test_entries(name: str, facts: dict[str, Any]) -> None:
    assert cron.find(CRONTAB, name) == facts


def test_an_entry_that_is_not_text_is_unknown() -> None:
    assert "not UTF-8" in cron.find("#Ansible: x\n* * * * * echo \udcff\n", "x")["error"]


def crontab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    program = tmp_path / "crontab"
    program.write_text(f"#!/bin/sh\necho called >>{tmp_path}/calls\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setattr(cron, "PATH", str(tmp_path))


def ask(*names: str, user: str = "") -> list[dict[str, Any]]:
    return probes.answer([{"probe": "cron", "name": n, "user": user or getpass.getuser()} for n in names])


def test_a_users_crontab_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "text").write_text(CRONTAB)
    crontab(tmp_path, monkeypatch, f'test "$*" = -l && cat {tmp_path}/text')
    assert [f["exists"] for f in ask("nightly", "boot", "none")] == [True, True, False]
    assert (tmp_path / "calls").read_text() == "called\n"


def test_no_crontab_is_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    crontab(tmp_path, monkeypatch, "echo no crontab for you >&2; exit 1")
    assert ask("x") == [{"exists": False}]


def test_a_crontab_that_may_not_be_read_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    crontab(tmp_path, monkeypatch, "echo you are not allowed to use this program >&2; exit 1")
    assert "not allowed" in ask("x")[0]["error"]


def test_without_the_user_there_is_no_entry() -> None:
    assert ask("x", user="no-such-user") == [{"exists": False}]


def test_without_cron_there_is_no_entry_unless_a_crontab_was_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cron, "PATH", str(tmp_path))
    monkeypatch.setattr(cron, "SPOOLS", (str(tmp_path / "none"), str(tmp_path / "spool")))
    assert ask("x") == [{"exists": False}]
    (tmp_path / "spool").mkdir()
    (tmp_path / "spool" / getpass.getuser()).touch()
    assert "is there, but the program" in ask("x")[0]["error"]
