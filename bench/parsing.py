"""What it costs from the repository to documents: without a cache, in a process that has read them, in a new one.

`python -m bench.parsing [HOSTS]` makes a repository, then measures each case in a process of its own. CPU seconds and
peak memory; the counts are what tests hold.
"""

from __future__ import annotations

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


@dataclass(frozen=True, slots=True)
class Measured:
    """One case: CPU seconds in all from poll to documents and those of links after it, and counts of work."""

    case: str
    tree: float
    documents: float
    link: float
    megabytes: int
    read: int
    parsed: int
    restored: int
    hosts: int


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
    return found


def main() -> None:
    hosts = int(sys.argv[1]) if len(sys.argv) > 1 else 110_000
    with tempfile.TemporaryDirectory() as folder:
        repo, cache = Path(folder, "fleet.git"), Path(folder, "cache")
        write_fleet(repo, hosts)
        for process in ("no cache", "cache on disk"):
            print(f"{hosts:,} hosts, a new process, {process}")
            print(f"{'':20}{'tree':>8}{'parsed':>8}{'link':>8}{'MB':>6}{'read':>8}{'parsed':>8}{'restored':>9}")
            for m in _in_a_process(repo, cache):
                times = f"{m.tree:8.3f}{m.documents:8.3f}{m.link:8.3f}{m.megabytes:6}"
                print(f"{m.case:20}{times}{m.read:8}{m.parsed:8}{m.restored:9}")


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
    main()
