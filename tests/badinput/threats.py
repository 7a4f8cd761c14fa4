"""What somebody who means harm would hand us, as a part of the table: by way of Git, of secrets, of hosts, of plans."""

from __future__ import annotations

import os
import subprocess

from tests.badinput.broken import content, document, host, service
from tests.badinput.table import Case, Spoil, nothing, settings
from tests.cli.place import Place

ENC = "ENC[AES256_GCM,data:eA==,iv:eA==,tag:eA==,type:str]"


def repository(address: str) -> tuple[str, ...]:
    return ("validate", "--repo", address)


TRANSPORTS = tuple(
    Case(f"transport {name}", nothing, words, repository(address))
    for name, address, words in (
        ("git", "git://example.org/x", ("git://", "https://")),
        ("http", "http://example.org/x", ("unprotected", "https://")),
        ("file of another host", "file://example.org/x", ("file://",)),
        ("fd", "fd::17", ("program to be run",)),
        ("option as an address", "--upload-pack=id", ("--upload-pack=id",)),
        ("option as a host", "ssh://-oProxyCommand=id/x", ("would be an option",)),
        ("option as a host, in short", "-oProxyCommand=id:x", ("would be an option",)),
        ("option as a user", "ssh://-l@example.org/x", ("would be an option",)),
        ("password in the address", "https://me:canary@example.org/x", ("holds a password", "token")),
        ("something behind the path", "https://example.org/x?y=z", ("behind a ? or #",)),
        ("several lines", "https://example.org/\nx", ("is not the address",)),
        ("escape sequence", "https://example.org/\x1b[2J", ("is not the address",)),
        ("odd port", "https://example.org:99999/x", ("is not the address",)),
    )
)


def tree(*entries: tuple[str, bytes]) -> Spoil:
    """A commit whose tree git itself would not write: mode and raw name of each entry, all the same blob."""

    def spoil(place: Place) -> None:
        blob = bytes.fromhex(place.git("rev-parse", "HEAD:services/web.yaml"))
        data = b"".join(mode.encode() + b" " + name + b"\0" + blob for mode, name in entries)
        words = ["git", "-C", str(place.state), "hash-object", "-t", "tree", "-w", "--literally", "--stdin"]
        made = subprocess.run(words, input=data, check=True, capture_output=True, env=place.env).stdout.decode().strip()
        listed = place.git("ls-tree", "HEAD") + f"\n040000 tree {made}\tevil"
        whole = subprocess.run(
            ["git", "-C", str(place.state), "mktree"], input=listed.encode(), check=True, capture_output=True
        ).stdout
        commit = place.git("commit-tree", "-m", "evil", "-p", "HEAD", whole.decode().strip())
        place.git("update-ref", "refs/heads/main", commit)

    return spoil


TREES = (
    Case("tree with ..", tree(("100644", b"..")), ("evil/..", "rename it"), verdict=True),
    Case("tree with a slash", tree(("100644", b"../../x.yaml")), ("evil/", "rename it"), verdict=True),
    Case("tree with .git", tree(("100644", b".GIT")), ("evil/.GIT", "rename it"), verdict=True),
    Case("tree with a name twice", tree(("100644", b"a.txt"), ("100644", b"a.txt")), ("is there twice",), verdict=True),
    Case("tree with a right-to-left name", tree(("100644", "a\u202elmay.x".encode())), ("rename it",), verdict=True),
)


def secret(reference: str, use: str = "{{ vars.s }}") -> str:
    resources = f'  resources:\n    - file: /etc/bad\n      content: "{use}"\n'
    return service("bad", f"  vars: {{s: {reference}}}\n{resources}")


def sealed(name: str, data: str | bytes, reference: str) -> Spoil:
    return lambda place: place.commit({name: data, "bad.yaml": secret(reference)})


SECRETS = tuple(
    Case(f"secret {name}", spoil, words, verdict=True)
    for name, spoil, words in (
        ("from nowhere", document(secret("{from: aws, key: x}")), ("bad.yaml:6:20", "secrets can't come from", "sops")),
        ("with a path out", document(secret("{from: file, path: ../../etc/shadow}")), ("bad.yaml:6:", "outside")),
        ("with an absolute path", document(secret("{from: file, path: /etc/shadow}")), ("bad.yaml:6:", "/etc/shadow")),
        ("of an odd variable", document(secret("{from: env, name: 'A;id'}")), ("bad.yaml:6:", "A;id")),
        (
            "in plain",
            sealed("s.yaml", "a: canary\n", "{from: sops, file: s.yaml, key: a}"),
            ("not encrypted with SOPS",),
        ),
        (
            "half in plain",
            sealed("s.yaml", "a: canary\nsops: {mac: x}\n", "{from: sops, file: s.yaml, key: a}"),
            ("is not encrypted",),
        ),
        (
            "in a vault in plain",
            sealed("v.yml.txt", "a: canary\n", "{from: vault, file: v.yml.txt}"),
            ("ansible-vault",),
        ),
        (
            "in a bomb",
            sealed("s.json", '{"a": ' + "[" * 100_000, "{from: sops, file: s.json, key: a}"),
            ("s.json: it can't be read", "nested more than"),
        ),
        ("in a large file", sealed("s.json", b" " * (3 << 20), "{from: sops, file: s.json, key: a}"), ("s.json",)),
        (
            "that isn't there",
            sealed("s.json", f'{{"a": "{ENC}", "sops": {{"mac": "x"}}}}', "{from: sops, file: s.json, key: b}"),
            ('there is no "b"',),
        ),
        (
            "under a number too large",
            sealed("s.json", f'{{"a": ["{ENC}"], "sops": {{"mac": "x"}}}}', "{from: sops, file: s.json, key: a.99}"),
            ('there is no "99" in a',),
        ),
        (
            "looked at",
            document(secret("{from: env, name: A}", "{% if vars.s == 'x' %}1{% endif %}")),
            ("nobody knows a secret",),
        ),
        ("changed", document(secret("{from: env, name: A}", "{{ vars.s | upper }}")), ("may only place a secret",)),
        (
            "in a command",
            document(
                service(
                    "bad",
                    "  vars: {s: {from: env, name: A}}\n  resources:\n"
                    "    - command: x\n      run: echo {{ vars.s }}\n      creates: /x\n",
                )
            ),
            ("can't hold a secret",),
        ),
        ("of somebody else", document(content(f'"\ufdd0{"0" * 32}\ufdd1"')), ("stands for a secret",)),
    )
)


def fields(more: str) -> Spoil:
    return document(service("bad", f"  resources:\n    - file: /etc/bad\n{more}"))


WORDS = (
    Case("null field", fields("      content:\n"), ("bad.yaml:8:", "has no value"), verdict=True),
    Case("null selector", document(service("bad", "", "matchLabels: ")), ("bad.yaml:5:",), verdict=True),
    Case("same key twice", fields("      mode: '0600'\n      mode: '0777'\n"), ("bad.yaml:9:", "twice"), verdict=True),
    Case("merge key", fields("      <<: {mode: '0777'}\n"), ("bad.yaml:8:", "merge keys"), verdict=True),
    Case("object of Python", fields("      content: !!python/object:os.system x\n"), ("the tag",), verdict=True),
    Case("number that is none", fields("      content: .nan\n"), ("bad.yaml:8:",), verdict=True),
    Case("endless number", fields(f"      content: {'9' * 5000}\n"), ("bad.yaml:8:",), verdict=True),
    Case("anchor in itself", document("a: &a [*a]\n"), ("bad.yaml:1:",), verdict=True),
    Case("endless documents", document("---\na: 1\n" * 20_000), ("bad.yaml:",), verdict=True, longest=20_000),
    Case("name of two lines", document(host('"a\\nb"', "{address: a}")), ("bad.yaml:3:", "a\\nb"), verdict=True),
    Case("name with an escape", document(host('"a\\e[2Jb"', "{address: a}")), ("bad.yaml:3:",), verdict=True),
    Case(
        "address that is an option", document(host("bad", "{address: -oProxyCommand=id}")), ("address",), verdict=True
    ),
    Case("user that is an option", document(host("bad", "{address: a, user: -oX}")), ("user name",), verdict=True),
    Case(
        "path with a variable",
        document(service("bad", "  resources:\n    - file: /$HOME/x\n")),
        ("bad.yaml:7:",),
        verdict=True,
    ),
    Case("owner of two lines", fields('      owner: "root\\nx"\n'), ("bad.yaml:8:",), verdict=True),
    Case(
        "pattern that runs for ever",
        document(service("bad", "  resources:\n    - line: /etc/x\n      line: a\n      match: '^(a+)+$'\n")),
        ("for ever",),
        verdict=True,
    ),
)
TEMPLATES = tuple(
    Case(f"template {name}", document(content(f'"{text}"')), ("bad.yaml:8:16", *words), verdict=True)
    for name, text, words in (
        ("power", "{{ 9 ** 9 ** 9 }}", ("too large",)),
        ("long text", "{{ 'x' * 999999999 }}", ("for numbers",)),
        ("wide text", "{{ '%999999999d' % 1 }}", ("for numbers",)),
        ("format", "{{ '{:>999999999}'.format(1) }}", ()),
        ("many numbers", "{{ range(9999999999) | list }}", ()),
        ("include", "{% include '/etc/passwd' %}", ("include",)),
        ("import", "{% import 'os' as os %}", ("import",)),
        ("recursion", "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", ()),
        ("globals", "{{ ''.__class__.__mro__[1].__subclasses__() }}", ()),
        ("environment", "{{ self._TemplateReference__context }}", ()),
        ("cycle", "{{ cycler.__init__.__globals__ }}", ("can't be used",)),
        ("lipsum", "{{ lipsum.__globals__ }}", ("not defined",)),
    )
)


def fifo(place: Place) -> None:
    os.mkfifo(place.root("web-1") / "etc/web.conf")


def huge(place: Place) -> None:
    with (place.root("web-1") / "etc/web.conf").open("wb") as file:
        file.truncate(1 << 40)


def loop(place: Place) -> None:
    (place.root("web-1") / "etc/web.conf").symlink_to("web.conf")


def escapes(place: Place) -> None:
    (place.root("web-1") / "etc/web.conf").write_bytes(b"\x1b]0;evil\x07\x1b[2J\xe2\x80\xae listen\n" + b"x" * 200_000)


PLAN = ("plan",)
WITH_ANSIBLE = 8
"""Seconds: hosts are asked, and Ansible itself takes the most of it."""
HOSTS = (
    Case("host with a pipe", fifo, ("a fifo is in its place",), PLAN, 2, seconds=WITH_ANSIBLE),
    Case("host with a huge file", huge, ("too large to compare",), PLAN, 2, seconds=WITH_ANSIBLE),
    Case("host with a loop", loop, ("a link is in its place",), PLAN, 2, seconds=WITH_ANSIBLE),
    Case("host with escapes in a file", escapes, ("content",), PLAN, 2, seconds=WITH_ANSIBLE),
)


def plan_file(data: bytes) -> Spoil:
    return lambda place: place.write({"plan.json": data})


APPLY = ("apply", "plan.json")
PLANS = (
    Case("plan that isn't there", nothing, ("plan.json",), APPLY),
    Case("plan of brackets", plan_file(b"[" * 1_000_000), ("not JSON",), APPLY),
    Case("plan of 50 MB", plan_file(b'{"format_version": 1, "x": "' + b"x" * 50_000_000 + b'"}'), (), APPLY),
    Case("plan of another format", plan_file(b'{"format_version": 99}'), ("format_version 99",), APPLY),
    Case("plan with an instruction", plan_file(b'{"format_version": 1, "run": ["id"]}'), ("not a valid plan",), APPLY),
)
POLICY = (
    Case(
        "signatures of nobody",
        settings("[git]\nrequire_signatures = true"),
        ("require_signatures", "allowed_signers_file"),
    ),
    Case("signers that are not asked", settings('[git]\nallowed_signers_file = "/x"'), ("require_signatures = true",)),
    Case("signers of no part", settings('[[signers]]\npath = "../x"\ngpg_keyring = "/x"'), ("without `.`, `..`",)),
    Case("allowed variables that are none", settings('[secrets]\nenv_allow = "A;B"'), ("secrets.env_allow",)),
)
THREATS = (*TRANSPORTS, *TREES, *SECRETS, *WORDS, *TEMPLATES, *HOSTS, *PLANS, *POLICY)
