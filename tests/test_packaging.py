"""What is around the code: the image's recipe, pinned dependencies, the commands, and what may not be committed."""

from __future__ import annotations

import re
import shlex
import subprocess
import tomllib
from configparser import ConfigParser
from pathlib import Path

import pytest

from reconciler.cli.main import COMMANDS

ROOT = Path(__file__).parents[1]
REQUIREMENTS = sorted((ROOT / "requirements").glob("*.txt"))
LOCK = "uv" + ".lock"
"""It names the hosts of a registry, so it is made anew from the requirements and never committed."""


def instructions(text: str) -> list[tuple[str, str]]:
    """The instructions of a Dockerfile as (WORD, rest), comments gone and continued lines joined."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [
        (word.upper(), rest.strip()) for word, _, rest in (i.partition(" ") for i in joined.splitlines() if i.strip())
    ]


def faults(text: str) -> list[str]:
    """What is wrong with a Dockerfile."""
    steps = instructions(text)
    last = steps[[n for n, (word, _) in enumerate(steps) if word == "FROM"][-1] :]
    users = [rest for word, rest in last if word == "USER"]
    found = [f"base not pinned: {rest}" for word, rest in steps if word == "FROM" and not _pinned(rest)]
    found += [f"ADD instead of COPY: {rest}" for word, rest in steps if word == "ADD"]
    found += [f"pip without hashes: {rest}" for word, rest in steps if "pip install" in rest and not _hashed(rest)]
    found += [
        f"apt lists stay: {rest}" for _, rest in steps if "apt-get" in rest and "rm -rf /var/lib/apt/lists" not in rest
    ]
    found += [f"{word} is missing" for word in ("HEALTHCHECK", "USER", "ENTRYPOINT") if word not in dict(last)]
    return found + [f"runs as {user}" for user in users[-1:] if user in ("root", "0")]


def _pinned(image: str) -> bool:
    _, _, tag = image.split(maxsplit=1)[0].partition(":")
    return bool(re.match(r"\d+\.\d+-\S+$", tag))


def _hashed(command: str) -> bool:
    return all("--require-hashes" in c or "--no-deps ." in c for c in command.split("&&") if "pip install" in c)


def copied(text: str) -> list[str]:
    """Sources in the repository that a Dockerfile copies."""
    copies = [shlex.split(rest) for word, rest in instructions(text) if word == "COPY"]
    return [source for words in copies if not words[0].startswith("--from") for source in words[:-1]]


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def test_the_image_is_built_as_it_should_be() -> None:
    assert faults((ROOT / "Dockerfile").read_text()) == []


def test_what_the_image_copies_is_there_and_reaches_the_build() -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    for source in copied((ROOT / "Dockerfile").read_text()):
        assert (ROOT / source).exists(), source
        assert source.split("/")[0] in allowed, source


GOOD = 'FROM python:3.13-slim\nUSER 10001\nHEALTHCHECK CMD ["x"]\nENTRYPOINT ["x"]\n'


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (GOOD.replace(":3.13-slim", ""), "base not pinned: python"),
        (GOOD.replace("3.13-slim", "latest"), "base not pinned: python:latest"),
        (GOOD.replace("10001", "root"), "runs as root"),
        (GOOD.replace("USER 10001\n", ""), "USER is missing"),
        (GOOD.replace('HEALTHCHECK CMD ["x"]\n', ""), "HEALTHCHECK is missing"),
        (GOOD + "ADD https://x.test/y /y\n", "ADD instead of COPY: https://x.test/y /y"),
        (GOOD + "RUN pip install \\\n  flask\n", "pip without hashes: pip install flask"),
        (GOOD + "RUN apt-get install -y git\n", "apt lists stay: apt-get install -y git"),
    ],
)
def test_a_fault_in_the_image_is_found(text: str, fault: str) -> None:
    assert faults(GOOD) == []
    assert faults(text) == [fault]


@pytest.mark.parametrize("file", REQUIREMENTS, ids=lambda f: f.name)
def test_dependencies_are_pinned_by_hash_and_name_no_place(file: Path) -> None:
    text = file.read_text()
    pins = re.findall(r"^[a-z0-9].*?(?=^[a-z0-9]|\Z)", text, re.MULTILINE | re.DOTALL)
    assert pins
    assert [p for p in pins if not re.match(r"[a-z0-9._-]+(\[\S+\])?==\S+", p) or "--hash=sha256:" not in p] == []
    assert "://" not in text
    assert re.findall(r"^--.*", text, re.MULTILINE) == []


def test_every_dependency_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = {
        "runtime.txt": project["project"]["dependencies"],
        "dev.txt": project["project"]["dependencies"] + project["dependency-groups"]["dev"],
    }
    assert [f.name for f in REQUIREMENTS] == sorted(wanted)
    for name, needs in wanted.items():
        pinned = set(re.findall(r"^([a-z0-9._-]+)", (ROOT / "requirements" / name).read_text(), re.MULTILINE))
        assert {re.split(r"[^A-Za-z0-9._-]", need)[0].lower() for need in needs} - pinned == set()


def test_the_unit_of_the_daemon_is_hardened_and_ends_with_all_that_it_began() -> None:
    unit = ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str
    unit.read(ROOT / "packaging/reconciler.service")
    service = unit["Service"]
    command = re.findall(r"reconciler (\w+)", service["ExecStart"])
    assert set(command) <= COMMANDS.keys()
    assert (service["Type"], service["KillMode"], service["ExecReload"]) == (
        "notify",
        "control-group",
        "/bin/kill -HUP $MAINPID",
    )
    on = ("NoNewPrivileges", "ProtectHome", "PrivateTmp", "PrivateDevices", "ProtectControlGroups", "RestrictSUIDSGID")
    assert {name: service[name] for name in on} == dict.fromkeys(on, "yes")
    assert (service["ProtectSystem"], service["CapabilityBoundingSet"], service["User"]) == ("strict", "", "reconciler")


def test_every_command_says_what_it_does() -> None:
    text = (ROOT / "Makefile").read_text()
    phony = set(re.findall(r"^\.PHONY: (.*)$", text, re.MULTILINE)[0].split())
    shown = subprocess.run(
        ["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert {line.split()[1] for line in shown.splitlines()} == phony - {"needs"}


def test_the_lock_of_a_registry_is_not_committed() -> None:
    assert [f for f in tracked() if f.name == LOCK] == []
    texts = {f: f.read_text(errors="replace") for f in tracked() if f.name != ".gitignore"}
    assert [str(f.relative_to(ROOT)) for f, text in texts.items() if LOCK in text] == []
