"""What a plan costs: the public path from a Git repository to a plan, beside a straightforward implementation.

`python -m bench.plan [--quick]`. Every case runs in a process of its own. CPU seconds (user and system) and peak
memory, counts of work, ratios. `--quick` takes a small fleet. Terraform is measured too, where it is on the PATH.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pygit2

from bench.answers import answers
from bench.fleet import RETIRED, commit, service, write_fleet
from bench.results import machine, table, write

SIZES = (1_000, 10_000, 110_000)
QUICK = (200, 1_000)
SIMPLE_UP_TO = 10_000
"""The straightforward way is measured up to this size; it grows with the number of resources, so more tells nothing."""
TERRAFORM = (250, 500, 1_000)


def main() -> None:
    """Measures, prints, and writes the block of RESULTS.md."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    measured = [_size(hosts) for hosts in (QUICK if quick else SIZES)]
    peers = [_terraform(count) for count in TERRAFORM] if shutil.which("terraform") and not quick else []
    text = _report(measured, peers)
    print(text)
    if not quick:
        write("plan", text)


def _size(hosts: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        _in_a_process("prepare", folder, hosts)
        cold = _in_a_process("plan", folder, hosts)
        found = {"hosts": hosts, "cold": cold, "fresh": _in_a_process("plan", folder, hosts)}
        if hosts <= SIMPLE_UP_TO:
            found["simple"] = _in_a_process("simple", folder, hosts)
        return found


def _in_a_process(case: str, folder: str, hosts: int) -> Any:
    program = "import sys; from bench.plan import CASES; CASES[sys.argv[1]](sys.argv[2], int(sys.argv[3]))"
    done = subprocess.run(
        [sys.executable, "-c", program, case, folder, str(hosts)], check=True, stdout=subprocess.PIPE, text=True
    )
    return json.loads(done.stdout) if done.stdout else None


def _settings(folder: str) -> Any:
    from reconciler.config import Settings

    return Settings(repo=f"{folder}/repo", store=f"{folder}/store.db", cache_dir=f"{folder}/cache")


def prepare(folder: str, hosts: int) -> None:
    """The repository, what its hosts answer and what is on record; then a service is retired."""
    from reconciler.bootstrap import open_world
    from reconciler.loop.desire import read_desired

    write_fleet(Path(folder, "repo"), hosts)
    with open_world(_settings(folder)) as world:
        desired = read_desired(world.reading, None).desired
        pairs = list(answers(desired, world.registry, seed=1))
        world.store.save_observations(observation for observation, _ in pairs)
        world.store.save_ownership(ownership for _, ownership in pairs)
    commit(pygit2.Repository(f"{folder}/repo"), {f"services/{RETIRED}.yaml": None}, "retire a service")


def plan(folder: str, _hosts: int) -> None:
    """Plans: the first in this process, the same again, after a commit to one service, and the outputs."""
    from reconciler.bootstrap import open_world
    from reconciler.core.explain.markdown import plan_markdown
    from reconciler.core.explain.plan_text import plan_text
    from reconciler.core.heads import in_order
    from reconciler.core.plan_json import plan_bytes
    from reconciler.loop.observe import Freshness
    from reconciler.loop.reconcile import Request, plan

    repository = pygit2.Repository(f"{folder}/repo")
    spent: dict[str, Any] = {}
    with open_world(_settings(folder)) as world:

        def timed(case: str, work: Any) -> Any:
            before = time.process_time()
            result = work()
            spent[case] = round(time.process_time() - before, 3)
            return result

        request = Request(freshness=Freshness(None))  # nobody is asked
        planned = timed("first", lambda: plan(world, request))
        world.store.note_in_order(in_order(planned.assessment, planned.read.desired, planned.observations))
        spent["start"] = round(time.process_time() - spent["first"], 3)
        timed("again", lambda: plan(world, request))
        commit(repository, {"services/svc-13.yaml": service(13, "2.0.0")}, "one service")
        changed = timed("one file", lambda: plan(world, request))
        made, desired, now = planned.plan, planned.read.desired, world.clock.now()
        text = timed("text", lambda: list(plan_text(made, desired, (), "a commit", now)))
        timed("json", lambda: plan_bytes(made))
        timed("markdown", lambda: list(plan_markdown(made, ())))
    commit(repository, {"services/svc-13.yaml": service(13)}, "back")
    spent |= {
        "lines": len(text),
        "comparisons": planned.assessment.comparisons,
        "managed": made.managed,
        "changes": made.summary.changes,
        "one file changes": changed.plan.summary.changes,
        "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
    }
    print(json.dumps(spent))


def simple(folder: str, _hosts: int) -> None:
    """As one would first write it: every resource of every host rendered and compared on its own, same functions."""
    from reconciler.bootstrap import open_world
    from reconciler.core.compare import compare
    from reconciler.core.opaque import Sealer
    from reconciler.core.recipe import Cook, compile_entry
    from reconciler.core.values import context
    from reconciler.loop.desire import read_desired

    before = time.process_time()
    with open_world(_settings(folder)) as world:
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
                    resource_ = Cook(recipe).cook(context(document, project, host, sealer))
                    fact = observations[name].facts[resource_.key]
                    owned = ownership[name].owned.get(resource_.key)
                    compare(resource_, world.registry[entry.kind], fact, owned)
                    compared += 1
    spent = {"reading": round(started - before, 3), "rest": round(time.process_time() - started, 3)}
    print(json.dumps({**spent, "comparisons": compared}))


CASES = {"prepare": prepare, "plan": plan, "simple": simple}


def _terraform(count: int) -> tuple[int, float]:
    """CPU seconds of `terraform plan` over so many independent resources that hold only data."""
    with tempfile.TemporaryDirectory() as folder:
        blocks = (f'resource "terraform_data" "r{n}" {{\n  input = "{n}"\n}}\n' for n in range(count))
        Path(folder, "main.tf").write_text("".join(blocks))
        subprocess.run(["terraform", "init", "-input=false"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(["terraform", "plan", "-input=false"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return count, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _report(measured: list[dict[str, Any]], peers: list[tuple[int, float]]) -> str:
    heads = ("hosts", "resources", "no cache", "new process", "same process", "one file changed", "MB", "comparisons")
    rows = [
        (
            f"{m['hosts']:,}",
            f"{m['fresh']['managed']:,}",
            f"{m['cold']['first']:.2f} s",
            f"{m['fresh']['first']:.2f} s",
            f"{m['fresh']['again']:.2f} s",
            f"{m['fresh']['one file']:.2f} s",
            f"{m['fresh']['megabytes']:,}",
            f"{m['fresh']['comparisons']:,}",
        )
        for m in measured
    ]
    parts = ["## Plan", machine(("reconciler", "pydantic", "pygit2")), table(heads, rows), _growth(measured)]
    parts += [_outputs(measured[-1]), *(_beside(m) for m in measured if "simple" in m)]
    parts += [f"`terraform plan` over {count:,} `terraform_data`: {spent:.2f} CPU s." for count, spent in peers]
    return "\n\n".join(parts)


def _growth(measured: list[dict[str, Any]]) -> str:
    (small, large) = measured[-2:]
    exponent = math.log(large["fresh"]["again"] / small["fresh"]["again"]) / math.log(large["hosts"] / small["hosts"])
    return (
        "CPU seconds. *No cache*: the first plan after everything was written; *new process*: with parsed documents "
        "and marks of what was in order on disk; *one file changed*: a commit to one service, in the same process. "
        f"Starting Python and loading everything is {large['fresh']['start']:.2f} s more. "
        f"From {small['hosts']:,} to {large['hosts']:,} hosts the cost in the same process has exponent {exponent:.2f}."
    )


def _outputs(m: dict[str, Any]) -> str:
    fresh = m["fresh"]
    said = ", ".join(f"{name} {fresh[name]:.2f} s" for name in ("text", "json", "markdown"))
    return f"Outputs of the plan with {fresh['changes']:,} changes: {said}; the text has {fresh['lines']} lines."


def _beside(m: dict[str, Any]) -> str:
    simple_one, ours = m["simple"]["rest"], m["fresh"]["again"]
    each = 1e6 * simple_one / m["simple"]["comparisons"]
    return (
        f"Straightforward, {m['hosts']:,} hosts: {simple_one:.1f} s for {m['simple']['comparisons']:,} resources "
        f"({each:.0f} µs each), after the same reading: {simple_one / ours:.0f} × ours in the same process."
    )


if __name__ == "__main__":
    main()
