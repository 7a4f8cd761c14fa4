"""Bytes of a file of the state repository → desired state. Whatever is in it, it is told as problems."""

from __future__ import annotations

import atheris

with atheris.instrument_imports(include=["reconciler.core", "reconciler.kinds"]):
    from reconciler.core.explain.problems import problems_text
    from reconciler.core.linking.link import link
    from reconciler.core.parsing.join import join
    from reconciler.core.parsing.limits import Limits
    from reconciler.core.parsing.parse import Parser, parse_file
    from reconciler.core.resolving.resolve import resolve
    from reconciler.kinds import builtin

from fuzz.target import fuzz

REGISTRY = builtin()
LIMITS = Limits(file_bytes=1 << 16, nodes=5_000, expanded_bytes=1 << 16, documents=50)
GOOD = b"apiVersion: reconciler/v1\nkind: Host\nmetadata: {name: good, labels: {role: web}}\nspec: {address: a}\n"


def one(data: bytes) -> None:
    """A good host stays usable unless the file names it too; both ways to read agree."""
    parser = Parser(REGISTRY, LIMITS)
    result = parser.file("a.yaml", data)
    assert result == parse_file("a.yaml", data, REGISTRY, LIMITS)
    documents = join([result, parser.file("good.yaml", GOOD)], LIMITS)
    linked = link(documents, REGISTRY, allow_local=True)
    desired = resolve("0" * 40, linked, lambda _: data, REGISTRY)
    assert "good" in desired.hosts or b"good" in data
    list(problems_text(desired.problems, documents.count, lambda _: data.decode(errors="replace").splitlines()))
    for host in desired.hosts:
        assert desired.profiles[host].digest


if __name__ == "__main__":
    fuzz("yaml_state", one)
