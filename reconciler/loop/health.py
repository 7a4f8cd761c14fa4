"""Looks after the hosts of a batch: asks for their health until it is clear how they are, and waits in between.

Checks from outside go through the prober, each distinct one once; those that hosts make themselves go through the
carrier, one round trip a host for all of them. What is seen is judged by `core.watch`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from reconciler.core.resolving.checks import Checks, answer, query
from reconciler.core.running.watch import Watch
from reconciler.loop.world import World
from reconciler.model.delivery import Delivery, Payload
from reconciler.model.desired import Host
from reconciler.model.key import Key
from reconciler.model.plan import Plan, Step
from reconciler.model.rollout import Check, CommandCheck, Inside, Outside, UnitCheck


@dataclass(slots=True)
class Nurse:
    """Knows the checks of one plan, and how to have them made."""

    world: World
    plan: Plan
    hosts: Mapping[str, Host]
    checks: Checks

    def look_after(self, step: Step, hosts: Sequence[str], stopping: Callable[[], bool]) -> dict[str, str]:
        """The hosts of a finished batch that are not healthy, with why. Takes as long as the batch bakes.

        When it is told to stop, what was not clear by then is left so.
        """
        terms = self.plan.rollouts.get(step.service)
        if terms is None or not hosts or not (terms.health or terms.bake):
            return {}
        clock = self.world.clock
        watch = Watch.over(hosts, clock.now(), terms.bake, self.world.patience)
        while not stopping():
            looks = self._look(step.service, watch.due(clock.now()), stopping)
            watch.take(looks, clock.now())
            pause = watch.pause(clock.now())
            if pause is None:
                break
            clock.wait(pause, stopping)
        return watch.unhealthy

    def _look(self, service: str, hosts: Sequence[str], stopping: Callable[[], bool]) -> dict[str, str]:
        """What is wrong with each host now; empty words: nothing. Hosts that were not got to are left out."""
        given = {host: self.checks.of(service, host) for host in hosts}
        wrong: dict[str, str] = {host: made for host, made in given.items() if isinstance(made, str)}
        made = {host: checks for host, checks in given.items() if not isinstance(checks, str)}
        outside = self._outside(made, stopping)
        inside = self._inside(made, stopping)
        for host, checks in made.items():
            if all(check in outside for check in checks if not _is_inside(check)):
                bad = next((outside[c] for c in checks if not _is_inside(c) and outside[c]), "")
                if bad or host in inside or not any(map(_is_inside, checks)):
                    wrong[host] = bad or inside.get(host, "")
        return wrong

    def _outside(self, made: Mapping[str, tuple[Check, ...]], stopping: Callable[[], bool]) -> Mapping[Check, str]:
        distinct: dict[Outside, None] = {}
        for checks in made.values():
            distinct.update(dict.fromkeys(c for c in checks if not isinstance(c, UnitCheck | CommandCheck)))
        return dict(self.world.prober.probe(list(distinct), stopping)) if distinct else {}

    def _inside(self, made: Mapping[str, tuple[Check, ...]], stopping: Callable[[], bool]) -> dict[str, str]:
        """What is wrong by the hosts' own word."""
        asked: dict[str, tuple[Inside, ...]] = {}
        payloads: dict[tuple[Inside, ...], Payload] = {}
        for host, checks in made.items():
            if mine := tuple(c for c in checks if isinstance(c, UnitCheck | CommandCheck)):
                asked[host] = mine
                payloads.setdefault(mine, Payload({_key(n): query(check) for n, check in enumerate(mine)}))
        deliveries = [
            Delivery(self.hosts[host], payloads[mine], identity=self.plan.machines.get(host, ""))
            for host, mine in asked.items()
        ]
        found: dict[str, str] = {}
        for reply in self.world.carrier.carry(deliveries, stopping) if deliveries else ():
            if reply.status == "done":
                said = (answer(check, reply.facts.get(_key(n), {})) for n, check in enumerate(asked[reply.host]))
                found[reply.host] = next(filter(None, said), "")
            elif reply.status != "skipped":
                found[reply.host] = reply.reason or reply.status
        return found


def _key(number: int) -> Key:
    return Key("health", str(number))


def _is_inside(check: Check) -> bool:
    return isinstance(check, UnitCheck | CommandCheck)
