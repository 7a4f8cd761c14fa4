"""The lab itself: its machines are what scenarios take them for, and nothing of a lab stays behind."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.lab import Lab, Machine, demo
from tests.lab.base import OPSPW_PASSWORD, LabError
from tests.lab.guard import INOTIFY
from tests.lab.needs import cgroup_root

pytestmark = pytest.mark.machines

NSPAWN = Path("/run/systemd/nspawn")


def test_four_machines_have_booted_completely(lab: Lab) -> None:
    assert [m.name for m in lab.machines] == ["lab-1", "lab-2", "lab-3", "lab-4"]
    for machine in lab.machines:
        assert machine.ssh("systemctl is-system-running").stdout == "running\n"


def test_machines_are_told_apart(lab: Lab) -> None:
    for machine in lab.machines:
        assert machine.ssh("hostname && cat /etc/machine-id").stdout == f"{machine.name}\n{machine.id}\n"
    for identity in ("id", "address", "host_key"):
        assert len({getattr(m, identity) for m in lab.machines}) == 4


@pytest.mark.parametrize(
    ("user", "command", "expected"),
    [
        ("root", "id -un", "root"),
        ("ops", "id -un", "ops"),
        ("ops", "sudo --non-interactive id -un", "root"),
        ("opspw", "id -un", "opspw"),
        ("opspw", "sudo --stdin --prompt= id -un", "root"),
    ],
)
def test_logging_in(lab: Lab, user: str, command: str, expected: str) -> None:
    done = lab.machines[1].ssh(command, user=user, stdin=OPSPW_PASSWORD + "\n")
    assert done.stdout == expected + "\n"


def test_sudo_asks_opspw_for_the_password(lab: Lab) -> None:
    done = lab.machines[1].ssh("sudo --non-interactive id", user="opspw", check=False)
    assert done.returncode == 1
    assert "a password is required" in done.stderr


def test_what_a_configuration_tool_does_works(machine: Machine) -> None:
    machine.run("useradd --create-home --shell /bin/sh alice && echo '5 4 * * * true' | crontab -u alice -")
    assert machine.run("crontab -l -u alice").stdout == "5 4 * * * true\n"
    assert machine.run("id -un", user="alice").stdout == "alice\n"
    assert machine.run("systemctl is-active cron").stdout == "active\n"
    machine.write("/srv/deep/er/file", "text\n", mode="0600")
    assert machine.read("/srv/deep/er/file") == "text\n"
    assert machine.run("stat -c %a /srv/deep/er/file").stdout == "600\n"
    machine.run("mkdir /mnt/t && mount -t tmpfs t /mnt/t && hostnamectl set-hostname other")
    assert machine.run("hostname").stdout == "other\n"


def test_packages_install_upgrade_and_leave(lab: Lab, machine: Machine) -> None:
    machine.run("apt-get -q update && apt-get -qy install reconciler-demo")
    assert machine.run("reconciler-demo --version").stdout == "1.0\n"
    assert machine.run("systemctl is-active reconciler-demo; systemctl is-enabled reconciler-demo").stdout == (
        "active\nenabled\n"
    )
    before = machine.run("systemctl show --value --property=MainPID reconciler-demo").stdout
    lab.apt.publish(demo("2.0"))
    machine.run("apt-get -q update && apt-get -qy install reconciler-demo")
    lab.apt.withdraw(demo("2.0"))
    assert machine.run("reconciler-demo --version").stdout == "2.0\n"
    machine.run("systemctl reload reconciler-demo")
    assert machine.run("systemctl show --value --property=MainPID reconciler-demo").stdout != before
    machine.run("apt-get -qy purge reconciler-demo")
    assert not machine.exists("/etc/reconciler-demo.conf")
    assert machine.run("systemctl is-active reconciler-demo", check=False).stdout == "inactive\n"


def test_the_labs_repository_is_the_only_apt_source(lab: Lab) -> None:
    printed = lab.machines[1].run("apt-get --print-uris update").stdout
    assert {line.split("/")[0] for line in printed.splitlines()} == {"'file:"}


@pytest.mark.parametrize(
    ("key", "value"),
    [("kernel.shmmni", "5000"), ("kernel.msgmax", "9000"), ("fs.mqueue.msg_max", "12"), ("vm.swappiness", "7")],
)
def test_writable_kernel_settings_are_the_machines_own(lab: Lab, machine: Machine, key: str, value: str) -> None:
    path = Path("/proc/sys") / key.replace(".", "/")
    ours, other = path.read_text(), lab.machines[1].read(str(path))
    machine.run(f"sysctl -w {key}={value}")
    assert machine.run(f"sysctl -n {key}").stdout == f"{value}\n"
    assert path.read_text() == ours
    assert lab.machines[1].read(str(path)) == other


def test_kernel_settings_of_the_whole_computer_are_read_only(lab: Lab) -> None:
    for key in ("vm.dirty_ratio", "net.ipv4.ip_forward", "kernel.panic"):
        assert lab.machines[1].run(f"sysctl -w {key}=1", check=False).returncode != 0


def test_a_refusing_machine_comes_back(machine: Machine) -> None:
    with subprocess.Popen(
        ["ssh", "-F", machine.site.client / "ssh_config", machine.name, "echo in; sleep 60"], stdout=subprocess.PIPE
    ) as session:
        assert session.stdout is not None
        assert session.stdout.readline() == b"in\n"
        machine.refuse()
        assert session.wait(5) == 255
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((machine.address, machine.port), timeout=5)
    assert machine.run("hostname").stdout == "lab-1\n"
    machine.accept()
    assert machine.ssh("hostname").stdout == "lab-1\n"


def test_a_paused_machine_accepts_and_never_answers(machine: Machine) -> None:
    machine.pause()
    with socket.create_connection((machine.address, machine.port), timeout=5) as connection:
        connection.settimeout(0.3)
        with pytest.raises(TimeoutError):
            connection.recv(1)
    assert machine.run("hostname").stdout == "lab-1\n"
    machine.resume()
    assert machine.ssh("hostname").stdout == "lab-1\n"


@pytest.mark.parametrize("off", ["kill", "stop"])
def test_writes_survive_switching_off_and_a_reset_takes_them_back(machine: Machine, off: str) -> None:
    machine.write("/etc/motd", "hello\n")
    booted = machine.read("/proc/sys/kernel/random/boot_id")
    getattr(machine, off)()
    assert not machine.on
    assert machine.ssh("true", check=False).returncode == 255
    machine.start()
    assert machine.read("/etc/motd") == "hello\n"
    assert machine.read("/etc/machine-id") == machine.id + "\n"
    assert machine.read("/proc/sys/kernel/random/boot_id") != booted
    machine.reset()
    assert machine.read("/etc/motd") != "hello\n"
    assert machine.ssh("cat /etc/machine-id").stdout == machine.id + "\n"


def test_a_replaced_machine_is_another_one_at_the_same_address() -> None:
    with Lab(1) as lab:
        machine = lab["lab-1"]
        identity, host_key = machine.id, machine.host_key
        machine.replace()
        assert machine.read("/etc/machine-id") == machine.id + "\n"
        assert machine.id != identity
        assert machine.host_key != host_key
        assert "HOST IDENTIFICATION HAS CHANGED" in machine.ssh("true", check=False).stderr


def test_a_machine_that_is_off_says_so(machine: Machine) -> None:
    machine.kill()
    with pytest.raises(LabError, match="lab-1 is not on"):
        machine.run("true")


def test_two_labs_do_not_meet(lab: Lab) -> None:
    with Lab(1) as other:
        assert other.machines[0].address not in {m.address for m in lab.machines}
        assert other.machines[0].ssh("hostname").stdout == "lab-1\n"
    assert lab.machines[0].ssh("hostname").stdout == "lab-1\n"


def traces(lab: Lab) -> list[str]:
    """What is there of a lab on this computer."""
    site = lab.machines[0].site
    mounts = [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if str(site.folder) in line]
    processes = [str(p) for p in Path("/proc").glob("[0-9]*/cmdline") if site.registered + "-" in _read(p)]
    places = [str(p) for p in (site.folder, site.cgroup, *NSPAWN.glob(f"*/{site.registered}-*")) if p.exists()]
    return mounts + processes + places


def _read(path: Path) -> str:
    with contextlib.suppress(OSError):
        return path.read_text(errors="replace")
    return ""


def test_nothing_stays_behind() -> None:
    with Lab(2) as lab:
        assert len(traces(lab)) >= 4
        assert int(INOTIFY.read_text()) >= 1024
    assert traces(lab) == []


def test_nothing_stays_behind_after_an_error_in_a_test() -> None:
    with pytest.raises(ZeroDivisionError), Lab(1) as lab:
        lab.machines[0].pause()
        raise ZeroDivisionError
    assert traces(lab) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_nothing_stays_behind_after_its_process_is_killed(number: signal.Signals) -> None:
    script = (
        "import time; from tests.lab import Lab\n"
        "with Lab(1) as lab: print(lab.machines[0].site.folder, flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        folder = Path(process.stdout.readline().strip())
        assert folder.is_dir()
        os.kill(process.pid, number)
        process.wait(60)
    cgroup = (cgroup_root() or Path()) / folder.name
    give_up = time.monotonic() + 60
    while (folder.exists() or cgroup.exists()) and time.monotonic() < give_up:
        time.sleep(0.05)
    assert not folder.exists()
    assert not cgroup.exists()


def test_the_next_lab_sweeps_up_where_even_the_guard_was_killed(lab: Lab) -> None:
    script = (
        "import os, signal; from tests.lab import Lab\n"
        "lab = Lab(1).__enter__(); print(lab.machines[0].site.folder, flush=True)\n"
        "os.kill(lab._guard.pid, signal.SIGKILL); os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    folder = Path(done.stdout.strip())
    assert folder.is_dir()
    with Lab(1) as heir:
        assert heir.machines[0].site.folder == folder
        assert heir.machines[0].ssh("hostname").stdout == "lab-1\n"
    assert traces(heir) == []
