"""How a daemon is, in one value: what it last did, what waits, how old its knowledge is; and what of it is stale.

Made by the loop, read by health checks, metrics and logs. Must not know any of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from reconciler.core.assessing.differ import Differing
from reconciler.core.serving.agenda import Waiting
from reconciler.core.words import ago
from reconciler.model.observation import Head
from reconciler.model.order import Order

Role = Literal["starting", "leader", "standby"]
QUANTILES = (0.5, 0.9, 0.99, 1.0)
LATE = 3
"""What was not done for so many of its intervals is stale."""
QUIET = timedelta(minutes=1)
"""How long one duty may take without anybody worrying."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often what is done: a look at Git, a look at each host, a tick, a look for webhooks that standbys got."""

    poll: timedelta = timedelta(seconds=30)
    observe: timedelta = timedelta(minutes=30)
    beat: timedelta = timedelta(seconds=5)
    listen: timedelta = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Ages:
    """How old the answers of hosts are: seconds by quantile; and how many hosts there are, never answered, can't be
    reached."""

    quantiles: Mapping[float, float] = field(default_factory=dict)
    hosts: int = 0
    unknown: int = 0
    unreachable: int = 0


@dataclass(frozen=True, slots=True)
class Heard:
    """When hosts were last heard of, by quantile of how long that is ago; and the counts of `Ages`."""

    moments: Mapping[float, datetime] = field(default_factory=dict)
    hosts: int = 0
    unknown: int = 0
    unreachable: int = 0


@dataclass(frozen=True, slots=True)
class Condition:
    """`at` is when it was so, `pace` what it goes by. `error` is why the daemon can't go on (empty: it can);
    `poll_error` why Git can't be looked at. `lagging_since` is when the newest revision was first seen, while something
    of it is pending."""

    role: Role = "starting"
    at: datetime | None = None
    epoch: int = 0
    leader: str = ""
    error: str = ""
    revision: str = ""
    polled_at: datetime | None = None
    poll_error: str = ""
    lagging_since: datetime | None = None
    problems: int = 0
    pause: Order | None = None
    pins: tuple[Order, ...] = ()
    queue: int = 0
    applying: tuple[str, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    differing: tuple[Differing, ...] = ()
    halted: tuple[str, ...] = ()
    ages: Ages = field(default_factory=Ages)
    pace: Pace = field(default_factory=Pace)


def heard(heads: Iterable[Head], hosts: int) -> Heard:
    """When so many hosts were last heard of, by the heads of those that were ever asked."""
    known = list(heads)
    moments = sorted((head.observed_at for head in known if head.observed_at is not None), reverse=True)
    return Heard(
        moments={q: moments[_rank(q, len(moments))] for q in QUANTILES} if moments else {},
        hosts=hosts,
        unknown=hosts - len(moments),
        unreachable=sum(bool(head.unreachable) for head in known),
    )


def ages(last: Heard, now: datetime) -> Ages:
    """How old that is by now."""
    quantiles = {q: max(0.0, (now - moment).total_seconds()) for q, moment in last.moments.items()}
    return Ages(quantiles, last.hosts, last.unknown, last.unreachable)


def _rank(quantile: float, count: int) -> int:
    """The nearest rank, from 0."""
    return max(0, -(-round(quantile * 100) * count // 100) - 1)


def staleness(condition: Condition, now: datetime) -> Sequence[str]:
    """What is stale, in words; nothing means that the daemon is up to date. A standby has nothing to be so in."""
    return list(_stale(condition, now))


def _stale(condition: Condition, now: datetime) -> Iterator[str]:
    pace = condition.pace
    if condition.error:
        yield condition.error
    if condition.role == "starting":
        yield "it has just started"
    if condition.role != "leader":
        return
    if _late(condition.at, now, max(pace.beat * LATE, QUIET)):
        yield f"the loop was last heard of {ago(condition.at, now)}"
    if _late(condition.polled_at, now, max(pace.poll * LATE, QUIET)):
        why = f": {condition.poll_error}" if condition.poll_error else ""
        yield f"Git was last looked at {ago(condition.polled_at, now)}{why}"
    if condition.ages.hosts and not condition.ages.quantiles:
        yield "no host has answered yet"
    middle = condition.ages.quantiles.get(0.5, 0.0)
    if middle > max(pace.observe * LATE, QUIET).total_seconds():
        yield f"half of the hosts were last heard of more than {int(middle // 60)} min ago"


def _late(then: datetime | None, now: datetime, after: timedelta) -> bool:
    return then is None or now - then > after
