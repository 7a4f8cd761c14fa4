"""`reconciler demo`: the whole of it at work on made-up hosts. Each command is shown, then run for real."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from reconciler.model.errors import Stalled


@dataclass(frozen=True, slots=True)
class Scene:
    """Some words, then commands (run without a shell) and the exit code that the last of them ends with."""

    title: str
    words: str
    commands: tuple[str, ...]
    code: int = 0


SHOP = "state/services/shop.yaml"
STORY = (
    Scene(
        "What Git says",
        "The folder state is a Git repository: six hosts and three services. Is it all in order?",
        ("reconciler validate",),
    ),
    Scene(
        "What would change",
        "The hosts are asked what they have, and a plan is made. Nothing is changed. Exit code 2 says that changes are "
        "due.",
        ("reconciler plan --out plan.json",),
        2,
    ),
    Scene(
        "Make it so",
        "What is applied is that plan, or nothing: each host checks that it still is as planned. Services come in the "
        "order of what they require.",
        ("reconciler apply plan.json --yes",),
    ),
    Scene(
        "Somebody changes hosts by hand",
        "One host lets root in again, on another one a file is gone. Nobody told Git.",
        (
            "sed -i 's/^PermitRootLogin.*/PermitRootLogin yes/' hosts/web-2/etc/ssh/sshd_config",
            "rm hosts/web-3/etc/motd",
            "reconciler drift",
        ),
        2,
    ),
    Scene(
        "Why?",
        "For every resource of every host: who asks for it, what was seen, what happens next.",
        ("reconciler why web-2 line/sshd-no-root",),
    ),
    Scene(
        "Meanwhile, a commit",
        "Version 2.1 of the shop is merged. What Git changed is pending, what the hosts changed is drift. The hosts "
        "answered a moment ago; with --max-age they are not asked again.",
        (
            f"sed -i 's/2\\.0/2.1/' {SHOP}",
            "git -C state commit --quiet --all --message 'shop 2.1'",
            "reconciler plan --max-age 10m",
        ),
        2,
    ),
    Scene(
        "Heal",
        "Undo what was changed by hand, and only that: the new version waits.",
        ("reconciler apply --heal --yes --max-age 10m",),
    ),
    Scene("And now the new version", "Everything that is due.", ("reconciler apply --yes --max-age 10m",)),
    Scene(
        "The shop leaves Git",
        "What Reconciler put on the hosts it removes again. But so many deletes at once might be a mistake: a limit "
        "refuses.",
        (
            "git -C state rm --quiet services/shop.yaml",
            "git -C state commit --quiet --message 'The shop closes'",
            "reconciler apply --yes --max-age 10m",
        ),
        1,
    ),
    Scene(
        "It was meant",
        "Allow as many deletes as the refusal counted. What the hosts had before us stays.",
        ("reconciler apply --yes --max-age 10m --allow-deletes 16",),
    ),
    Scene(
        "What was done",
        "Every run is on record. And when the hosts are asked again, all of them are as Git says.",
        ("reconciler runs", "reconciler plan"),
    ),
)


@click.command()
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), help="Where; a new or empty folder.")
@click.option("--no-color", is_flag=True, help="Plain text. Also when NO_COLOR is set or there is no terminal.")
def command(folder: Path | None, no_color: bool) -> None:
    """See all of it at work on made-up hosts, on this computer only.

    Makes six hosts (directories), a state repository with three services, and plays through plan, apply, drift,
    healing and removal. Each command is shown and then really run, so you can repeat it. Needs no root and no network;
    takes less than two minutes and leaves the folder for you to go on with.
    """
    from reconciler.cli.demo_stage import build

    if folder is None:
        folder = Path(tempfile.mkdtemp(prefix="reconciler-demo-"))
    folder.mkdir(parents=True, exist_ok=True)
    folder = folder.resolve()
    build(folder)
    show = _Show(folder, color=sys.stdout.isatty() and not no_color and "NO_COLOR" not in os.environ)
    show.opening()
    for number, scene in enumerate(STORY, start=1):
        show.scene(number, scene)
    show.ending()


@dataclass(frozen=True, slots=True)
class _Show:
    """Says things and runs commands, in the demo's folder."""

    folder: Path
    color: bool

    def opening(self) -> None:
        self._say(f"The demo plays in {self.folder}. To follow in another terminal:")
        if shutil.which("reconciler") is None:
            self._prompt(f"PATH={shlex.quote(str(Path(sys.executable).parent))}:$PATH")
        self._prompt(f"cd {shlex.quote(str(self.folder))}")

    def scene(self, number: int, scene: Scene) -> None:
        """Raises Stalled when the last command does not end as the story goes."""
        self._line("")
        self._line(f"━━ {number}/{len(STORY)}  {scene.title} ".ljust(78, "━"), fg="cyan", bold=True)
        self._say(scene.words)
        code = 0
        for command in scene.commands:
            self._line("")
            self._prompt(command)
            code = self._run(command)
        if code != scene.code:
            raise Stalled(
                f"the demo stops: `{scene.commands[-1]}` ended with {code}, not {scene.code}",
                f"everything is still in {self.folder}",
            )

    def ending(self) -> None:
        self._line("")
        self._line("━━ That was it ".ljust(78, "━"), fg="cyan", bold=True)
        self._say(f"Everything is still there; remove it with: rm -r {shlex.quote(str(self.folder))}")
        self._say("Some things to try in it:")
        self._line("")
        self._prompt("git -C state revert --no-edit HEAD && reconciler plan      # the shop opens again")
        self._prompt("chmod 0666 hosts/db-1/srv/database/database.conf; reconciler drift")
        self._prompt("reconciler plan --output json                              # for programs")
        self._prompt("reconciler runs show 1                                     # all that a run did")

    def _run(self, command: str) -> int:
        from reconciler.cli.demo_stage import environment

        words = shlex.split(command)
        if words[0] == "reconciler":
            words = [sys.executable, "-P", "-c", "from reconciler.cli.main import main; main()", *words[1:]]
        plain = {} if self.color else {"NO_COLOR": "1"}
        return subprocess.run(words, cwd=self.folder, env={**environment(), **plain}, check=False).returncode

    def _say(self, words: str) -> None:
        for line in click.wrap_text(words, 78).splitlines():
            self._line(line)

    def _prompt(self, command: str) -> None:
        self._line(f"$ {command}", bold=True)

    def _line(self, text: str, **style: Any) -> None:
        click.echo(click.style(text, **style) if self.color else text)
        sys.stdout.flush()
