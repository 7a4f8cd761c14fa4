"""The tutorial, command by command, on five real machines. Only addresses, the port and the key are others."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.command_line import ROOT
from tests.examples.packages import NGINX
from tests.lab import Lab

pytestmark = pytest.mark.machines

TEXT = (ROOT / "docs" / "tutorial.md").read_text()
BLOCK = re.compile(
    r"(?:^`(?P<file>[^`\n]+)`:\n\n|^<!-- exit code (?P<code>\d) -->\n)?^```(?P<language>\w+)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
ASIDE = {"sh"}
"""Blocks in this language are not run: installing is what `make venv` of this very tree has done."""


@dataclass
class Reader:
    """Somebody who does what the page says."""

    lab: Lab
    home: Path
    folder: Path

    def follow(self, block: re.Match[str]) -> None:
        if block["file"]:
            (self.folder / block["file"]).write_text(self.here(block["text"]))
        elif block["language"] == "console":
            self.type(block["text"], int(block["code"] or 0))
        else:
            assert block["language"] in ASIDE

    def type(self, text: str, code: int) -> None:
        """Runs the commands; the last one ends with the code. Other lines are part of what the one above them says."""
        commands = re.findall(r"^\$ (.*)\n((?:[^$].*\n)*)", text, re.MULTILINE)
        assert commands
        for position, (command, said) in enumerate(commands, start=1):
            if command.startswith("cd "):
                self.folder /= command.removeprefix("cd ")
                continue
            done = self.run(self.here(command))
            expected = code if position == len(commands) else 0
            assert done.returncode == expected, f"{command}\n{done.stdout}{done.stderr}"
            for line in said.splitlines():
                assert line in done.stdout, f"{command}\n{done.stdout}{done.stderr}"

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        environment = {
            "HOME": str(self.home),
            "PATH": f"{self.home / 'bin'}:{os.environ['PATH']}",
            "LC_ALL": "C.UTF-8",
            **{f"GIT_{who}_{what}": "you@localhost" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
        }
        return subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def here(self, text: str) -> str:
        """The page's text with what is different in the lab."""
        port = self.lab.machines[0].port
        text = re.sub(r"(spec: \{address: 192\.0\.2\.1\d)", rf"\1, port: {port}", text)
        for number, machine in enumerate(self.lab.machines, start=1):
            text = text.replace(f"192.0.2.1{number}", machine.address)
        return (
            text.replace("/home/you/.ssh/id_ed25519", str(self.lab.key))
            .replace("/home/you/fleet", str(self.folder))
            .replace("ssh-keyscan", f"ssh-keyscan -p {port}")
            .replace("ssh ops@", f"ssh -p {port} -i {self.lab.key} -o UserKnownHostsFile=known_hosts ops@")
        )


def test_everything_on_the_page_works(tmp_path: Path) -> None:
    program = tmp_path / "bin" / "reconciler"
    program.parent.mkdir()
    start = "from reconciler.cli.main import main; main()"
    program.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -c "{start}" "$@"\n')
    program.chmod(0o755)
    with Lab(5) as lab:
        lab.apt.publish(NGINX)
        reader = Reader(lab, tmp_path, tmp_path)
        for block in BLOCK.finditer(TEXT):
            reader.follow(block)
        web, database = lab["lab-1"], lab["lab-4"]
        assert web.read("/etc/motd") == "web-1. Changes made here by hand will be noticed.\n"
        assert not web.exists("/usr/bin/nginx")
        assert database.run("id deploy").returncode == 0


def test_no_block_is_overlooked() -> None:
    assert len(BLOCK.findall(TEXT)) == TEXT.count("\n```") / 2
    assert [line for line in TEXT.splitlines() if line.startswith("$ ")] == re.findall(
        r"^\$ .*$", "".join(block["text"] for block in BLOCK.finditer(TEXT)), re.MULTILINE
    )
