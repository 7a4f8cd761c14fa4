"""What `bench.plan` measures, one case in each process. Each prints one JSON object.

Case "plan" goes the public way, from a Git repository to a plan object, again and again in one process. Case "simple"
is the straightforward way beside it. CPU seconds, user and system.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reconciler.loop.reconcile import Planned
    from reconciler.loop.world import World

NEW_ANSWERS = 100
"""Hosts that are observed anew, half of them as they were before."""
CYCLES = 50
SETTLED = 10
"""Cycles after which memory should have stopped growing."""


def settings(folder: str) -> Any:
    from reconciler.config import Settings

    return Settings(repo=f"{folder}/repo", store=f"{folder}/store.db", cache_dir=f"{folder}/cache")


def prepare(folder: str, hosts: int) -> None:
    """The repository, what its hosts answer and what is on record; then a service is retired."""
    import pygit2

    from bench.answers import answers
    from bench.fleet import RETIRED, commit, write_fleet
    from reconciler.bootstrap import open_world
    from reconciler.loop.desire import read_desired

    write_fleet(Path(folder, "repo"), hosts)
    with open_world(settings(folder)) as world:
        desired = read_desired(world.reading, None).desired
        pairs = list(answers(desired, world.registry, seed=1))
        world.store.save_observations(observation for observation, _ in pairs)
        world.store.save_ownership(ownership for _, ownership in pairs)
    commit(pygit2.Repository(f"{folder}/repo"), {f"services/{RETIRED}.yaml": None}, "retire a service")


class Case:
    """Plans in one process, each with what it cost and what was counted."""

    def __init__(self, world: World, folder: str) -> None:
        import pygit2

        self.world = world
        self.repository = pygit2.Repository(f"{folder}/repo")
        self.found: dict[str, Any] = {}

    def timed(self, case: str, work: Callable[[], Any]) -> Any:
        before = time.process_time()
        result = work()
        self.found[case] = round(time.process_time() - before, 4)
        return result

    def plan(self, case: str) -> Planned:
        """Nobody is asked: what hosts said is in the store."""
        from reconciler.loop.observe import Freshness
        from reconciler.loop.reconcile import Request, plan

        # Any: the counts are those of the adapters, no port has them.
        library: Any = self.world.reading.library
        store: Any = self.world.store
        before = library.read, library.parser.parsed, library.restored, store.rows
        planned: Planned = self.timed(case, lambda: plan(self.world, Request(freshness=Freshness(None))))
        after = library.read, library.parser.parsed, library.restored, store.rows
        names = ("read", "parsed", "restored", "rows")
        counts = {name: now - then for name, then, now in zip(names, before, after, strict=True)}
        dues = [due for verdict, _ in planned.assessment.verdicts for due in verdict.dues if not due.triggers]
        self.found[f"{case}, counts"] = {
            **counts,
            "renders": planned.read.desired.renders,
            "comparisons": planned.assessment.comparisons,
            "differ": len({(due.change.key, due.change.desired, due.change.expect) for due in dues}),
            "changes": planned.plan.summary.changes,
        }
        return planned

    def commit(self, version: str) -> None:
        from bench.fleet import CHANGED, commit, service

        commit(self.repository, {f"services/svc-{CHANGED:02}.yaml": service(CHANGED, version)}, f"version {version}")

    def answer(self, planned: Planned, mode: str) -> None:
        """New answers of some hosts, of which every second has another mode on its files."""
        hosts = sorted(planned.read.desired.hosts)[:: max(1, planned.plan.fleet // NEW_ANSWERS)][:NEW_ANSWERS]
        now = self.world.clock.now()
        seen = self.world.store.observations(hosts)
        answered = [replace(seen[host], asked_at=now, observed_at=now) for host in hosts]
        self.world.store.save_observations(
            [drifted(each, mode) if at % 2 else each for at, each in enumerate(answered)]
        )


def drifted(seen: Any, mode: str) -> Any:
    """The same answers, but for a file's mode."""
    from reconciler.core.observing.observed import Interned

    interned = Interned()
    key = next(key for key in seen.facts if key.kind == "file")
    fact = seen.facts[key]
    facts = {**seen.facts, key: replace(interned.fact({}, {**fact.facts, "mode": mode}), query=fact.query)}
    fingerprint, together = interned.together(facts)
    return replace(seen, facts=together, fingerprint=fingerprint)


def plan(folder: str, _hosts: int) -> None:
    """The first plan in this process, the same again, after a commit to one service, after new answers, the outputs."""
    from reconciler.bootstrap import open_world
    from reconciler.core.assessing.alike import in_order

    with open_world(settings(folder)) as world:
        case = Case(world, folder)
        planned = case.plan("first")
        # From the start of Python, with everything that is imported.
        case.found["process"] = round(time.process_time(), 3)
        case.found["megabytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
        case.found["hosts of the service"] = len(planned.read.desired.services[_changed()].hosts)
        case.found["sets of values"] = sets_of_values(planned)
        # As a plan does that asks hosts; it is written once, so it is no part of the cost.
        world.store.note_in_order(in_order(planned.assessment, planned.read.desired, world.store.heads()))
        case.plan("marked")
        again = case.plan("again")
        case.commit("2.0.0")
        case.plan("one file")
        case.commit("1.0.0")
        case.plan("back")
        case.answer(planned, "0600")
        case.plan("answers")
        case.answer(planned, "0644")
        outputs(case, again)
    print(json.dumps(case.found))


def _changed() -> str:
    from bench.fleet import CHANGED

    return f"svc-{CHANGED:02}"


def sets_of_values(planned: Planned) -> int:
    """How many distinct sets of values the entries of all services have, counted one by one."""
    from bench.fleet import template

    desired, total = planned.read.desired, 0
    for name, service in desired.services.items():
        text = template(int(name.removeprefix("svc-")))
        if "host.name" in text:
            sets = len(service.hosts)
        else:
            sets = len({desired.hosts[h].labels["site"] for h in service.hosts}) if "host.labels" in text else 1
        total += sets + 3  # the package, the unit and the setting use nothing of a host
    return total


def outputs(case: Case, planned: Planned) -> None:
    """The plan as people and programs read it."""
    from reconciler.core.explain.markdown import plan_markdown
    from reconciler.core.explain.plan_text import plan_text
    from reconciler.core.planning.plan_json import plan_bytes

    made, desired, now = planned.plan, planned.read.desired, case.world.clock.now()
    text = case.timed("text", lambda: list(plan_text(made, desired, (), "a commit", now)))
    case.timed("json", lambda: plan_bytes(made))
    case.timed("markdown", lambda: list(plan_markdown(made, ())))
    case.found |= {"lines": len(text), "managed": made.managed, "digest": made.digest}


def pull_request(folder: str, _hosts: int) -> None:
    """What merging a commit to one service would change, in a new process, and the comment about it."""
    import pygit2

    from bench.fleet import CHANGED, commit, service
    from reconciler.bootstrap import open_bearings
    from reconciler.core.explain.pr_comment import pr_comment
    from reconciler.loop.propose import propose

    repository = pygit2.Repository(f"{folder}/repo")
    base = str(repository.head.target)
    commit(repository, {f"services/svc-{CHANGED:02}.yaml": service(CHANGED, "3.0.0")}, "a pull request")
    found: dict[str, Any] = {}
    with open_bearings(settings(folder), "store") as bearings:
        proposal = propose(bearings, base, "HEAD")
        found["proposal"] = round(time.process_time(), 3)
        before = time.process_time()
        comment = pr_comment(proposal)
        found["comment"] = round(time.process_time() - before, 4)
    found |= {"bytes": len(comment.markdown.encode()), "changes": comment.changes}
    repository.references["refs/heads/main"].set_target(base)
    print(json.dumps(found))


def cycles(folder: str, _hosts: int) -> None:
    """Memory over many plans, each after a commit and new answers."""
    from reconciler.bootstrap import open_world

    held: list[float] = []
    with open_world(settings(folder)) as world:
        case = Case(world, folder)
        planned = case.plan("first")
        for cycle in range(CYCLES):
            case.commit(f"1.0.{cycle}")
            case.answer(planned, f"06{cycle % 8}0")
            case.plan("cycle")
            gc.collect()
            held.append(_resident())
        case.commit("1.0.0")
        case.answer(planned, "0644")
    print(json.dumps({"settled": held[SETTLED - 1], "end": held[-1], "most": max(held)}))


def _resident() -> float:
    """Megabytes that this process has in memory now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def simple(folder: str, _hosts: int) -> None:
    """As one would first write it: every resource of every host rendered and compared on its own, same functions."""
    from reconciler.bootstrap import open_world
    from reconciler.core.assessing.compare import compare
    from reconciler.core.resolving.opaque import Sealer
    from reconciler.core.resolving.recipe import Cook, compile_entry
    from reconciler.core.resolving.values import context
    from reconciler.loop.desire import read_desired

    before = time.process_time()
    with open_world(settings(folder)) as world:
        read = read_desired(world.reading, None)
        started = time.process_time()
        source, tree = world.reading.source, read.tree
        observations, ownership = world.store.observations(), world.store.ownership()
        compared, sealer = 0, Sealer(lambda _: None)
        for linked in read.linked.services.values():
            for name in linked.hosts:
                host, document = read.desired.hosts[name], linked.document
                project = read.linked.projects.get(document.project)
                for entry in document.entries:
                    recipe = compile_entry(
                        entry, document.name, world.registry[entry.kind], lambda p: source.read(tree.blobs[p], 1 << 20)
                    )
                    wanted = Cook(recipe).cook(context(document, project, host, sealer))
                    fact = observations[name].facts[wanted.key]
                    owned = ownership[name].owned.get(wanted.key)
                    compare(wanted, world.registry[entry.kind], fact, owned)
                    compared += 1
    spent = {"reading": round(started - before, 3), "rest": round(time.process_time() - started, 3)}
    print(json.dumps({**spent, "comparisons": compared}))


CASES = {"prepare": prepare, "plan": plan, "pull request": pull_request, "cycles": cycles, "simple": simple}

if __name__ == "__main__":
    CASES[sys.argv[1]](sys.argv[2], int(sys.argv[3]))
