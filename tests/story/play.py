"""Plays the story in a folder, and keeps what is said on the way, by name. Must not know what is expected of it."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.cli.daemon import Served, serving, until
from tests.cli.place import Place, place_in
from tests.forges.github import REPOSITORY
from tests.forges.jobs import event, github_job
from tests.forges.places import served
from tests.forges.server import Server
from tests.forges.site import OURS, Site
from tests.integration.notify.receiver import SECRET, Receiver, receiving

HERE = Path(__file__).parent
FORK = "mallory/fleet"
BEGAN = (
    ("ada", "Six hosts in two sites", ("hosts.yaml", "projects.yaml")),
    ("bob", "base: a motd, and no root over ssh", ("infra",)),
    ("eve", "legacy-agent: numbers for the old dashboards", ("data",)),
    ("ada", "shop 2.0", ("web",)),
    ("bob", "Two policies", ("policies.yaml",)),
)
"""The history of the state repository: who, what, and the files that came with it."""
SSHD_CONFIG = "Port 22\n#PermitRootLogin prohibit-password\n"
SETTINGS = """\
[[notify]]
name = "web"
type = "webhook"
url = "{url}"
secret_file = "{secret}"
allow_loopback = true
"""


@dataclass
class Story:
    """What is played with, and `texts`: what was said, by the name of its file."""

    place: Place
    site: Site
    server: Server
    receiver: Receiver
    texts: dict[str, str] = field(default_factory=dict)
    report: str = ""

    def says(self, name: str, who: str, *arguments: str, code: int = 0) -> None:
        """Keeps a command with all that it says, as on a terminal."""
        self.texts[name] = f"$ {shlex.join(['reconciler', *arguments])}\n{self.run(who, *arguments, code=code)}"

    def run(self, who: str, *arguments: str, code: int = 0, **env: str) -> str:
        done = subprocess.run(
            self.place.command(*arguments),
            cwd=self.place.state,
            env={**self.place.env, "LOGNAME": who, **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == code, done.stdout
        return done.stdout

    def commit(self, who: str, subject: str) -> str:
        """Everything that is there now; answers the commit."""
        self.place.git("add", "-A")
        self.place.git("commit", "-q", "--author", f"{who} <{who}@example.org>", "-m", subject)
        return self.place.git("rev-parse", "HEAD")

    def job(self, pull: int, head: str, *options: str, repository: str = REPOSITORY) -> str:
        """The CI job of a pull request; what it says."""
        if pull not in self.site.heads:
            self.site.open_pull(pull, head)
        file = event(self.place.base, self.site, repository, pull, self.place.git("rev-parse", "main"))
        return self.run("ci", "pr", "comment", *options, **github_job(self.server, file))

    def comment(self, pull: int) -> str:
        """The one comment that stands on a pull request."""
        [body] = [said.body for said in self.site.threads[pull] if said.author == OURS]
        return body

    def shown(self, pull: int) -> str:
        """The digest in the comment: what may be applied after the merge."""
        found = re.search(r"apply --expect ([0-9a-f]{16})", self.comment(pull))
        assert found, self.comment(pull)
        return found[1]

    def merge(self, pull: int) -> None:
        head = self.site.heads[pull]
        self.place.git("merge", "-q", "--no-ff", "-m", f"Merge pull request #{pull}", head)


def play(base: Path) -> Story:
    """The whole story, in an empty folder."""
    with served("github", site := Site()) as server, receiving() as receiver:
        story = Story(place_in(base), site, server, receiver)
        _begin(story)
        _open_pulls(story)
        _merge_and_apply(story)
        with _daemon(story) as daemon:
            _drift(story, daemon)
        _report_and_heal(story)
    return story


def _begin(story: Story) -> None:
    """A repository with a history, hosts as somebody installed them, and a first rollout."""
    place = story.place
    for who, subject, files in BEGAN:
        for name in files:
            copy = shutil.copytree if (HERE / "state" / name).is_dir() else shutil.copy
            copy(HERE / "state" / name, place.state / name)
        _furnish(place)
        story.commit(who, subject)
    log = ("log", "--reverse", "--format=%h %an: %s")
    story.texts["history.txt"] = f"$ {shlex.join(['git', *log])}\n{place.git(*log)}\n"
    story.run("ada", "apply", "--yes")


def _furnish(place: Place) -> None:
    hosts = place.state / "hosts.yaml"
    hosts.write_text(hosts.read_text().replace("ROOT", str(place.base / "hosts")))
    for name in re.findall(r"name: ([a-z]+-\d)", hosts.read_text()):
        (place.root(name) / "etc/ssh").mkdir(parents=True, exist_ok=True)
        (place.root(name) / "srv").mkdir(exist_ok=True)
        (place.root(name) / "etc/ssh/sshd_config").write_text(SSHD_CONFIG)


def _open_pulls(story: Story) -> None:
    """One that does no harm, one that removes something everywhere, and one from a stranger."""
    place = story.place
    place.git("checkout", "-q", "-b", "shop-2.1")
    shop = place.state / "web/shop.yaml"
    shop.write_text(shop.read_text().replace('"2.0"', '"2.1"').replace("workers: 4", "workers: 6"))
    story.job(1, _back(story, story.commit("ada", "shop 2.1, with more workers")))
    place.git("checkout", "-q", "-b", "retire-agent")
    (place.state / "data/agent.yaml").unlink()
    story.job(2, _back(story, story.commit("eve", "The old dashboards are gone, so is their agent")))
    stranger = _fork(place)
    story.texts["fork.txt"] = f"$ reconciler pr comment\n{story.job(3, stranger, repository=FORK)}"
    assert story.site.threads[3] == [], "nothing is written for a stranger unless the operator says so"
    story.job(3, stranger, "--forks", repository=FORK)
    for pull, name in ((1, "harmless.md"), (2, "destructive.md"), (3, "hostile.md")):
        story.texts[name] = story.comment(pull)
    story.texts["pulls.txt"] = "".join(f"#{pull} {_standing(story, pull)}\n" for pull in (1, 2, 3))


def _back(story: Story, commit: str) -> str:
    story.place.git("checkout", "-q", "main")
    return commit


def _fork(place: Place) -> str:
    """Somebody else's clone with a commit, fetched as forges offer it: as objects, never checked out."""
    fork = Place(place.base / "fork")
    fork.base.mkdir()
    place.git("clone", "-q", ".", str(fork.state))
    shutil.copytree(HERE / "fork", fork.state, dirs_exist_ok=True)
    head = fork.commit(subject="docs: mend a typo")
    place.git("fetch", "-q", str(fork.state), "main:refs/pull/3/head")
    return head


def _standing(story: Story, pull: int) -> str:
    """What the forge shows beside a pull request."""
    [status] = story.site.newest_statuses(story.site.heads[pull])
    labels = "".join(f"  [{label}]" for label in sorted(story.site.labels[pull]))
    return f"{status['state']}  {status['context']}  {status['line']}{labels}"


def _merge_and_apply(story: Story) -> None:
    first, second = story.shown(1), story.shown(2)
    story.merge(1)
    story.says("other.txt", "eve", "apply", "--expect", second, "--yes", code=1)
    story.says("applied.txt", "ada", "apply", "--expect", first, "--yes")
    story.says("approved.txt", "bob", "approve", second, "--reason", "the old dashboards are gone, CHG-1234")
    story.merge(2)
    story.says("retired.txt", "eve", "apply", "--expect", second, "--yes")


@contextmanager
def _daemon(story: Story) -> Iterator[Served]:
    """`reconciler serve`, which tells the receiver what happens."""
    place = story.place
    secret = place.base / "secret"
    secret.write_bytes(SECRET)
    (place.state / "reconciler.toml").write_text(SETTINGS.format(url=story.receiver.url, secret=secret))
    with serving(place, "--poll-interval", "1s", "--observe-interval", "2s", LOGNAME="reconciler") as daemon:
        until(lambda: daemon.ready()["role"] == "leader", daemon)
        yield daemon
        assert daemon.end() == 0


def _drift(story: Story, daemon: Served) -> None:
    """Somebody changes two hosts by hand: one thing is healed by the daemon, the other is told to its owner."""
    door = story.place.root("web-2") / "etc/ssh/sshd_config"
    good = door.read_text()
    door.write_text(good.replace("PermitRootLogin no", "PermitRootLogin yes"))
    until(lambda: door.read_text() == good and daemon.ready()["applying"] == [], daemon)
    conf = story.place.root("web-3") / "srv/shop/shop.conf"
    conf.write_text(conf.read_text().replace("workers = 6", "workers = 64"))
    conf.chmod(0o644)
    until(lambda: _told(story.receiver, "drift-found", "shop"), daemon)
    [notice] = _told(story.receiver, "drift-found", "shop")
    story.texts["notice.json"] = json.dumps(notice, indent=2) + "\n"
    until(lambda: _told(story.receiver, "healed", "base"), daemon)


def _told(receiver: Receiver, kind: str, service: str) -> list[dict[str, object]]:
    return [e for e in receiver.events if e["data"]["kind"] == kind and e["data"]["services"] == [service]]


def _report_and_heal(story: Story) -> None:
    story.says("drift.txt", "ada", "drift", code=2)
    story.texts["report.md"] = story.run("ada", "drift", "report", "--since", "1h")
    story.report = story.run("ada", "drift", "report", "--since", "1h", "--output", "html")
    story.says("healed.txt", "ada", "apply", "--heal", "--yes", "--max-age", "1h")
    story.says("why.txt", "ada", "why", "web-2", "line/sshd-no-root")
    story.says("runs.txt", "ada", "runs")
