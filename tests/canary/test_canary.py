"""A whole story that goes wrong in every way, with secrets that are then looked for everywhere."""

from __future__ import annotations

import secrets
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.canary import search
from tests.cli.place import Place, place_in
from tests.cli.sealed_state import SERVICE, TEMPLATE, Sealed, private, sealed_state

SHARED = Path("/dev/shm")
LEAKING = """\
    - file: /etc/leaking.conf
      template: files/db.conf.j2
      validate: /bin/cat %s /nowhere
"""
"""The module prints what is in the file, and then fails: its message holds the secrets."""


@dataclass
class Story:
    """Runs commands and keeps all that they say and all that is seen of their processes."""

    sealed: Sealed
    wanted: search.FORMS
    said: list[bytes] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)

    @property
    def place(self) -> Place:
        return self.sealed.place

    def run(self, *arguments: str, code: int | None = None, **env: str) -> str:
        child = self.start(*arguments, **env)
        with search.watched(self.wanted, self.seen, [child.pid]):
            out, err = child.communicate(timeout=600)
        self.said += [out, err]
        assert code is None or child.returncode == code, (out + err).decode()
        return (out + err).decode()

    def start(self, *arguments: str, **env: str) -> subprocess.Popen[bytes]:
        temporary = self.place.base / "tmp"
        temporary.mkdir(exist_ok=True)
        variables = {**self.place.env, "TMPDIR": str(temporary), **env}
        return subprocess.Popen(
            self.place.command(*arguments),
            cwd=self.place.state,
            env={name: value for name, value in variables.items() if value},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )


@pytest.fixture
def story(tmp_path: Path) -> Story:
    def canary(name: str) -> str:
        return f"{name}-canary/'{secrets.token_hex(12)}\" ü+%"

    values = {name: canary(name) for name in ("password", "token", "licence")}
    values["certificate"] = f"-----BEGIN {canary('first')}\n{canary('second')}"
    sealed = sealed_state(place_in(tmp_path), values)
    return Story(sealed, search.forms(values))


def tell(story: Story) -> None:
    place = story.place
    story.run("validate", code=0)
    for form in ("text", "json", "markdown"):
        story.run("plan", "--output", form, code=2)
    story.run("plan", "--out", str(place.base / "plan.json"), code=2)
    story.run("plan", "--out", "/proc/plan.json", code=1, RECONCILER_DEBUG="1")
    for missing in ("RECONCILER_SECRETS__VAULT_PASSWORD_FILE", "DB_LICENCE"):
        assert "can't be had" in story.run("apply", "--yes", code=1, **{missing: ""})
    wrong = private(place.base / "operator/wrong.txt", "AGE-SECRET-KEY-nobody\n")
    story.run("apply", "--yes", code=1, RECONCILER_SECRETS__AGE_IDENTITY_FILE=str(wrong), RECONCILER_DEBUG="1")
    story.run("apply", str(place.base / "plan.json"), code=0)
    story.run("apply", "--yes", "--output", "json")
    place.commit({"services/db.yaml": SERVICE + LEAKING})
    base = place.git("rev-parse", "HEAD~1")
    for form in ("text", "json", "markdown"):
        story.run("pr", "plan", "--base", base, "--output", form, code=2)
        story.run("pr", "plan", "--base", base, "--output", form, "--no-store", code=2)
    assert "hidden" in story.run("apply", "--yes", code=1)
    (place.root("web-1") / "etc/db.conf").write_text(story.sealed.content("web-1") + "more\n")
    (place.root("web-2") / "etc/db.conf").chmod(0o644)
    for form in ("text", "json", "markdown"):
        story.run("drift", "--output", form, code=2)
        story.run("why", "web-1", "file//etc/db.conf", "--output", form)
        story.run("runs", "--output", form)
    for number in ("1", "2", "3", "4", "5"):
        story.run("runs", "show", number)
        story.run("runs", "show", number, "--output", "json")
    place.commit({"files/db.conf.j2": TEMPLATE + "{{ vars.password | upper }}{{ vars.nobody }}"})
    story.run("validate", code=1)
    place.commit({"files/db.conf.j2": TEMPLATE, "services/db.yaml": SERVICE})
    story.run("apply", "--yes", code=0)


def killed(story: Story) -> None:
    """In the middle of an apply, without a chance to clean up."""
    (story.place.root("web-1") / "etc/db.conf").chmod(0o644)
    child = story.start("apply", "--yes")
    until = time.monotonic() + 300
    while child.poll() is None and time.monotonic() < until and not _in_memory(story.wanted):
        time.sleep(0.01)
    child.kill()
    child.communicate()
    story.run("apply", "--yes", code=0)  # whatever is left by then, the next run takes away
    assert not _in_memory(story.wanted)


def _in_memory(wanted: search.FORMS) -> bool:
    """Whether any run has our secrets in its directory: that of another test has none of them."""
    return any(search.in_files(path, wanted) for path in SHARED.glob("reconciler-*"))


def test_no_secret_is_anywhere_but_where_it_belongs(story: Story) -> None:
    place, wanted = story.place, story.wanted
    tell(story)
    assert (place.root("web-1") / "etc/db.conf").read_text() == story.sealed.content("web-1")
    killed(story)
    for data in story.said:
        assert search.found_in(data, wanted) == [], data.decode()
    assert sorted(set(story.seen)) == []
    stores = list((place.base / "home").rglob("*.db"))
    assert len(stores) == 1
    assert search.in_store(stores[0], wanted) == []
    there = [place.root(host) / "etc" for host in ("web-1", "web-2")]
    assert search.in_files(place.base, wanted, [*there, place.base / "operator/files"]) == []


def test_the_search_finds_what_is_there(story: Story, tmp_path: Path) -> None:
    """Else the other test could say anything."""
    place = story.place
    story.run("apply", "--yes", code=0)
    said = search.in_files(place.root("web-1") / "etc", story.wanted)
    for name in ("password", "token", "licence", "certificate"):
        assert any(f"db.conf: {name} as it is" in line or "cert.pem: certificate as it is" in line for line in said)
    for form in search.forms({"x": "val/ue 12345"}):
        (tmp_path / "one").write_bytes(b"before " + form + b" after")
        assert search.in_files(tmp_path, search.forms({"x": "val/ue 12345"}))
    seen: list[str] = []
    with search.watched({b"canary-in-arguments": "it"}, seen):
        subprocess.run(["sleep", "0.5"], env={"X": "canary-in-arguments"}, check=True)
    assert any(line.startswith("environ of b'sleep") for line in seen)
