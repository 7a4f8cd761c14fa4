"""The comment on a pull request: what it says, how it is cut to fit, and that nobody's text gets out of its place."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from reconciler.core.explain.pr_blocks import Block, fitted, size
from reconciler.core.explain.pr_comment import LARGEST, pr_comment
from reconciler.core.explain.pr_text import pr_text
from reconciler.core.gate import Limits, Refusal
from reconciler.core.proposing.proposal import Proposal
from reconciler.model.comment import Comment
from tests.fakes.fleet import Fleet, fleet

GOLDEN = Path(__file__).parents[2] / "golden"
HOSTS = {f"web-{number}": {"role": "web", "site": f"s{number % 2}"} for number in range(1, 6)}
OURS = re.compile(r"<details><summary>[^<>]*</summary>\n?|</details>\n?")

HOSTILE = {
    "a fence that ends": "```\n@everyone\n```",
    "a longer fence": "`````````",
    "a table": "a | b |\n| --- | --- |",
    "html": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "a fold that ends": "</details></summary><details open>",
    "a comment": "<!-- reconciler:web -->",
    "a mention": "@octocat @acme/infra and octocat@example.org",
    "references": "#1 GH-2 !3 ~bug %4 $5 &6 acme/fleet#7 &lt;b&gt;",
    "links": "[click](javascript:alert(1)) https://evil.example www.evil.example <https://evil.example> ![x](http://y)",
    "orders": "/close\n/assign @me\n/merge",
    "headings and lists": "# big\n- item\n1. one\n> quote\n---\n===",
    "emphasis": "**bold** _it_ ~~gone~~ `code` \\",
    "ansi": "\x1b[31mred\x1b[0m\x07\x08\r",
    "directions": "\u202egnp.exe\u202c \u2066x\u2069 \u200f",
    "nothing to see": "\u200b\u00ad\ufeff\u2060",
    "a stand-in": "\ufdd0" + "0" * 32 + "\ufdd1",
    "huge": "A" * 100_000,
    "many lines": "x\n" * 3_000,
    "astral": "\U0001f600" * 500,
    "surrogate pairs cut": "e\u0301" * 5_000,
}


def conf(text: str = "one\n", **more: Any) -> dict[str, Any]:
    return {"resources": [{"file": "/etc/app.conf", "content": text}], **more}


@pytest.fixture
def calm() -> Iterator[Fleet]:
    with fleet({"hosts": HOSTS, "services": {"app": conf(), "old": {"resources": [{"package": "legacy"}]}}}) as world:
        assert world.apply().status == "succeeded"
        world.plan()
        yield world


def tokens(markdown: str) -> list[Token]:
    parsed = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(markdown)
    return [token for each in parsed for token in (each, *(each.children or ()))]


def check_safe(comment: Comment, limit: int = LARGEST) -> None:
    """That nothing in it is more than text."""
    markdown = comment.markdown
    assert size(markdown) <= limit
    assert all(char.isprintable() or char == "\n" or char == "\u200b" for char in markdown)
    found = tokens(markdown)
    for token in found:
        assert token.type not in ("link_open", "image", "heading_open", "hr", "s_open"), token
        if token.type == "html_block":
            assert OURS.fullmatch(token.content), token.content
        assert token.type != "html_inline", token.content
    opened = sum("<details>" in token.content for token in found if token.type == "html_block")
    assert opened == sum("</details>" in token.content for token in found if token.type == "html_block")
    for token in found:
        if token.type == "text":
            assert not re.search(r"@\w|[#!~%$&](?=[\w\"'])|\bGH-\d|://|\bwww\.", token.content), token.content
    columns = [line.count("|") - line.count("\\|") for line in markdown.splitlines() if line.startswith("|")]
    assert set(columns) <= {5}
    inside = {line for token in found if token.type == "fence" and token.map for line in range(*token.map)}
    outside = [line for number, line in enumerate(markdown.splitlines()) if number not in inside]
    assert not [line for line in outside if line.lstrip().startswith("/")]
    assert len(comment.summary) <= 140
    assert comment.summary.isprintable()


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("limit", [4_000, LARGEST])
def test_nobodys_text_gets_out_of_its_place(calm: Fleet, text: str, limit: int) -> None:
    """In a value, in a name, in what a host says, in a problem, in a commit's subject."""
    base = calm.source.revision().sha
    name = "".join(char for char in text if char.isprintable() and char not in "$\\{}%")[:200].strip("/ ") or "x"
    resources = [
        {"file": "/etc/app.conf", "content": text.replace("\ufdd0", "").replace("\ufdd1", "")},
        {"file": f"/etc/{name}".replace("//", "/"), "content": "x"},
    ]
    calm.carrier.unreachable["web-5"] = text
    calm.plan()
    bad = {"apiVersion": "reconciler/v1", "kind": "Service", "metadata": {"name": "bad"}, "spec": {"hosts": text}}
    calm.commit({"services": {"app": {"resources": resources}}, "files": {"services/bad.yaml": json.dumps(bad)}})
    proposal = calm.propose(base)
    proposal = replace(
        proposal,
        head=replace(proposal.head, subject=text),
        refusals=(Refusal("deletes", 1, 2, text, text.splitlines()[0] if text.splitlines() else "", (text[:2000],)),),
        command=f"reconciler pr plan --base {text[:100]}".replace("\n", " "),
    )
    comment = pr_comment(proposal, limit=limit)
    check_safe(comment, limit)
    assert comment == pr_comment(proposal, limit=limit)
    assert all(line.text.isprintable() for line in pr_text(proposal))


def test_what_is_asked_first_is_said_first(calm: Fleet) -> None:
    calm.limits = Limits(deletes=3, deletes_share=0)
    base = calm.source.revision().sha
    calm.commit({"services": {"old": None, "app": conf("two\n")}})
    comment = pr_comment(calm.propose(base))
    check_safe(comment)
    lines = comment.markdown.splitlines()
    assert lines[0] == (
        "**reconciler** · **2 services change on 5 hosts, 5 things deleted** · **would be refused: deletes 5 \\> 3**"
    )
    assert lines[2].startswith("> **Refused:** this plan deletes 5 resources")
    text = comment.markdown
    assert "\n> Approve exactly this plan: `reconciler approve " in text
    assert text.index("package/legacy") < text.index("| - | old |") < text.index("| \\~ | app |".replace("\\", ""))
    assert (comment.destructive, comment.refused, comment.denied, comment.fails) == (True, True, False, True)
    assert comment.summary == "2 services change on 5 hosts, 5 things deleted · would be refused: deletes 5 > 3"


def test_a_project_has_a_comment_of_its_own() -> None:
    services = {"app": {**conf(), "project": "web"}, "db": conf("db\n")}
    services["db"]["resources"] = [{"file": "/etc/db.conf", "content": "one\n"}]
    with fleet({"hosts": HOSTS, "projects": {"web": {}}, "services": services}) as world:
        base = world.source.revision().sha
        world.commit({"services": {"app": None, "db": {"resources": [{"file": "/etc/db.conf", "content": "2\n"}]}}})
        proposal = world.propose(base, basis="none")
    web, none, everything = (pr_comment(proposal, project) for project in ("web", "", None))
    assert ("app.conf" in web.markdown, "db.conf" in web.markdown) == (True, False)
    assert ("app.conf" in none.markdown, "db.conf" in none.markdown) == (False, True)
    assert ("app.conf" in everything.markdown, "db.conf" in everything.markdown) == (True, True)
    assert (web.destructive, none.destructive) == (True, False)
    assert web.markdown.startswith("**reconciler** · web · **1 service changes for 5 hosts, 5 things deleted**")


def test_nothing_changes(calm: Fleet) -> None:
    sha = calm.source.revision().sha
    comment = pr_comment(calm.propose(sha))
    check_safe(comment)
    assert comment.markdown.startswith("**reconciler** · **Nothing changes on hosts** · limits ok\n")
    assert (comment.changes, comment.destructive, comment.fails, comment.cut) == (0, False, False, False)


def many(calm: Fleet) -> Proposal:
    """Two hundred services, one of which goes."""
    calm.limits = Limits(deletes=3, deletes_share=0)
    base = calm.source.revision().sha
    services: dict[str, Any] = {
        f"svc-{number:03}": {"resources": [{"file": f"/etc/s{number}.conf", "content": f"{number}\n" * 30}]}
        for number in range(200)
    }
    calm.commit({"services": {**services, "old": None}})
    return calm.propose(base)


@pytest.mark.parametrize("limit", [4_000, 8_000, 20_000, 60_000])
def test_what_finds_no_room_is_named_and_deletes_stay(calm: Fleet, limit: int) -> None:
    comment = pr_comment(many(calm), limit=limit)
    check_safe(comment, limit)
    assert comment.cut
    assert "_Shortened to fit: " in comment.markdown
    assert "`package/legacy` of old on 5 hosts" in comment.markdown
    assert "> **Refused:** this plan deletes 5 resources" in comment.markdown
    assert "reconciler apply --expect" in comment.markdown
    assert size(comment.markdown) > limit / 2


def test_blocks_are_chosen_by_weight_and_told_in_order() -> None:
    blocks = [
        Block(0, ("head",)),
        Block(2, ("b" * 400, "b" * 40), "bees"),
        Block(1, ("a" * 100,), "a"),
        Block(0, ("end",)),
    ]
    assert fitted(blocks, 10_000) == (f"head\n\n{'b' * 400}\n\n{'a' * 100}\n\nend\n", False)
    text, cut = fitted(blocks, 350)
    assert (text, cut) == (f"head\n\n{'b' * 40}\n\n{'a' * 100}\n\n_Shortened to fit: bees._\n\nend\n", True)
    assert size(text) <= 350


def test_many_shortened_pieces_are_counted() -> None:
    blocks = [Block(0, ("head",)), *(Block(1, ("x" * 1000,), f"piece {number}") for number in range(6))]
    text, _ = fitted(blocks, 300)
    assert text == "_Shortened to fit: piece 0, piece 1, piece 2, piece 3 and 2 more._\n\nhead\n"
