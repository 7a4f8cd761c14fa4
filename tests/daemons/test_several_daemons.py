"""Two and three daemons on one PostgreSQL: whatever becomes of the leader in the middle of an apply, another leads
within two leases and finishes it, and no host ever has two writers. The hosts' own logs tell."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from reconciler.adapters.brake import FileBrake
from reconciler.model.order import Order
from tests.daemons.fleet import LEASE, NAMES, Daemon, Fleet, fleet


def killed(leader: Daemon) -> None:
    leader.signal(signal.SIGKILL)


def stopped(leader: Daemon) -> None:
    leader.signal(signal.SIGSTOP)


def cut_off(leader: Daemon) -> None:
    leader.line.set("refusing")


def unanswered(leader: Daemon) -> None:
    leader.line.set("silent")


def mended(daemon: Daemon) -> None:
    """Whatever it was. It may have ended itself."""
    daemon.line.set("open")
    if daemon.process.poll() is None:
        daemon.signal(signal.SIGCONT)


def in_the_middle(world: Fleet, content: str) -> Daemon:
    """Git says something else, and its leader is at it."""
    before = len(world.log())
    world.commit(content)
    world.until(lambda: len([visit for visit in world.log()[before:] if visit.effects]) >= 4)
    leader = world.leader()
    assert leader is not None
    return leader


def judge(world: Fleet, contents: int) -> None:
    """What hosts noted: one writer at a time, epochs that never fall, each effect once."""
    for name in NAMES:
        visits = [visit for visit in world.log() if visit.host == name and visit.effects]
        assert all(one.end < other.start for one, other in pairwise(visits))
        epochs = [visit.epoch for visit in visits]
        assert epochs == sorted(epochs)
        effects = Counter(effect for visit in visits for effect in visit.effects)
        assert set(effects.values()) == {1}
        assert len(effects) == 2 * contents


@pytest.mark.slow
@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("happens", [killed, stopped, cut_off, unanswered])
def test_another_leads_and_finishes(happens: Callable[[Daemon], None], count: int) -> None:
    with fleet(count) as world:
        world.until(lambda: world.contents() == {"one"})
        leader = in_the_middle(world, "two")
        at = world.now()
        happens(leader)
        world.until(lambda: world.leader() not in (None, leader))
        assert world.led_since() - at <= timedelta(seconds=2 * LEASE)
        world.until(lambda: world.contents() == {"two"})
        mended(leader)
        world.commit("three")
        world.until(lambda: world.contents() == {"three"})
        world.until(lambda: world.ask("SELECT count(*) FROM run WHERE status = 'running'") == (0,))
        for daemon in world.daemons:
            if daemon.process.poll() is None:
                daemon.signal(signal.SIGTERM)
                assert daemon.process.wait(60) == 0
        judge(world, contents=3)


@pytest.mark.slow
def test_a_webhook_that_comes_to_a_standby_reaches_the_one_that_leads() -> None:
    with fleet(2, poll=24 * 3600) as world:
        world.until(lambda: world.contents() == {"one"})
        world.until(lambda: all("listening" in daemon.log.read_text() for daemon in world.daemons))
        [standby] = [daemon for daemon in world.daemons if daemon is not world.leader()]
        world.commit("two")
        assert standby.webhook("d-1", b"guessed") == 403
        assert standby.webhook("d-2") == 202
        world.until(lambda: world.contents() == {"two"})
        assert world.leader() not in (None, standby)
        assert world.ask("SELECT count(*), count(*) FILTER (WHERE waits) FROM webhook_delivery") == (1, 0)
        judge(world, contents=2)


@pytest.mark.slow
def test_clocks_that_are_hours_apart_make_no_difference() -> None:
    with fleet(2, ahead=2 * 3600) as world:
        world.until(lambda: world.contents() == {"one"})
        leader = in_the_middle(world, "two")
        at = world.now()
        killed(leader)
        world.until(lambda: world.leader() not in (None, leader))
        assert world.led_since() - at <= timedelta(seconds=2 * LEASE)
        world.until(lambda: world.contents() == {"two"})
        judge(world, contents=2)


@pytest.mark.slow
def test_a_pause_works_while_nobody_reaches_the_database() -> None:
    """The drill: the database is gone in the middle of an apply, and everything has to stop and stay so."""
    with fleet(2) as world:
        world.until(lambda: world.contents() == {"one"})
        in_the_middle(world, "two")
        for daemon in world.daemons:
            daemon.line.set("refusing")
        FileBrake(world.folder / "paused").pull(Order("pause", "ada", "the database is gone", datetime.now(UTC)))
        world.until(lambda: all("can't be reached" in daemon.log.read_text() for daemon in world.daemons))
        for daemon in world.daemons:
            daemon.line.set("open")
        world.until(lambda: world.ask("SELECT count(*) FROM run WHERE status = 'running'") == (0,))
        before = [visit for visit in world.log() if visit.effects]
        world.commit("three")
        revision = world.repository.git("rev-parse", "HEAD")
        world.until(lambda: any(f"looked  revision={revision}" in daemon.log.read_text() for daemon in world.daemons))
        assert [visit for visit in world.log() if visit.effects] == before
        assert FileBrake(world.folder / "paused").release()
        world.until(lambda: world.contents() == {"three"})
        assert all(daemon.process.poll() is None for daemon in world.daemons)
