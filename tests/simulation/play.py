"""Plays a seed: what happens, then a long calm, then judgement."""

from __future__ import annotations

from datetime import timedelta

from reconciler.loop import lead
from reconciler.model.key import Key
from tests.fakes.store import MemoryStore
from tests.simulation.scenario import DATA, MINUTE, PACE, WEB, Scenario
from tests.simulation.things import THINGS, back, mended, resume


def calm(sim: Scenario) -> None:
    """Every fault ends, every order is taken back; what was broken is mended."""
    for thing in (back, mended, resume):
        thing(sim, sim.random)
    sim.outages.end()
    sim.stage.frozen.clear()
    MemoryStore(sim.kept).end_order("pin", "edge", "ada", sim.now)
    for pin in sim.oracle.pins:
        pin.until = min(pin.until, sim.now)
    for restraint in sim.oracle.restraints:
        restraint.until = min(restraint.until, sim.now)
    for subject in ("", "service:edge", "service:data"):
        MemoryStore(sim.kept).end_order("freeze", subject, "ada", sim.now)
    sim.git.broken = sim.git.frozen = False
    # What was to be deleted from more hosts than may be waits for a person's word; here it is wanted again.
    sim.git.more["edge"] = True
    sim.git.versions = {name: version + 1 for name, version in sim.git.versions.items()}
    if all(process.post.stopping() for process in sim.processes.values()):
        sim.start()
    sim.commit()


def settled(sim: Scenario) -> list[str]:
    """What is not as it has to be after a long calm."""
    wrong = []
    for host in WEB + DATA:
        paths = sim.hosts.machine(host).paths
        for service in ("base", "edge") if host in WEB else ("data",):
            wanted = {f"/etc/{service}": sim.git.content(service)}
            wanted[f"/etc/{service}-more"] = "x\n" if sim.git.more.get(service) else ""
            for path, content in wanted.items():
                there = paths[path]["content"].decode() if path in paths else ""
                drifted = service == "base" and there in ("by hand\n", "again\n")
                left = not content and (host, Key("file", path)) in sim.oracle.untold
                if there != content and not (drifted or left):
                    wrong.append(f"{path} on {host} is {there!r}, not {content!r}")
    leader = sim.leader()
    if leader is None or not leader.said:
        return [*wrong, "nobody leads"]
    waits = {
        waiting.service: waiting.why for waiting in leader.said[-1].waiting if waiting.service not in ("hand", "base")
    }
    oldest = leader.said[-1].ages.quantiles[1.0]
    wrong += [f"{service} still waits: {why}" for service, why in waits.items()]
    wrong += [f"a host was not asked for {oldest:.0f} s"] if oldest > 3 * PACE.observe.total_seconds() else []
    for host, ours in sim.kept.owned.items():
        for key in ours.owned:
            if key.name not in sim.hosts.machine(host).paths:
                wrong.append(f"{key} is on record for {host} and not there")
    return wrong


lead.FOLLOWING = timedelta(seconds=10)  # as everything here goes a few times slower than it does by default


def play(seed: int, things: int = 60) -> Scenario:
    """The whole seed. What was wrong is in `oracle.wrong`."""
    sim = Scenario(seed)
    try:
        sim.commit()
        sim.start()
        sim.stage.run(sim.now + 5 * MINUTE)
        for _ in range(things):
            sim.random.choice(THINGS)(sim, sim.random)
            sim.stage.run(sim.now + timedelta(seconds=sim.random.choice([2, 20, 60, 240])))
        calm(sim)
        sim.stage.run(sim.now + timedelta(minutes=80))
        sim.oracle.judge()
        sim.oracle.wrong += settled(sim)
    finally:
        sim.stage.end()
    return sim
