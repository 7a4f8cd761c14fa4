"""Records what needed no doing: things found as Git asks are adopted, things that left Git and are not ours let go."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from reconciler.core.assessing.due import GONE, Assessment
from reconciler.core.recording.remember import Records, Scribe
from reconciler.model.observation import Ownership


def settled(assessment: Assessment, scribe: Scribe, ownership: Mapping[str, Ownership]) -> dict[str, Records]:
    """The new records of each host on which something is adopted or let go. Nothing is done to any host.

    `ownership` is what is known now, after the run, so that its own records are kept.
    """
    changed: dict[str, Records] = {}
    for verdict, hosts in assessment.verdicts:
        released = {owned.key for owned, _ in verdict.released}
        if not (verdict.equal or released):
            continue
        for host in hosts:
            before: Records = ownership[host].owned if host in ownership else {}
            kept = {key: owned for key, owned in before.items() if key not in released}
            changed[host] = scribe.settled(kept, scribe.desired.profiles[host], verdict.equal)
    for release in assessment.releases:
        for host in release.hosts:
            if host not in scribe.desired.hosts:
                changed[host] = {}
    return changed


def noted(
    assessment: Assessment, scribe: Scribe, ownership: Mapping[str, Ownership], let_go: Collection[str] = ()
) -> dict[str, Records]:
    """As `settled`, but only what watching without applying may write down: things that are on no record yet are, and
    what is gone from its host is not any more. Of services that may `let_go`, what is not ours is not either."""
    changed: dict[str, Records] = {}
    for verdict, hosts in assessment.verdicts:
        dropped = {owned.key for owned, why in verdict.released if why == GONE or owned.service in let_go}
        for host in hosts:
            before: Records = ownership[host].owned if host in ownership else {}
            new = [(resource, fact) for resource, fact in verdict.equal if resource.key not in before]
            if new or dropped:
                kept = {key: owned for key, owned in before.items() if key not in dropped}
                changed[host] = scribe.settled(kept, scribe.desired.profiles[host], new)
    return changed
