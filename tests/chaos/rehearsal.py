"""A worker's life, rehearsed in this process: what is loaded, compiled or worked out at its first use is there then in
every worker that is forked from it. So a kill costs what the worker does, not what its start costs.
"""

from __future__ import annotations

import gc
import tempfile
from pathlib import Path
from random import Random

from tests.chaos.faults import Fault
from tests.chaos.ground import Ground
from tests.chaos.hosts import hosts
from tests.chaos.invariants import Evidence, always
from tests.chaos.scenario import Scenario
from tests.chaos.worker import Setting, done, time_passes, work
from tests.lab.postgres import MEMORY


def rehearse(ground: Ground) -> None:
    """Leaves the ground as empty as it was."""
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder, hosts(Path(folder)) as them:
        scenario = Scenario(Random(0))
        setting = Setting(ground, them, scenario.source)
        work(setting, Fault(), "apply")
        for mode in ("apply", "resume", "plan"):
            scenario.next()
            done(setting, Fault("host.effect"))
            time_passes(ground)
            work(setting, Fault(), mode)
        work(setting, Fault(), "tell")
        list(always(Evidence.gathered(scenario, ground.store(), them)))
    ground.clear()
    gc.collect()
    gc.freeze()  # a collection in a worker would write to every page that it shares with us
