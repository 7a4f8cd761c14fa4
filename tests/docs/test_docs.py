"""The documentation is held true: nothing is stale, undocumented, or a dead link, and every example is valid."""

from __future__ import annotations

import ast
import re
from configparser import ConfigParser
from pathlib import Path

import pytest

from docs import commands, story
from reconciler.cli.demo import STORY
from reconciler.cli.main import COMMANDS
from reconciler.core.linking.link import link
from reconciler.core.parsing.documents import FORMS, Metadata
from reconciler.core.parsing.parse import parse
from reconciler.core.parsing.rollout import Check, Rollout
from reconciler.core.reference import reference
from reconciler.core.resolving.resolve import resolve
from reconciler.kinds import builtin
from reconciler.kinds.base import COMMON
from tests.command_line import ROOT

DOCS = ROOT / "docs"
PAGES = sorted({*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *(ROOT / "examples").rglob("*.md")})
FORMAT = (DOCS / "state-format.md").read_text()
README = (ROOT / "README.md").read_text()

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def service_with(resources: str) -> str:
    """A list of resources as the document that they may stand in."""
    head = "apiVersion: reconciler/v1\nkind: Service\nmetadata: {name: shown}\nspec:\n  hosts: {matchLabels: {a: b}}\n"
    host = "apiVersion: reconciler/v1\nkind: Host\nmetadata: {name: shown, labels: {a: b, site: x, role: db}}\n"
    body = "".join(f"    {line}\n" for line in resources.splitlines())
    return f"{head}  vars: {{workers: 4}}\n  resources:\n{body}---\n{host}spec: {{address: 192.0.2.1}}\n"


def problems(text: str) -> list[str]:
    registry = builtin()
    linked = link(parse([("page.yaml", text.encode())], registry), registry, allow_local=False)
    return [str(problem) for problem in resolve("r", linked, lambda path: b"", registry).problems]


def test_the_reference_of_kinds_is_fresh() -> None:
    pages = {path.stem: path.read_text() for path in (DOCS / "kinds").glob("*.md")}
    assert pages == reference(builtin()), "run: make docs-kinds"


def test_the_reference_of_commands_is_fresh() -> None:
    assert (DOCS / "cli.md").read_text() == commands.page(), "run: make docs-cli"


def test_the_readme_has_every_command_and_kind() -> None:
    assert [name for name, words in COMMANDS.items() if f"| `reconciler {name}` | {words} |\n" not in README] == []
    assert [name for name in builtin() if f"`{name}`" not in README] == []


def test_every_figure_of_the_readme_was_measured() -> None:
    table = README.partition("## What it costs")[2].partition("\n## ")[0].partition("| --- |")[2]
    measured = (ROOT / "bench" / "RESULTS.md").read_text()
    figures = re.findall(r"(?<=\*\*)[\d.,]+(?=\*\*)", table)
    assert len(figures) > 10
    assert [figure for figure in figures if not re.search(rf"(?<![\d.,]){re.escape(figure)}(?![\d,])", measured)] == []


def test_every_field_of_the_format_is_described() -> None:
    models = [Metadata, Rollout, Check, *(form.model_fields["spec"].annotation for form in FORMS.values())]
    fields = {field.alias or name for model in models if model for name, field in model.model_fields.items()}
    assert sorted(name for name in fields | COMMON if f"`{name}`" not in FORMAT) == []


@pytest.mark.parametrize("text", blocks(FORMAT, "yaml"), ids=lambda text: text.splitlines()[0])
def test_every_example_of_the_format_is_valid(text: str) -> None:
    fragment = text.startswith("- ")
    hosts = (
        "apiVersion: reconciler/v1\nkind: Host\nmetadata: {name: any, labels: {role: web, site: london, env: prod}}\n"
    )
    document = service_with(text) if fragment else f"{hosts}spec: {{address: 192.0.2.1}}\n---\n{text}"
    assert problems(document) == []


def test_the_format_in_the_readme_is_valid() -> None:
    found = blocks(README, "yaml")
    assert len(found) == 2
    assert problems("---\n".join(found)) == []


def test_a_mistake_in_an_example_would_be_found() -> None:
    assert len(problems(service_with("- file: /etc/motd\n  contents: x\n"))) == 1


@every_page
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text())
    local = [target for target in links if "://" not in target]
    assert [target for target in local if not (page.parent / target).exists()] == []


@every_page
def test_commands_that_are_named_exist(page: Path) -> None:
    text = page.read_text()
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = re.findall(r"(?:^|`)make ((?:[a-z-]+ ?)+)(?=[`\s]|$)", text, re.MULTILINE)
    assert {word for words in named for word in words.split()[:1]} - targets == set()
    assert set(re.findall(r"(?:^\$ |`)reconciler ([a-z]+)", text, re.MULTILINE)) - COMMANDS.keys() == set()


def test_every_invariant_is_held_by_a_test_that_is_there() -> None:
    rows = re.findall(r"^\| ([a-z-]+) \| .* \| (`.*`) \|$", (DOCS / "architecture.md").read_text(), re.MULTILINE)
    assert len(rows) > 20
    missing = {name: [t for t in re.findall(r"`([^`]+)`", tests) if not exists(t)] for name, tests in rows}
    assert {name: tests for name, tests in missing.items() if tests} == {}


def exists(test: str) -> bool:
    """A file, or `file::function`, also one of a class."""
    file, _, name = test.partition("::")
    path = ROOT / file
    if not path.is_file() or not name:
        return path.is_file()
    return any(
        isinstance(node, ast.FunctionDef) and node.name == name for node in ast.walk(ast.parse(path.read_text()))
    )


def test_safety_names_invariants_that_there_are() -> None:
    names = set(re.findall(r"^\| ([a-z-]+) \|", (DOCS / "architecture.md").read_text(), re.MULTILINE))
    named = set(re.findall(r"\[([a-z-]+)\]\.", (DOCS / "safety.md").read_text()))
    assert named
    assert named - names == set()


def test_the_layers_are_those_that_are_enforced() -> None:
    parser = ConfigParser()
    parser.read(ROOT / ".importlinter")
    enforced = re.findall(r"\w+", parser["importlinter:contract:layers"]["layers"])
    table = (DOCS / "architecture.md").read_text().partition("## The layers")[2].partition("## ")[0]
    assert re.findall(r"^\| `(\w+)`", table, re.MULTILINE) == enforced


def test_decisions_are_listed_and_have_their_parts() -> None:
    files = sorted(path.name for path in (DOCS / "adr").glob("0*.md"))
    assert re.findall(r"\((0\d+-[a-z-]+\.md)\)", (DOCS / "adr" / "README.md").read_text()) == files
    for number, name in enumerate(files, start=1):
        text = (DOCS / "adr" / name).read_text()
        assert text.startswith(f"# {number}. ")
        assert name.startswith(f"{number:04}-")
        assert re.findall(r"^\*\*(\w+)\.\*\*", text, re.MULTILINE) == ["Context", "Decision", "Consequences"]


def test_the_recording_is_of_this_demo() -> None:
    recorded = (DOCS / "demo.txt").read_text()
    shown = [line.removeprefix("$ ") for line in recorded.splitlines() if line.startswith("$ ")]
    story = [command for scene in STORY for command in scene.commands]
    assert [command for command in shown if command in story] == story, "run: make docs-demo"
    [excerpt] = re.findall(r"<!-- from docs/demo.txt -->\n```text\n(.*?)\n```\n", README, re.DOTALL)
    assert excerpt in recorded
    assert "\x1b" not in recorded


def test_the_story_shows_what_it_says_when_it_is_played() -> None:
    page, texts = story.PAGE.read_text(), story.golden()
    assert story.filled(page, texts) == page, "run: make docs-story"
    assert sorted(story.named(page)) == sorted(texts)


def test_the_picture_needs_nothing_from_elsewhere() -> None:
    svg = (DOCS / "demo.svg").read_text()
    assert set(re.findall(r"https?://[^\"\s)]+", svg)) <= {
        "http://www.w3.org/2000/svg",
        "https://www.textualize.io/rich",
    }
