"""Which services can't be used, and the root cause of each: its own error, or that of something that it needs.

Must not know how errors are found.
"""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.core.graph import reached
from reconciler.core.linking.gaps import Cause, Gaps
from reconciler.core.quote import quote
from reconciler.model.document import Documents, ServiceDocument


def causes(documents: Documents, gaps: Gaps, own: Mapping[str, Cause]) -> dict[str, Cause]:
    """Every service that can't be used. `own` are those whose links have an error, by name."""
    roots = {name: cause for (kind, name), cause in gaps.broken.items() if kind == "Service"}
    for name, service in documents.services.items():
        if cause := _unseen(service, gaps):
            roots[name] = cause
    roots.update(own)
    edges = {name: service.requires for name, service in documents.services.items()}
    ways = reached(edges, roots)
    return roots | {name: _through(way, roots[way[-1]]) for name, way in ways.items()}


def _through(way: tuple[str, ...], root: Cause) -> Cause:
    chain = ", which requires ".join(quote(name) for name in way[1:4])
    chain += f" and so on to {quote(way[-1])}" if len(way) > 4 else ""
    return Cause(f"requires {chain}: {root.text}", root.place)


def _unseen(service: ServiceDocument, gaps: Gaps) -> Cause | None:
    """What it names that is broken (a project), or may be in a file that can't be read."""
    broken = gaps.broken.get(("Project", service.project))
    if broken:
        return Cause(f"its project {quote(service.project)} can't be used: {broken.text}", broken.place)
    lost = [f"service {quote(name)}" for name in service.requires if not gaps.defines("Service", name)]
    if service.project and not gaps.defines("Project", service.project):
        lost.append(f"project {quote(service.project)}")
    if not lost or gaps.blind is None:
        return None
    return Cause(f"{lost[0]} is not known; {gaps.blind.text}", gaps.blind.place)
