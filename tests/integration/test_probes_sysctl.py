"""The sysctl probe on this machine's kernel, which it only reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reconciler.adapters.ansible.collections.ansible_collections.reconciler.fleet.plugins.module_utils.host import (
    probes,
)
from reconciler.adapters.ansible.collections.ansible_collections.reconciler.fleet.plugins.module_utils.host.probes import (  # noqa: E501
    sysctl,
)


def ask(name: str, file: Path) -> dict[str, Any]:
    (facts,) = probes.answer([{"probe": "sysctl", "name": name, "file": str(file)}])
    return facts


def test_the_running_value_and_no_drop_in(tmp_path: Path) -> None:
    running = Path("/proc/sys/kernel/ostype").read_text().strip()
    assert ask("kernel.ostype", tmp_path / "none") == {"value": running, "exists": False, "persisted": None}


def test_several_numbers_have_single_spaces(tmp_path: Path) -> None:
    assert ask("kernel.printk", tmp_path / "none")["value"].count(" ") == 3


def test_a_setting_that_the_kernel_does_not_have(tmp_path: Path) -> None:
    assert ask("vm.swapiness", tmp_path / "none")["value"] is None


def test_a_directory_of_settings_is_unknown(tmp_path: Path) -> None:
    assert "error" in ask("net.ipv4", tmp_path / "none")


def test_a_drop_in_that_is_not_a_file_is_unknown(tmp_path: Path) -> None:
    assert "not a regular file" in ask("kernel.ostype", tmp_path)["error"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("vm.swappiness = 1\n", "1"),
        ("# vm.swappiness = 1\n; x\n", None),
        ("vm.swappiness=1\n -vm.swappiness\t=\t2  3 ", "2 3"),
        ("vm.swappiness_x = 1", None),
        ("", None),
    ],
)
def test_drop_ins(tmp_path: Path, text: str, value: str | None) -> None:
    file = tmp_path / "f.conf"
    file.write_text(text)
    facts = ask("vm.swappiness", file)
    assert (facts["exists"], facts["persisted"]) == (True, value)
    assert sysctl.persisted(text, "vm.swappiness") == value
