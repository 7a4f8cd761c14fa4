"""Two daemons as Prometheus sees them, minute by minute: real metrics of real recorders, never series written by hand.

So a metric, a label or a value that is renamed changes what alerts and dashboards are tested with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from reconciler.adapters.metrics.recorder import Recorder
from reconciler.core.serving.condition import Ages, Condition

JOB, FIRST, SECOND = "reconciler", "a:8430", "b:8430"
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
"""When promtool's tests begin."""


def moment(minute: float) -> datetime:
    return BEGINNING + timedelta(minutes=minute)


def leads(minute: float, **more: Any) -> Condition:
    """A leader at which nothing is wrong, but for what is given."""
    well = {"role": "leader", "epoch": 3, "at": moment(minute), "polled_at": moment(minute), "ages": answers()}
    return Condition(**{**well, **more})


def answers(hosts: int = 100, unreachable: int = 0, oldest: float = 900) -> Ages:
    return Ages({q: oldest * q for q in (0.5, 0.9, 0.99, 1.0)}, hosts, 0, unreachable)


@dataclass
class Pair:
    """The first leads, the second waits. `down`: the second does not answer."""

    first: Recorder = field(default_factory=Recorder)
    second: Recorder = field(default_factory=Recorder)
    down: bool = False
    gone: bool = False

    def samples(self) -> Iterable[tuple[str, float]]:
        """Each series as Prometheus writes it, and its value now."""
        if self.gone:
            return
        yield _named("up", FIRST, {}), 1
        yield _named("up", SECOND, {}), 0 if self.down else 1
        for where, recorder in ((FIRST, self.first), (SECOND, self.second)):
            for family in recorder.registry.collect():
                for sample in family.samples:
                    yield _named(sample.name, where, sample.labels), sample.value


Happening = Callable[[Pair, int], None]
"""What happens in a minute."""


def scraped(happening: Happening, minutes: int, every: int = 1) -> list[dict[str, str]]:
    """promtool's input series for so many minutes."""
    pair, found = Pair(), dict[str, list[str]]()
    for number, minute in enumerate(range(0, minutes + 1, every)):
        pair.first.publish(leads(minute))
        pair.second.publish(Condition(role="standby", at=moment(minute)))
        happening(pair, minute)
        for series, value in pair.samples():
            values = found.setdefault(series, [])
            values += ["_"] * (number - len(values)) + [repr(float(value))]
    return [{"series": series, "values": " ".join(values)} for series, values in found.items()]


def _named(name: str, instance: str, labels: dict[str, str]) -> str:
    shown = {"job": JOB, "instance": instance, **labels}
    return name + "{" + ", ".join(f'{key}="{value}"' for key, value in shown.items()) + "}"
