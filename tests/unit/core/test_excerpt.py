"""Lines of files as problems show them: never with a secret in them, however the YAML is written."""

from __future__ import annotations

import pytest

from reconciler.core.explain.excerpt import Excerpts

ITEM = """\
vars: {port: 80}
resources:
  - file: /etc/a
    content: open
  - file: /etc/b
    content: |
      canary
        canary

      canary
    sensitive: true
    mode: "0600"
  - file: /etc/c
    content: open
"""
FLOW = """\
resources:
  - {file: /etc/a, content: open}
  - {file: /etc/b, content: canary, sensitive: true}
  - {file: /etc/c, content: "can
     canary", "sensitive": True}
  - {file: /etc/d, content: open}
"""
FIRST = """\
- sensitive: true
  file: /etc/b
  content:
    canary
- file: /etc/c
  groups:
    - open
"""
NAMED = """\
vars:
  db_password: canary
  apiToken: >
    canary
  port: open
  - user: ada
    password: canary
    shell: open
  nested: {a: open, secret: canary}
"""


@pytest.mark.parametrize("text", [ITEM, FLOW, FIRST, NAMED], ids=["item", "flow", "first", "named"])
def test_no_secret_is_shown_and_the_rest_is(text: str) -> None:
    lines = text.splitlines()
    excerpts = Excerpts(lambda _: lines)
    shown = [excerpts.lines("a.yaml", n)[-1] for n in range(1, len(lines) + 1)]
    assert "canary" not in "\n".join(shown)
    assert [line for line in shown if "open" in line] == [
        line for line in lines if "open" in line and "canary" not in line
    ]


def test_a_hidden_line_keeps_its_key_and_its_place() -> None:
    excerpts = Excerpts(lambda _: ITEM.splitlines())
    assert excerpts.lines("a.yaml", 12) == [
        "      (sensitive value)",
        "    sensitive: true",
        "    mode: (sensitive value)",
    ]


def test_lines_that_are_not_there() -> None:
    excerpts = Excerpts(lambda _: ["a"])
    assert [excerpts.lines("a.yaml", n) for n in (0, 1, 2)] == [[], ["a"], []]
