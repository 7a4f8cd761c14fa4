"""Several daemons on one store whose leases end by time: whatever becomes of the leader, another leads soon, and no
host ever has two writers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.fakes.store import LEASE
from tests.simulation.oracle import LUNCH
from tests.simulation.play import settled
from tests.simulation.scenario import WEB, Process, Scenario

MINUTE = timedelta(minutes=1)


def killed(sim: Scenario, leader: Process) -> None:
    sim.kill(leader)


def stopped(sim: Scenario, leader: Process) -> None:
    sim.freeze(leader, 4 * LEASE)


def cut_off(sim: Scenario, leader: Process) -> None:
    sim.cut_off(leader, 4 * LEASE)


def begun(seed: int, daemons: int, ahead: timedelta = timedelta(0)) -> Scenario:
    """So many daemons, and an apply under way. Clocks of some are wrong by so much, of others as much the other way."""
    sim = Scenario(seed, timed=True)
    sim.commit()
    for number in range(daemons):
        sim.start(ahead * (-1) ** number)
    sim.stage.run(sim.now + 4 * MINUTE)
    sim.git.versions = dict.fromkeys(sim.git.versions, 1)
    sim.commit()
    sim.stage.run(sim.now + timedelta(seconds=60 + 5 * sim.random.randrange(30)))
    return sim


def lasted(sim: Scenario) -> None:
    """Everything comes to rest, as Git says."""
    sim.stage.run(sim.now + 90 * MINUTE)
    sim.oracle.judge()
    assert sim.oracle.wrong == []
    assert settled(sim) == []


@pytest.mark.parametrize("daemons", [2, 3])
@pytest.mark.parametrize("happens", [killed, stopped, cut_off])
@pytest.mark.parametrize("seed", range(8))
def test_another_leads_within_two_leases(seed: int, happens: Callable[[Scenario, Process], None], daemons: int) -> None:
    sim = begun(seed, daemons)
    try:
        leader = sim.leader()
        assert leader is not None
        before = sim.kept.leases["daemon"].epoch
        happens(sim, leader)
        sim.stage.run(sim.now + 2 * LEASE)
        new = sim.leader()
        assert new is not None
        assert new is not leader
        assert sim.kept.leases["daemon"].epoch > before
        lasted(sim)
        assert all(run.status != "running" for run in sim.kept.runs.values())
    finally:
        sim.stage.end()


@pytest.mark.parametrize("happens", [killed, stopped, cut_off])
@pytest.mark.parametrize("ahead", [timedelta(hours=-3), timedelta(minutes=20)])
def test_clocks_that_are_wrong_make_no_difference_to_who_leads(
    happens: Callable[[Scenario, Process], None], ahead: timedelta
) -> None:
    """Leases go by the database's clock and each process's steady one. (Windows go by the clock of who leads.)"""
    sim = begun(1, 2, ahead)
    sim.oracle.windows = ()
    try:
        leader = sim.leader()
        assert leader is not None
        happens(sim, leader)
        sim.stage.run(sim.now + 2 * LEASE)
        assert sim.leader() not in (None, leader)
        lasted(sim)
    finally:
        sim.stage.end()


@pytest.mark.parametrize("ahead", [timedelta(hours=-3), timedelta(hours=3)])
@pytest.mark.parametrize("seed", range(4))
def test_a_leader_whose_clock_is_set_goes_on(seed: int, ahead: timedelta) -> None:
    sim = begun(seed, 2)
    sim.oracle.windows = ()
    try:
        leader = sim.leader()
        assert leader is not None
        leader.ahead = ahead
        sim.git.versions = dict.fromkeys(sim.git.versions, 2)
        sim.commit()
        sim.stage.run(sim.now + 15 * MINUTE)
        assert sim.leader() is leader
        assert {sim.hosts.machine(host).paths["/etc/base"]["content"] for host in WEB} == {b"2\n"}
        lasted(sim)
    finally:
        sim.stage.end()


def test_two_leases_are_less_than_a_window_lasts() -> None:
    """So that what is tested here is not hidden by it."""
    assert LUNCH.duration > 2 * LEASE
