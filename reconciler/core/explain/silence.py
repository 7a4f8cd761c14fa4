"""What hosts that do not answer have in common: a reason, a label that most of them have and few others, a time.

Pure. Looks at labels of silent hosts first, and at those of all others only for what many silent ones have.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from reconciler.model.desired import Desired
from reconciler.model.observation import Head

FEW = 3
"""Fewer hosts than this have nothing in common but chance."""
HALF = 0.5


@dataclass(frozen=True, slots=True)
class Silence:
    """Hosts that can't be reached (sorted), with why by how many say so, the most first. `label` is what `share` of
    them have (empty: nothing stands out), of `having` hosts altogether. `since` is when the last of them answered last:
    since then nobody has."""

    hosts: tuple[str, ...]
    reasons: tuple[tuple[str, int], ...] = ()
    label: str = ""
    share: int = 0
    having: int = 0
    since: datetime | None = None
    never: int = 0


def silence(desired: Desired, heads: Mapping[str, Head]) -> Silence:
    """Of the hosts that Git asks for, those that could not be reached the last time that they were asked."""
    hosts = tuple(sorted(host for host in desired.hosts if (head := heads.get(host)) is not None and head.unreachable))
    reasons = Counter(heads[host].unreachable.replace(host, "…") for host in hosts)
    label, share, having = _common(desired, hosts)
    answered = [at for host in hosts if (at := heads[host].observed_at) is not None]
    return Silence(
        hosts=hosts,
        reasons=tuple(sorted(reasons.items(), key=lambda item: (-item[1], item[0]))),
        label=label,
        share=share,
        having=having,
        since=max(answered, default=None),
        never=len(hosts) - len(answered),
    )


def _common(desired: Desired, hosts: Sequence[str]) -> tuple[str, int, int]:
    """The label that tells these hosts best from all others: most of them have it, and most that have it are silent."""
    if len(hosts) < FEW:
        return "", 0, 0
    silent = Counter(pair for host in hosts for pair in desired.hosts[host].labels.items())
    candidates = {pair: number for pair, number in silent.items() if number >= max(FEW, len(hosts) * HALF)}
    if not candidates:
        return "", 0, 0
    names = {name for name, _ in candidates}
    everybody = Counter(
        (name, value) for host in desired.hosts.values() for name, value in host.labels.items() if name in names
    )
    # Two shares in one: how many of the silent have it, and how many that have it are silent.
    best = max(candidates, key=lambda pair: (candidates[pair] ** 2 / everybody[pair], pair))
    if candidates[best] < everybody[best] * HALF:
        return "", 0, 0
    return "=".join(best), candidates[best], everybody[best]
