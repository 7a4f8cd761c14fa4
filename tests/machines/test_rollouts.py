"""Rollouts of a web server on real machines: canary first, batches after it, its health in between, and the way back.

The web server itself writes down when it started and what it answered: that is what the order is judged by, and not
what the product says about itself.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from tests.lab import Machine
from tests.machines.state import StateRepo, statuses

pytestmark = pytest.mark.machines

PORT = 8080
LOG = "/var/log/shop"
SERVER = r"""
import http.server, os, pathlib, socket, sys, time

VERSION = pathlib.Path("/srv/shop/version").read_text().strip()


def note(what):
    with open("/var/log/shop", "a") as log:
        log.write(f"{time.monotonic_ns()} {VERSION} {what}\n")


class Shop(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        status = 500 if VERSION.startswith("broken") else 200
        note(status)
        self.send_response(status)
        self.end_headers()
        self.wfile.write(VERSION.encode())

    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Shop)
note("start")
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
    systemd.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])
server.serve_forever()
"""
UNIT = """[Service]
Type=notify
ExecStart=/usr/bin/python3 /srv/shop/server.py {{ host.address }} {{ vars.port }}
"""
"""systemd waits until it listens: a look at its health afterwards needs no patience."""
HEALTH = [
    {"systemd": {"unit": "shop.service"}},
    {"http": {"url": "http://{{ host.address }}:{{ vars.port }}/", "timeout": "60s"}},
]
CANARY_FIRST = {"canary": 1, "batches": ["50%", "100%"], "health": HEALTH}
BATCHES = (("lab-1",), ("lab-2",), ("lab-3", "lab-4"))


class Note(NamedTuple):
    """What a web server wrote down. `at` is by the one clock that all machines of a lab have."""

    at: int
    version: str
    what: str


def notes(machine: Machine) -> list[Note]:
    lines = machine.read(LOG).splitlines() if machine.exists(LOG) else []
    return [Note(int(at), version, what) for at, version, what in map(str.split, lines)]


def told(machine: Machine) -> list[str]:
    """The versions that a machine's server had, and what each answered; the same answer again is left out."""
    said = [f"{note.version} {note.what}" for note in notes(machine)]
    return [line for line, before in zip(said, ["", *said], strict=False) if line != before]


def publish(state: StateRepo, version: str, **rollout: Any) -> str:
    """Commits a version of the shop; answers the revision."""
    state.write("files/server.py", SERVER)
    state.write("files/shop.service.j2", UNIT)
    resources = [
        {"directory": "/srv/shop"},
        {"file": "/srv/shop/server.py", "source": "files/server.py"},
        {"file": "/srv/shop/version", "content": f"{version}\n"},
        {"unit": "shop.service", "template": "files/shop.service.j2"},
        {"service": "shop", "state": "running", "restart_on": ["file//srv/shop/version", "unit/shop.service"]},
    ]
    state.service("shop", resources, vars={"port": PORT}, rollout={**CANARY_FIRST, **rollout})
    return state.commit(version)


@pytest.fixture
def shop(state: StateRepo) -> Iterator[StateRepo]:
    """The machines are on this computer, so the operator lets checks go there. The first bad look is one too many."""
    state.health |= {"allow_loopback": True, "patience": 0}
    yield state


def shown(state: StateRepo, run: int) -> dict[str, Any]:
    """A run as the store remembers it."""
    document: dict[str, Any] = state.run("runs", "show", str(run), "--output", "json").json
    return document


def steps(run: dict[str, Any]) -> dict[str, set[str]]:
    """The hosts on which each step of a run did something, in order."""
    found: dict[str, set[str]] = {}
    for outcome in run["outcomes"]:
        found.setdefault(outcome["step"], set()).update(outcome["hosts"])
    return found


def test_the_canary_then_batches_each_after_the_health_of_the_one_before(shop: StateRepo) -> None:
    publish(shop, "1.0")
    run = shop.apply()
    assert run["status"] == "succeeded"
    assert {machine.name: told(machine) for machine in shop.lab.machines} == {
        machine.name: ["1.0 start", "1.0 200"] for machine in shop.lab.machines
    }, "every server started once and was asked"

    seen = {machine.name: notes(machine) for machine in shop.lab.machines}
    for before, after in itertools.pairwise(BATCHES):
        asked = max(min(note.at for note in seen[host] if note.what == "200") for host in before)
        begun = min(note.at for host in after for note in seen[host])
        assert asked < begun, f"{after} was begun before {before} was known to be well"

    remembered = shown(shop, run["run"])
    assert [tuple(sorted(hosts)) for _, hosts in sorted(steps(remembered).items())] == list(BATCHES)
    assert remembered["undone_by"] == []


def test_a_canary_that_is_not_well_ends_it_and_goes_back_where_that_is_asked_for(shop: StateRepo) -> None:
    canary, *others = shop.lab.machines
    good = publish(shop, "1.0")
    shop.apply()

    publish(shop, "broken-1", onFailure="rollback")
    run = shop.apply("--no-observe", ok=False)
    (undoing,) = run["undone_by"]
    assert_only_the_canary(run)
    assert told(canary) == ["1.0 start", "1.0 200", "broken-1 start", "broken-1 500", "1.0 start", "1.0 200"]
    back = shown(shop, undoing)
    assert (back["undoes"], back["status"], back["revision"]) == (run["run"], "succeeded", good)

    publish(shop, "broken-2", onFailure="stop")
    run = shop.apply("--no-observe", ok=False)
    assert_only_the_canary(run)
    assert run["undone_by"] == []
    assert told(canary)[-2:] == ["broken-2 start", "broken-2 500"], "nobody asked for the way back"
    for other in others:
        assert told(other) == ["1.0 start", "1.0 200"], "nothing was done there"

    publish(shop, "2.0")
    shop.apply("--no-observe")
    assert {told(machine)[-1] for machine in shop.lab.machines} == {"2.0 200"}


def assert_only_the_canary(run: dict[str, Any]) -> None:
    """A run stopped at its canary, and says that its health was the reason."""
    reasons = statuses(run)
    assert {host: status for host, (status, _) in reasons.items()} == {
        "lab-1": "unhealthy",
        "lab-2": "skipped",
        "lab-3": "skipped",
        "lab-4": "skipped",
    }
    assert run["status"] == "halted"
    assert "500" in reasons["lab-1"][1]
