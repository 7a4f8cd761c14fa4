"""Files that are meant to hurt: refused within 2 seconds and 256 MB, with the process alive to say so."""

from __future__ import annotations

import json
import subprocess
import sys

PROGRAM = """
import json, resource
resource.setrlimit(resource.RLIMIT_AS, (256 << 20, 256 << 20))
from reconciler.core.parsing.parse import parse
from tests.badinput.test_bombs import BOMBS
from tests.sample import HOST, registry

def used():
    return resource.getrusage(resource.RUSAGE_SELF).ru_utime

for name, (make, _) in BOMBS.items():
    bomb, before = make(), used()
    found = parse([("bomb.yaml", bomb), ("good.yaml", HOST.encode())], registry())
    assert sorted(found.hosts) == ["web-1"], found.hosts
    print(json.dumps([name, sorted({p.reason for p in found.problems}), used() - before < 2]), flush=True)
"""
"""All of them in one process: what is left of one must not make the next too much."""


def _laughs(levels: int) -> bytes:
    """Each level repeats the one before nine times: 9 ** levels values in some hundred bytes."""
    lines = ["l0: &l0 [x, x]"] + [f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 9)}]" for i in range(1, levels)]
    return "\n".join(lines).encode()


BOMBS = {
    "fifty megabytes": (lambda: b"a: " + b"x" * 50_000_000, "file-too-large"),
    "nine to the twentieth": (lambda: _laughs(20), "alias-bomb"),
    "a hundred megabytes of one text": (
        lambda: b"a: &a " + b"x" * 100_000 + b"\nb: [" + b"*a, " * 1000 + b"]",
        "alias-bomb",
    ),
    "a hundred megabytes of aliases": (lambda: b"a: &a x\nb: [" + b"*a, " * 25_000_000 + b"]", "file-too-large"),
    "a megabyte of aliases": (lambda: b"a: &a x\nb: [" + b"*a, " * 250_000 + b"]", "too-many-values"),
    "a megabyte of brackets": (lambda: b"[" * 1_000_000, "too-deep"),
    "brackets on lines": (lambda: b"[\n" * 500_000, "too-deep"),
    "braces": (lambda: b"{a: " * 250_000, "too-deep"),
    "dashes": (lambda: b"- " * 500_000, "too-deep"),
    "question marks": (lambda: b"? " * 500_000, "too-deep"),
    "tag directives": (lambda: b"".join(b"%%TAG !a%d! x:\n" % i for i in range(60_000)) + b"--- a", "custom-tag"),
    "a megabyte of small values": (lambda: b"[" + b"a," * 500_000 + b"]", "too-many-values"),
    "a megabyte of keys": (lambda: b"".join(b"%d: a\n" % i for i in range(100_000)), "bad-key"),
    "the same key": (lambda: b"a: a\n" * 200_000, "too-many-values"),
    "a megabyte of documents": (lambda: b"--- a\n" * 170_000, "not-a-document"),
    "a megabyte of anchors": (lambda: b"[" + b"".join(b"&a%d a," % i for i in range(100_000)) + b"]", "not-a-document"),
    "a long number": (lambda: b"a: " + b"9" * 1_000_000, "bad-number"),
    "a long name": (
        lambda: b"apiVersion: reconciler/v1\nkind: Host\nmetadata: {name: " + b"a" * 1_000_000 + b"!}",
        "bad-name",
    ),
    "entries of no kind": (
        lambda: b"apiVersion: reconciler/v1\nkind: Service\nspec: {resources: [" + b"{a: b}, " * 60_000 + b"]}",
        "unknown-kind",
    ),
    "documents of no use": (
        lambda: b"".join(
            b"---\napiVersion: reconciler/v1\nkind: Host\nmetadata: {name: h%d}\nspec: {addres: a}\n" % i
            for i in range(9_999)
        ),
        "unknown-field",
    ),
    "unknown fields": (
        lambda: b"apiVersion: reconciler/v1\nkind: Host\n" + b"".join(b"k%d: 1\n" % i for i in range(80_000)),
        "missing-field",
    ),
}

"""What is in each file, and one of the reasons that it must be refused for."""


def test_bombs_are_refused() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=120, check=False)
    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert (done.stderr, done.returncode, len(said)) == ("", 0, len(BOMBS))
    for name, reasons, in_time in said:
        assert (name, BOMBS[name][1] in reasons, in_time) == (name, True, True)
