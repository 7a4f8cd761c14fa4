"""Keeps the history of drift: after a look at all hosts, what began, changed or ended since the last one is written.

Level-triggered like everything else: what is missed now is found at the next look. Knows no rule of it
(`core.recording.history`).
"""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.core.assessing.drift import drifted
from reconciler.core.assessing.due import Assessment
from reconciler.core.recording.history import Sight, followed
from reconciler.loop.world import World
from reconciler.model.desired import Desired
from reconciler.model.observation import Observation, Ownership


def note_drift(
    world: World,
    desired: Desired,
    assessment: Assessment,
    observations: Mapping[str, Observation],
    ownership: Mapping[str, Ownership],
) -> None:
    """Follows what drifts, from an assessment of all hosts. Where nothing is new, nothing is written."""
    drift = drifted(assessment, desired, observations)
    mark, known = world.store.drifting()
    if not (drift or known):
        return
    sight = Sight(desired, assessment, drift, ownership, world.clock.now(), at_work(world))
    changed = followed(known, sight)
    # Who wrote meanwhile saw the same hosts; this look is not the last.
    if changed:
        world.store.note_drift(mark, changed)


def at_work(world: World) -> frozenset[str]:
    """Hosts that runs without an end have begun: what they do, or did before they died, is theirs to write down."""
    unfinished = world.store.unfinished()
    return frozenset(host for run in unfinished for intent in world.store.intents(run.id) for host in intent.hosts)
