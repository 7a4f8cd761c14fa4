"""The systemd probe, on output as `systemctl show` of systemd 252 gives it."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest

from reconciler.adapters.ansible.collections.ansible_collections.reconciler.fleet.plugins.module_utils.host import (
    probes,
)

systemd = import_module(f"{probes.__name__}.systemd")


ALL = ["state", "enabled", "masked"]
SHOWN = {
    "cron.service": "LoadState=loaded\nActiveState=active\nUnitFileState=enabled",
    "exim4.service": "LoadState=masked\nActiveState=inactive\nUnitFileState=masked",
    "none.service": "LoadState=not-found\nActiveState=inactive\nUnitFileState=",
}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The units of each call of systemctl."""
    calls: list[list[str]] = []

    def show(units: list[str]) -> str:
        calls.append(units)
        return "\n\n".join(SHOWN[unit] for unit in units) + "\n"

    monkeypatch.setattr(systemd, "_show", show)
    return calls


def test_all_units_cost_one_call_and_are_answered_in_order(asked: list[list[str]]) -> None:
    units = ["none.service", "cron.service", "exim4.service", "cron.service"]
    assert systemd.answer([{"unit": unit, "want": ALL} for unit in units]) == [
        {"load": "not-found"},
        {"load": "loaded", "state": "running", "enabled": "enabled", "masked": False},
        {"load": "masked", "state": "stopped", "enabled": "disabled", "masked": True},
        {"load": "loaded", "state": "running", "enabled": "enabled", "masked": False},
    ]
    assert asked == [["cron.service", "exim4.service", "none.service"]]


def test_only_what_is_wanted_is_told(asked: list[list[str]]) -> None:
    assert systemd.answer([{"unit": "cron.service", "want": []}]) == [{"load": "loaded"}]


@pytest.mark.parametrize(
    ("active", "state"),
    [
        ("active", "running"),
        ("activating", "running"),
        ("reloading", "running"),
        ("refreshing", "running"),
        ("maintenance", "running"),
        ("inactive", "stopped"),
        ("deactivating", "stopped"),
        ("failed", "failed"),
        ("some-new-word", "some-new-word"),
    ],
)
def test_states_that_pass_are_told_as_where_they_lead(active: str, state: str) -> None:
    properties = {"LoadState": "loaded", "ActiveState": active, "UnitFileState": "enabled"}
    assert systemd._facts("x.service", ["state"], properties) == {"load": "loaded", "state": state}


@pytest.mark.parametrize(
    ("state", "enabled"),
    [
        ("enabled", "enabled"),
        ("enabled-runtime", "disabled"),
        ("disabled", "disabled"),
        ("linked", "disabled"),
        ("masked", "disabled"),
        ("bad", "disabled"),
        ("", "disabled"),
        ("static", "static"),
        ("indirect", "indirect"),
        ("transient", "transient"),
        ("alias", "alias"),
    ],
)
def test_whether_a_unit_starts_with_the_machine(state: str, enabled: str) -> None:
    properties = {"LoadState": "loaded", "ActiveState": "active", "UnitFileState": state}
    facts: dict[str, Any] = systemd._facts("x.service", ["enabled"], properties)
    assert facts["enabled"] == enabled


def test_a_script_of_sysv_init_is_enabled_by_its_links(monkeypatch: pytest.MonkeyPatch) -> None:
    patterns: list[str] = []
    monkeypatch.setattr(systemd.glob, "glob", lambda p: patterns.append(p) or ["/etc/rc2.d/S01old"])
    assert systemd._enabled("old.service", "generated") == "enabled"
    monkeypatch.setattr(systemd.glob, "glob", lambda p: [])
    assert systemd._enabled("old.service", "generated") == "disabled"
    assert systemd._enabled("srv.mount", "generated") == "generated"
    assert patterns == ["/etc/rc[2345].d/S[0-9][0-9]old"]


@pytest.mark.parametrize("output", ["", "Running in chroot, ignoring command 'show'\n"])
def test_no_answer_is_an_error_and_not_absence(output: str) -> None:
    with pytest.raises(RuntimeError, match="is systemd running here"):
        systemd.read(output, 2)
