"""What is asked for, commit by commit, from a seed. Every content is written only once in all commits.

Knows what hosts should be like at each revision; knows nothing of workers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from tests.fakes.fleet import written
from tests.fakes.source import Commits

HOSTS = ("web-1", "web-2", "web-3")
SERVICES = ("base", "edge")
CAP = 5
"""Deletes in one plan that nobody allowed: one file less is three deletes, two are one too many."""
WATCHED = "/etc/edge.conf"
"""The file whose change reloads the unit."""


@dataclass
class Scenario:
    """`files` are those of now, by service: path to content. `wanted` keeps by revision what each host should have."""

    random: Random
    source: Commits = field(default_factory=Commits)
    files: dict[str, dict[str, str]] = field(default_factory=dict)
    wanted: dict[str, dict[str, str]] = field(default_factory=dict)
    _number: int = 0

    def __post_init__(self) -> None:
        self.source.commit(written({"hosts": {host: {"role": "web"} for host in HOSTS}}))
        self.files = {"base": {"/etc/base-1": self._text()}, "edge": {WATCHED: self._text()}}
        self._commit()

    def next(self) -> str:
        """A commit; answers its revision."""
        files = self.files[self.random.choice(SERVICES)]
        others = [path for path in files if path != WATCHED]
        match self.random.choice(("change", "change", "watched", "add", "add", "remove", "remove two")):
            case "watched":
                self.files["edge"][WATCHED] = self._text()
            case "add":
                files[f"/etc/added-{self._number}"] = self._text()
            case "remove" if others:
                del files[self.random.choice(others)]
            case "remove two" if len(others) > 1:
                for path in self.random.sample(others, 2):
                    del files[path]
            case _ if not files:
                files[f"/etc/added-{self._number}"] = self._text()
            case _:
                files[self.random.choice(sorted(files))] = self._text()
        return self._commit()

    def restore(self) -> str:
        """A commit after one whose deletes were too many: what is on some host comes back, with new content."""
        for path in sorted({p for w in self.wanted.values() for p in w} - {p for f in self.files.values() for p in f}):
            self.files["base"][path] = self._text()
        return self._commit()

    def _text(self) -> str:
        self._number += 1
        return f"text {self._number}\n"

    def _commit(self) -> str:
        services = {name: {"resources": [*map(_file, files.items())]} for name, files in self.files.items()}
        services["edge"]["requires"] = ["base"]
        services["edge"]["rollout"] = {"batches": [1, "100%"], "maxUnavailable": 1}
        services["edge"]["resources"] += [
            {"package": "nginx"},
            {"service": "nginx", "state": "running", "reload_on": [f"file/{WATCHED}"], "requires": ["package/nginx"]},
        ]
        revision = self.source.commit(written({"services": services}))
        self.wanted[revision] = {path: text for files in self.files.values() for path, text in files.items()}
        return revision


def _file(given: tuple[str, str]) -> dict[str, object]:
    return {"file": given[0], "content": given[1]}
