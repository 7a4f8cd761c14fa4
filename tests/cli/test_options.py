"""Which options each command takes, how settings win over each other, and what is said about wrong usage."""

from __future__ import annotations

import pytest

from tests.cli.place import WEB, Place

SHARED = ("--repo", "--rev", "--path", "--store", "--config", "--output", "--no-color")
OBSERVING = ("--no-observe", "--max-age")
OPTIONS = {
    "validate": SHARED,
    "plan": (*SHARED, *OBSERVING, "--target", "--exclude", "--out"),
    "apply": (*SHARED, *OBSERVING, "--yes", "--heal", "--target", "--exclude", "--plan", "--allow-deletes", "--again"),
    "observe": (*SHARED, *OBSERVING),
    "observe export": (*SHARED, "--out"),
    "pr plan": (*SHARED, "--base", "--head", "--project", "--snapshot", "--no-store", "--out"),
    "drift": (*SHARED, *OBSERVING),
    "why": SHARED,
    "runs": SHARED,
    "runs show": SHARED,
    "schema": ("--out", "--kinds-reference", "--settings-reference"),
}


@pytest.mark.parametrize("command", OPTIONS)
def test_every_command_takes_the_options_that_it_needs(place: Place, command: str) -> None:
    help_text = place.run(*command.split(), "--help")
    assert (help_text.code, help_text.err) == (0, "")
    words = help_text.out.replace(",", " ").split()
    assert [option for option in OPTIONS[command] if option not in words] == []


def test_help_shows_first_what_only_this_command_has(place: Place) -> None:
    text = place.run("plan", "--help").out
    assert text.index("--target") < text.index("--no-observe") < text.index("--repo")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["plna"], ["No such command", 'Did you mean "plan"?', "reconciler --help"]),
        (["plan", "--nope"], ["No such option", "--nope", "reconciler plan --help"]),
        (["plan", "--output", "xml"], ["'xml'", "'text', 'json', 'markdown'"]),
        (["plan", "--max-age", "soon"], ["'soon' is no duration", "90s, 10m, 2h or 1d"]),
        (["plan", "--max-age", "10m", "--no-observe"], ["--no-observe and --max-age exclude each other"]),
        (["apply", "--allow-deletes", "-1"], ["--allow-deletes", "-1"]),
        (["apply", "--output", "json"], ["--output json can't ask", "--yes"]),
        (["apply", "plan.json", "--target", "web-1"], ["applied as it is", "--target"]),
        (["apply", "plan.json", "--heal"], ["applied as it is", "--heal"]),
        (["why", "web-1"], ["Missing argument", "KIND/NAME"]),
        (["runs", "show", "x"], ["'x' is not a valid integer"]),
        (["runs", "--limit", "0"], ["--limit", "0 is not in the range"]),
    ],
)
def test_wrong_usage_is_an_error_on_stderr(place: Place, arguments: list[str], words: list[str]) -> None:
    said = place.run(*arguments)
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith("error: ")
    assert [word for word in words if word not in said.err] == []


def test_no_arguments_show_the_help(place: Place) -> None:
    said = place.run()
    assert "Commands:" in said.out + said.err
    assert "validate" in said.out + said.err


def test_the_version(place: Place) -> None:
    assert place.run("--version").out.startswith("reconciler 0.")


def test_option_over_environment_over_file_over_default(place: Place) -> None:
    """Each next one names a folder that the one before overrules."""
    for folder in ("option", "environment", "file", "other"):
        name = f"apiVersion: reconciler/v1\nkind: Project\nmetadata: {{name: {folder}}}\nspec: {{nope: 1}}\n"
        place.write({f"{folder}/a.yaml": name})
    place.commit()
    (place.base / "state/reconciler.toml").write_text('path = "file"\n')
    (place.base / "mine.toml").write_text('path = "other"\n')

    def documents(*arguments: str, **env: str) -> list[str]:
        return [
            p["document"] for p in place.run("validate", "--output", "json", *arguments, **env).document["problems"]
        ]

    assert documents("--path", "option", RECONCILER_PATH="environment") == ["Project/option"]
    assert documents(RECONCILER_PATH="environment") == ["Project/environment"]
    assert documents() == ["Project/file"]
    assert documents("--config", str(place.base / "mine.toml")) == ["Project/other"]
    (place.base / "state/reconciler.toml").unlink()
    assert documents() == ["Project/environment", "Project/file", "Project/option", "Project/other"]


def test_rev_and_repo_name_what_is_read(fleet: Place) -> None:
    first = fleet.git("rev-parse", "HEAD")
    fleet.git("tag", "v1")
    fleet.commit({"services/web.yaml": WEB + "  nope: 1\n"}, "broken")
    elsewhere = fleet.base / "home"
    assert fleet.run("validate", "--repo", str(fleet.state), cwd=elsewhere).code == 1
    for rev in ("v1", first, first[:8]):
        assert fleet.run("validate", "--repo", str(fleet.state), "--rev", rev, cwd=elsewhere).code == 0


def test_what_is_not_committed_does_not_count(fleet: Place) -> None:
    fleet.write({"services/web.yaml": "nonsense: ["})
    assert fleet.run("validate").code == 0
