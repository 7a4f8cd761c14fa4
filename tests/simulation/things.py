"""What happens to a fleet and its daemons: commits, drift, faults, orders, processes that end in all ways.

Each takes the scenario and its chance. Knows nothing of what has to follow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from random import Random

from reconciler.core.gate import Limits
from reconciler.core.planning.batch import Caution
from reconciler.model.key import Key
from reconciler.model.order import Order
from reconciler.ports import Hint, Reloaded
from tests.fakes.store import MemoryStore
from tests.simulation.oracle import DELETES, Pin, Restraint
from tests.simulation.scenario import DATA, PACE, WEB, Scenario


def _commit(sim: Scenario, random: Random) -> None:
    service = random.choice(list(sim.git.versions))
    sim.git.versions[service] += 1
    sim.commit()


def _more(sim: Scenario, random: Random) -> None:
    """Edge has one file on more hosts than may be deleted from, data on fewer."""
    service = random.choice(list(sim.git.more))
    sim.git.more[service] = not sim.git.more[service]
    sim.commit()


def _broken(sim: Scenario, random: Random) -> None:
    sim.git.broken = random.random() < 0.3
    sim.commit()


def _frozen_in_git(sim: Scenario, random: Random) -> None:
    now = sim.now
    for restraint in sim.oracle.restraints:
        if restraint.git and restraint.until > now:
            restraint.until = now
    sim.git.frozen = random.random() < 0.4
    sim.commit()
    if sim.git.frozen:
        sim.oracle.restraints.append(Restraint("Git has a Freeze", now, frozenset({"edge"}), git=True))


def _drift(sim: Scenario, random: Random) -> None:
    host = random.choice(WEB + DATA)
    path = "/etc/" + random.choice(["edge", "base", "hand"] if host in WEB else ["data"])
    if path in sim.hosts.machine(host).paths:
        sim.hosts.machine(host).paths[path]["content"] = random.choice([b"by hand\n", b"again\n"])
        sim.tell(f"somebody changes {path} on {host}")


def _taken(sim: Scenario, random: Random) -> None:
    """Somebody removes what Git does not want any more either."""
    for host in DATA[: random.randrange(3)]:
        sim.hosts.machine(host).paths.pop("/etc/data-more", None)
    sim.git.more["data"] = False
    sim.commit()


def _gone(sim: Scenario, random: Random) -> None:
    sim.hosts.unreachable[random.choice(WEB + DATA)] = "ssh: timed out"


def back(sim: Scenario, _: Random) -> None:
    sim.hosts.unreachable.clear()
    sim.hosts.losing.clear()
    sim.slow.clear()


def _losing(sim: Scenario, random: Random) -> None:
    host = random.choice(WEB + DATA)
    sim.hosts.losing[host] = "the connection broke"
    sim.slow[host] = random.choice([0.0, 90.0])


def _failing(sim: Scenario, random: Random) -> None:
    host = random.choice(WEB + DATA)
    service = random.choice(["edge", "base"]) if host in WEB else "data"
    sim.hosts.machine(host).failing.add(Key("file", f"/etc/{service}"))
    sim.tell(f"{service} fails on {host}")


def mended(sim: Scenario, _: Random) -> None:
    for host in WEB + DATA:
        sim.hosts.machine(host).failing.clear()


def _amid(sim: Scenario, random: Random) -> None:
    """Mostly waits until some host is being changed, if that is soon."""
    for _ in range(random.choice([0, 12, 12])):
        if sim.oracle.busy:
            return
        sim.stage.run(sim.now + timedelta(seconds=10))


def _pause(sim: Scenario, random: Random) -> None:
    _amid(sim, random)
    sim.brake.pull(Order("pause", "ada", "look first", sim.now))
    sim.tell("pause")


def resume(sim: Scenario, _: Random) -> None:
    sim.brake.release()
    sim.tell("resume")


def _freeze(sim: Scenario, random: Random) -> None:
    _amid(sim, random)
    service = random.choice(["", "edge", "data"])
    until = sim.now + timedelta(minutes=random.randrange(2, 15))
    order = Order("freeze", "ada", "audit", sim.now, f"service:{service}" if service else "", until)
    MemoryStore(sim.kept).give_order(order)
    services = frozenset({service} if service else ())
    for before in sim.oracle.restraints:
        if not before.git and before.services == services:
            before.until = min(before.until, sim.now)
    sim.oracle.restraints.append(Restraint("it is frozen by order", sim.now, services, until))
    sim.tell(f"freeze {service or 'everything'} until {until:%H:%M}")


def _pin(sim: Scenario, random: Random) -> None:
    old = random.choice(sim.oracle.commits[-6:]).sha
    for before in sim.oracle.pins:
        before.until = min(before.until, sim.now)
    until = sim.now + timedelta(minutes=random.randrange(5, 25))
    MemoryStore(sim.kept).give_order(Order("pin", "ada", "roll back", sim.now, "edge", until, old))
    sim.oracle.pins.append(Pin(sim.content_at(old), sim.now, until))
    sim.tell(f"pin edge to {old[:7]} until {until:%H:%M}")


def _kill(sim: Scenario, random: Random) -> None:
    if sim.processes:
        sim.kill(random.choice(list(sim.processes.values())))
    sim.start()


def _end(sim: Scenario, random: Random) -> None:
    for process in list(sim.processes.values())[:1]:
        process.post.stop()
        sim.tell(f"{process.name} is to end")
    if random.random() < 0.8 or not sim.processes:
        sim.start()


def _second(sim: Scenario, _: Random) -> None:
    if len(sim.processes) < 2:
        sim.start()


def _stop(sim: Scenario, random: Random) -> None:
    if sim.processes:
        sim.freeze(random.choice(list(sim.processes.values())), timedelta(seconds=random.choice([30, 300, 1200])))


def _outage(sim: Scenario, random: Random) -> None:
    what = random.choice(["store", "git"])
    sim.outages.begin(what, timedelta(minutes=random.randrange(1, 10)))
    sim.oracle.lost()
    sim.tell(f"the {what} can't be reached for a while")


def _cut_off(sim: Scenario, random: Random) -> None:
    """One process reaches the store no more, for less or more than a lease lasts."""
    if sim.processes:
        process = random.choice(list(sim.processes.values()))
        sim.cut_off(process, timedelta(seconds=random.choice([10, 60, 300])))


def _unsure(sim: Scenario, random: Random) -> None:
    sim.outages.unsure = random.choice([0.0, 0.05])


def _hint(sim: Scenario, random: Random) -> None:
    for process in sim.processes.values():
        process.post.put(Hint("github", f"d-{random.randrange(20)}", sim.now))


def _reload(sim: Scenario, random: Random) -> None:
    pace = replace(PACE, observe=PACE.observe * random.choice([1, 2]))
    for process in sim.processes.values():
        process.post.put(Reloaded(pace, Limits(deletes=DELETES, deletes_share=0.0), Caution()))


THINGS: list[Callable[[Scenario, Random], None]] = [
    *[_commit] * 4, *[_drift] * 4, _more, _more, _broken, _frozen_in_git, _taken, _gone, back, back, _losing,
    _failing, mended, _pause, *[resume] * 3, _freeze, _pin, _kill, _kill, _end, _second, _stop, _cut_off, _outage,
    _unsure, _hint, _reload,
]  # fmt: skip
