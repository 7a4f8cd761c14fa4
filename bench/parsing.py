"""What it costs from the repository to documents: without a cache, in a process that has read them, in a new one.

`python -m bench.parsing [--quick]` makes a repository, then measures in two processes. CPU seconds and peak memory;
`--quick` takes a small fleet and checks the counts, not the times.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pygit2

from bench.fleet import commit, service, write_fleet
from bench.results import machine, table, verdict, write


@dataclass(frozen=True, slots=True)
class Measured:
    """One case: CPU seconds from poll to the tree, to documents and to links after them, and counts of work."""

    case: str
    tree: float
    documents: float
    link: float
    megabytes: int
    read: int
    parsed: int
    restored: int
    hosts: int

    @property
    def state(self) -> float:
        """From poll to the parsed state."""
        return self.tree + self.documents


def measure(repo: Path, cache: Path) -> list[Measured]:
    """In this process: everything, then commits that touch one file. The repository is then as before."""
    from reconciler.bootstrap import open_reading
    from reconciler.config import Settings

    reading = open_reading(Settings(repo=str(repo), cache_dir=str(cache)))
    repository = pygit2.Repository(str(repo))

    def once(case: str) -> Measured:
        library = reading.library
        before = library.read, library.parser.parsed, library.restored
        times = [time.process_time()]
        tree = reading.source.tree(reading.source.poll(None))
        times.append(time.process_time())
        documents = library.documents(tree)
        times.append(time.process_time())
        library.linked(documents, reading.registry, allow_local=False)
        times.append(time.process_time())
        spent = [round(after - start, 3) for start, after in pairwise(times)]
        counts = [
            now - then
            for now, then in zip((library.read, library.parser.parsed, library.restored), before, strict=True)
        ]
        # As at the end of a plan.
        library.settle()
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
        return Measured(case, *spent, memory, *counts, len(documents.hosts))

    found = [once("everything"), once("the same again")]
    hosts = "hosts/s000/r00003.yaml"
    old = repository.revparse_single(f"main:{hosts}").data.decode()
    commit(repository, {"services/svc-03.yaml": service(3, "9.9.9")}, "a service")
    found.append(once("one service"))
    commit(repository, {hosts: old.replace("workers: ", "workers: 1")}, "hosts")
    found.append(once("one file of hosts"))
    commit(repository, {"services/svc-03.yaml": service(3), hosts: old}, "back")
    found.append(once("both as before"))
    return found


HOSTS = 110_000
QUICK = 400
PROCESSES = ("no cache", "cache on disk")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="check the counts on a small fleet; time nothing")
    quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory() as folder:
        repo, cache = Path(folder, "fleet.git"), Path(folder, "cache")
        write_fleet(repo, QUICK if quick else HOSTS)
        found = {process: _in_a_process(repo, cache) for process in PROCESSES}
    wrong = wrong_counts(found)
    if not quick:
        text = _report(found)
        print(text)
        write("parsing", text)
    print("\n".join(wrong) or "a file is parsed once")
    return 1 if wrong else 0


def wrong_counts(found: dict[str, list[Measured]]) -> list[str]:
    """Where a file is read or parsed that need not be."""
    files = found["no cache"][0].parsed
    later = [(0, 0), (1, 0), (1, 0), (2, 0)]
    expected = {"no cache": [(files, 0), *later], "cache on disk": [(0, files), *later]}
    return [
        f"{process}, {m.case}: {m.parsed} files parsed, {m.restored} restored"
        for process, cases in found.items()
        for m, counts in zip(cases, expected[process], strict=True)
        if (m.parsed, m.restored) != counts
    ]


def _report(found: dict[str, list[Measured]]) -> str:
    heads = ("process", "revision", "tree", "documents", "link", "MB", "read", "parsed", "restored")
    rows = [
        (
            *(process, m.case),
            *(f"{seconds:.3f}" for seconds in (m.tree, m.documents, m.link)),
            *(f"{count:,}" for count in (m.megabytes, m.read, m.parsed, m.restored)),
        )
        for process, cases in found.items()
        for m in cases
    ]
    everything, _, service, hosts, _ = found["no cache"]
    bars = [
        verdict("everything, no cache, s", everything.state, 15),
        verdict("one service, s", service.state, 0.2),
        verdict("one file of hosts, s", hosts.state, 0.2),
    ]
    return "\n\n".join(
        [
            "## Parsing",
            machine(("reconciler", "pydantic", "pygit2")) + ".",
            "From poll to the parsed state (the tree, then documents), and links after it: "
            f"{everything.hosts:,} hosts in {everything.read:,} files of a Git repository. "
            "CPU seconds, and counts of files.",
            table(heads, rows),
            table(("cost", "measured", "bar", ""), bars),
        ]
    )


def _in_a_process(repo: Path, cache: Path) -> list[Measured]:
    program = (
        "import json, sys; from dataclasses import asdict; from pathlib import Path; from bench.parsing import measure;"
        "print(json.dumps([asdict(m) for m in measure(Path(sys.argv[1]), Path(sys.argv[2]))]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(repo), str(cache)], check=True, capture_output=True, text=True
    )
    return [Measured(**values) for values in json.loads(done.stdout)]


if __name__ == "__main__":
    sys.exit(main())
