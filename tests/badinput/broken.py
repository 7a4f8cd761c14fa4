"""Documents that nobody should hand us, as a part of the table."""

from __future__ import annotations

from tests.badinput.table import Case, Spoil
from tests.cli.place import WEB


def document(text: str | bytes, path: str = "bad.yaml") -> Spoil:
    return lambda place: place.commit({path: text})


def repeated(start: bytes, line: bytes, times: int) -> Spoil:
    """A large document, made only when it is needed."""
    return lambda place: place.commit({"bad.yaml": start + line * times})


def service(name: str, more: str, hosts: str = "matchLabels: {role: web}") -> str:
    return f"apiVersion: reconciler/v1\nkind: Service\nmetadata: {{name: {name}}}\nspec:\n  hosts: {{{hosts}}}\n{more}"


def host(name: str, spec: str) -> str:
    return f"apiVersion: reconciler/v1\nkind: Host\nmetadata: {{name: {name}}}\nspec: {spec}\n"


def content(value: str) -> str:
    return service("bad", f"  resources:\n    - file: /etc/bad\n      content: {value}\n")


BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)
)
DOCUMENTS = (
    Case("50 MB", repeated(b"", b"a: b\n", 10_000_000), ("bad.yaml:1:1", "larger than", "split"), verdict=True),
    Case(
        "100 MB of aliases", repeated(b"a: &a x\nb:\n", b"- *a\n", 20_000_000), ("bad.yaml:1:1", "split"), verdict=True
    ),
    Case("alias bomb", document(BOMB), ("bad.yaml:", "aliases repeat more than", "fewer aliases"), verdict=True),
    Case("deep nesting", document("a: " + "[" * 100_000), ("bad.yaml:1:", "nested more than 64"), verdict=True),
    Case("invalid UTF-8", document(b"a: \xff\xfe\n"), ("bad.yaml:1:4", "UTF-8"), verdict=True),
    Case("NUL", document(b"a: b\nc: d\x00\n"), ("bad.yaml:2:5",), verdict=True),
    Case("escape sequence", document(b"a: \x1b[2J\n"), ("bad.yaml:1:4",), verdict=True),
    Case(
        "two of one name",
        document(WEB, "twice.yaml"),
        ('service "web" is defined twice', "services/web.yaml:3:12", "rename"),
    ),
    Case("no address", document(host("bad", "{user: me}")), ("bad.yaml:4:", "address", "spec"), verdict=True),
    Case("empty selector", document(service("bad", "", "")), ("bad.yaml:5:", "every host", "Exists"), verdict=True),
    Case(
        "no such host", document(service("bad", "", "matchLabels: {role: nobody}")), ("bad.yaml:5:", "warning"), code=0
    ),
    Case(
        "undefined variable",
        document(content('"{{ vars.prot }}"')),
        ("bad.yaml:8:16", "vars.prot is not defined"),
        verdict=True,
    ),
    Case(
        "error in a template",
        document(content("|\n        one\n        {{ 1 +\n        two\n")),
        ("bad.yaml:11:1", "end of print statement"),
        verdict=True,
    ),
    Case(
        "ansible key",
        document(host("bad", "{address: a, vars: {ansible_user: root}}")),
        ("bad.yaml:4:27", "ansible_user"),
        verdict=True,
    ),
    Case(
        "lookup in vars",
        document(host("bad", "{address: a, vars: {x: \"{{ lookup('pipe', 'id') }}\"}}")),
        ("bad.yaml:4:", "template"),
        verdict=True,
    ),
    Case(
        "lookup in a file",
        document(content("\"{{ lookup('pipe', 'id') }}\"")),
        ("bad.yaml:8:16", "lookup"),
        verdict=True,
    ),
    Case(
        "lookup in a name",
        document(service("bad", "  resources:\n    - file: \"{{ lookup('pipe', 'id') }}\"\n")),
        ("bad.yaml:7:", "lookup"),
        verdict=True,
    ),
    Case("attributes of Python", document(content('"{{ host.__class__.__mro__ }}"')), ("bad.yaml:8:16",), verdict=True),
    Case(
        "endless template",
        document(content('"{% for a in range(999999999) %}x{% endfor %}"')),
        ("bad.yaml:8:16",),
        verdict=True,
    ),
    Case(
        "path with ..",
        document(service("bad", "  resources:\n    - file: /etc/../shadow\n")),
        ("bad.yaml:7:13", ".."),
        verdict=True,
    ),
    Case(
        "template with ..",
        document(service("bad", "  resources:\n    - file: /etc/x\n      template: ../../etc/passwd\n")),
        ("bad.yaml:8:17", ".."),
        verdict=True,
    ),
    Case(
        "missing template",
        document(service("bad", "  resources:\n    - file: /etc/x\n      template: files/no.j2\n")),
        ("bad.yaml:8:17", "files/no.j2"),
        verdict=True,
    ),
    Case(
        "mode as a number",
        document(service("bad", "  resources:\n    - file: /etc/x\n      mode: 0644\n")),
        ("bad.yaml:8:13", "0644", '"0644"'),
        verdict=True,
    ),
    Case(
        "unknown service",
        document(service("bad", "  requires: [wbe]\n")),
        ("bad.yaml:6:14", "wbe", 'did you mean "web"'),
        verdict=True,
    ),
    Case(
        "circle",
        document(service("bad", "  requires: [bad2]\n") + "---\n" + service("bad2", "  requires: [bad]\n")),
        ("bad.yaml:", "bad", "bad2"),
        verdict=True,
    ),
)
