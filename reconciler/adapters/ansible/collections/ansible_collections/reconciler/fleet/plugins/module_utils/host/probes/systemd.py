"""Units of systemd: loaded or not, running or not, enabled or not. One `systemctl show` for all of them.

Takes `{"unit": "nginx.service", "want": ["state", "enabled", "masked"]}`; answers `{"load": …}` and what is wanted.
States that pass by themselves are reported as where they lead, so that the same unit gives the same facts whenever
it is looked at. It must not know what anybody wants of the unit.
"""

import glob
import os
import subprocess

PROPERTIES = ("LoadState", "ActiveState", "UnitFileState")
STATES = {
    "active": "running",
    "activating": "running",
    "reloading": "running",
    "refreshing": "running",
    "maintenance": "running",
    "inactive": "stopped",
    "deactivating": "stopped",
    "failed": "failed",
}


def answer(queries, root=""):
    units = sorted({query["unit"] for query in queries})
    shown = dict(zip(units, read(_show(units), len(units))))
    return [_facts(query["unit"], query["want"], shown[query["unit"]]) for query in queries]


def read(output, count):
    """The properties of each unit, in order. systemctl parts them by an empty line."""
    blocks = [block for block in output.strip("\n").split("\n\n") if block]
    if len(blocks) != count:
        raise RuntimeError(f"systemctl told of {len(blocks)} units, asked for {count}; is systemd running here?")
    return [dict(line.partition("=")[::2] for line in block.splitlines()) for block in blocks]


def _show(units):
    # One `--property` for all keeps the output the same on old and new versions.
    command = ["systemctl", "show", "--no-pager", "--property=" + ",".join(PROPERTIES), "--", *units]
    environment = dict(os.environ, LC_ALL="C.UTF-8", SYSTEMD_COLORS="0")
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, env=environment, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr.decode("utf-8", "replace").strip()[:300] or "systemctl failed")
    return done.stdout.decode("utf-8", "replace")


def _facts(unit, want, properties):
    load = properties["LoadState"]
    facts = {"load": load}
    if load == "not-found":
        return facts
    if "state" in want:
        facts["state"] = STATES.get(properties["ActiveState"], properties["ActiveState"])
    if "enabled" in want:
        facts["enabled"] = _enabled(unit, properties["UnitFileState"])
    if "masked" in want:
        facts["masked"] = load == "masked"
    return facts


def _enabled(unit, state):
    """`enabled`, `disabled` or, for units that have nothing to enable, the word that systemd has for them."""
    if state == "generated" and unit.endswith(".service"):
        # A script of SysV init: systemd knows only that it made the unit, the links say whether it starts at boot.
        links = glob.glob("/etc/rc[2345].d/S[0-9][0-9]" + glob.escape(unit[: -len(".service")]))
        return "enabled" if links else "disabled"
    if state in ("static", "indirect", "generated", "transient", "alias"):
        return state
    return "enabled" if state == "enabled" else "disabled"
