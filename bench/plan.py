"""What a plan costs: the public path from a Git repository to a plan, beside a straightforward implementation.

`python -m bench.plan [--quick]`. Every case runs in a process of its own. CPU seconds (user and system) and peak
memory, counts of work, ratios. `--quick` takes a small fleet and checks the counts, not the times. Terraform is
measured too, where it is on the PATH.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.chart import chart
from bench.results import machine, table, verdict, write

SIZES = (1_000, 10_000, 110_000)
QUICK = 400
TERRAFORM = (250, 500, 1_000)
REPEATS = 5
"""New processes that plan; the least that any of them took counts, since other work on the machine only adds."""
ENTRIES = 4
"""Of each service."""
AGAIN = ("read", "parsed", "restored", "renders", "comparisons", "rows")

Measured = dict[str, Any]


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="check the counts on a small fleet; time nothing")
    if parser.parse_args().quick:
        wrong = wrong_counts(_size(QUICK, 1))
        print("\n".join(wrong) or "a plan costs what differs")
        return 1 if wrong else 0
    measured = [_size(hosts, REPEATS) for hosts in SIZES]
    peers = [(count, _terraform(count)) for count in TERRAFORM] if shutil.which("terraform") else []
    text = _report(measured, peers)
    print(text)
    write("plan", text)
    wrong = [what for each in measured for what in wrong_counts(each)]
    print("\n".join(wrong))
    return 1 if wrong else 0


def _size(hosts: int, repeats: int) -> Measured:
    with tempfile.TemporaryDirectory() as folder:
        _in_a_process("prepare", folder, hosts)
        found = {"hosts": hosts, "unmarked": _in_a_process("plan", folder, hosts)}
        runs = [_in_a_process("plan", folder, hosts) for _ in range(repeats)]
        found["fresh"] = {name: _least(name, runs) for name in runs[0]}
        found["pull request"] = _in_a_process("pull request", folder, hosts)
        found["cycles"] = _in_a_process("cycles", folder, hosts)
        found["simple"] = _in_a_process("simple", folder, hosts)
        return found


def _least(name: str, runs: list[Measured]) -> Any:
    values = [run[name] for run in runs]
    return min(values) if isinstance(values[0], float) else values[0]


def _in_a_process(case: str, folder: str, hosts: int) -> Any:
    done = subprocess.run(
        [sys.executable, "-m", "bench.planning", case, folder, str(hosts)],
        env=_as_installed(folder),
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return json.loads(done.stdout) if done.stdout else None


def _as_installed(folder: str) -> dict[str, str]:
    """Modules are compiled once, as installing a program does it, whatever is set for the sources here."""
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**inherited, "PYTHONPYCACHEPREFIX": f"{folder}/compiled"}


def wrong_counts(measured: Measured) -> list[str]:
    """What is more work than what differs."""
    fresh = measured["fresh"]
    counts = {case: fresh[f"{case}, counts"] for case in ("first", "again", "one file", "answers")}
    service = fresh["hosts of the service"]
    wanted = [
        ("a new process parses a file", counts["first"]["parsed"] == 0),
        ("a set of values is rendered twice", counts["first"]["renders"] <= fresh["sets of values"]),
        ("the same is looked at again", not any(counts["again"][what] for what in AGAIN)),
        ("a commit to one file parses more", counts["one file"]["parsed"] == counts["one file"]["read"] == 1),
        ("a commit to one service renders others", counts["one file"]["renders"] <= ENTRIES),
        ("a commit to one service reads more than its hosts", counts["one file"]["rows"] <= 2 * service),
        ("new answers parse or render", counts["answers"]["parsed"] == counts["answers"]["renders"] == 0),
        ("new answers read more than their hosts", counts["answers"]["rows"] <= 3 * 100),
        *(
            (f"{case}: more comparisons than twice the pairs that differ", each["comparisons"] <= 2 * each["differ"])
            for case, each in counts.items()
        ),
    ]
    return [what for what, holds in wanted if not holds]


def _terraform(count: int) -> float:
    """CPU seconds of `terraform plan` over so many independent resources that hold only data."""
    with tempfile.TemporaryDirectory() as folder:
        blocks = (f'resource "terraform_data" "r{n}" {{\n  input = "{n}"\n}}\n' for n in range(count))
        Path(folder, "main.tf").write_text("".join(blocks))
        subprocess.run(["terraform", "init", "-input=false"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        return min(_spent(["terraform", "plan", "-input=false"], folder) for _ in range(2))


def _spent(command: list[str], folder: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _report(measured: list[Measured], peers: list[tuple[int, float]]) -> str:
    largest = measured[-1]
    return "\n\n".join(
        [
            "## Plan",
            machine(("reconciler", "pydantic", "pygit2", "sqlalchemy", "jinja2")) + _terraform_version(peers) + ".",
            "CPU seconds of a plan, least of five processes. *Never planned*: everything is parsed, and nothing is "
            "marked as in order yet. *New process*: with the documents in the cache, and observations and marks in the "
            "store, from the start of Python, imports included; MB is its peak then. *First plan*: the plan in that, "
            "from a look at the repository on. The others are further plans in that process: of the same, after a "
            "commit to a service, and after new answers of 100 hosts.",
            table(
                (
                    *("hosts", "resources", "never planned", "new process", "MB"),
                    *("first plan", "the same", "one file", "100 answers"),
                ),
                [_costs(each) for each in measured],
            ),
            "Counts of work in that process.",
            table(
                ("hosts", "plan", "files parsed", "renders", "comparisons", "pairs that differ", "rows", "changes"),
                [row for each in measured for row in _counts(each)],
            ),
            _beside(largest),
            table(("ratio", "measured", "bar", ""), _bars(measured, peers)),
            _chart(measured, peers),
        ]
    )


def _terraform_version(peers: list[tuple[int, float]]) -> str:
    if not peers:
        return "; no terraform on the PATH"
    done = subprocess.run(["terraform", "version", "-json"], check=True, capture_output=True, text=True)
    return f"; Terraform {json.loads(done.stdout)['terraform_version']}"


def _costs(m: Measured) -> tuple[str, ...]:
    fresh = m["fresh"]
    return (
        f"{m['hosts']:,}",
        f"{fresh['managed']:,}",
        f"{m['unmarked']['process']:.1f}",
        f"{fresh['process']:.2f}",
        f"{fresh['megabytes']:,}",
        *(f"{fresh[case]:.3f}" for case in ("first", "again", "one file", "answers")),
    )


def _counts(m: Measured) -> list[tuple[str, ...]]:
    names = {"first": "new process", "again": "the same", "one file": "one file", "answers": "100 answers"}
    kinds = ("parsed", "renders", "comparisons", "differ", "rows", "changes")
    found = {case: m["fresh"][f"{case}, counts"] for case in names}
    return [(f"{m['hosts']:,}", name, *(f"{found[case][kind]:,}" for kind in kinds)) for case, name in names.items()]


def _beside(m: Measured) -> str:
    simple, never = m["simple"], m["unmarked"]
    return (
        f"At {m['hosts']:,} hosts: the straightforward way took {simple['rest']:.1f} s for {simple['comparisons']:,} "
        f"resources, after the same reading. A process that has never planned used {never['megabytes']:,} MB. The "
        f"changed service is on {m['fresh']['hosts of the service']:,} hosts."
    )


def _bars(measured: list[Measured], peers: list[tuple[int, float]]) -> list[tuple[str, ...]]:
    small, large = measured[-2:]
    fresh, memory = large["fresh"], large["cycles"]
    size = math.log(large["hosts"] / small["hosts"])
    exponents = {case: math.log(fresh[case] / small["fresh"][case]) / size for case in ("first", "again")}
    bars = [
        verdict("new process, from the start of Python, s", fresh["process"], 2.5),
        ("first plan in it, s", f"{fresh['first']:.2f}", "", ""),
        verdict("new process, MB", fresh["megabytes"], 400),
        verdict("the same again, s", fresh["again"], 0.5),
        verdict("one file changed, s", fresh["one file"], 0.15),
        verdict("100 new answers, s", fresh["answers"], 0.1),
        *(verdict(f"{name}, s", fresh[name], 1) for name in ("text", "json", "markdown")),
        verdict("lines of the text", fresh["lines"], 100),
        verdict("pull request, new process, s", large["pull request"]["proposal"], 10),
        verdict("comment from its plan, s", large["pull request"]["comment"], 3),
        verdict("bytes of the comment", large["pull request"]["bytes"], 60_000),
        *(verdict(f"exponent from {small['hosts']:,} hosts, {case}", value, 1.1) for case, value in exponents.items()),
        verdict(f"MB more after {50} plans than after 10", memory["end"] - memory["settled"], 10),
        verdict("straightforward ÷ new process", large["simple"]["rest"] / fresh["process"], 10, least=True),
    ]
    if peers:
        count, spent = peers[-1]
        ratio = (spent / count) / (fresh["process"] / fresh["managed"])
        bars.append(verdict(f"Terraform ÷ new process, a resource, at {count:,}", ratio, 100, least=True))
        growth = math.log(spent / peers[0][1]) / math.log(count / peers[0][0])
        bars.append((f"exponent of Terraform from {peers[0][0]}", f"{growth:.2f}", "", ""))
    return bars


def _chart(measured: list[Measured], peers: list[tuple[int, float]]) -> str:
    series = {
        "Reconciler, new process": [(m["fresh"]["managed"], m["fresh"]["process"]) for m in measured],
        "Reconciler, the same again": [(m["fresh"]["managed"], m["fresh"]["again"]) for m in measured],
        "Straightforward": [(m["fresh"]["managed"], m["simple"]["rest"]) for m in measured],
        "Terraform": peers,
    }
    return chart({name: points for name, points in series.items() if points}, "resources", "CPU seconds")


if __name__ == "__main__":
    sys.exit(main())
