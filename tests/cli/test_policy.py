"""`reconciler policy test`, and policies on plans, pull requests and applies."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.place import WEB, Place, place_in
from tests.command_line import ROOT
from tests.examples.copies import copy

NO_TOKENS = """\
apiVersion: reconciler/v1
kind: Policy
metadata: {name: no-tokens}
spec:
  effect: EFFECT
  message: "tokens come from the vault, @team-sec decides"
  when: change.name == "/etc/token"
"""


def test_the_cases_of_the_example_are_as_expected(tmp_path: Path) -> None:
    folder = copy(ROOT / "examples/database", tmp_path / "database")
    place = Place(tmp_path)
    (tmp_path / "home").mkdir()
    arguments = ("policy", "test", "policies.cases", "--repo", str(folder))
    result = place.run(*arguments, cwd=folder)
    assert (result.code, result.out, result.err) == (0, "4 cases as expected.\n", "")
    cases = place.run(*arguments, "--output", "json", cwd=folder).document["cases"]
    assert [case["answer"] for case in cases] == ["deny", "pass", "warn", "pass"]


def test_a_case_that_is_not_as_expected_fails_and_says_why(place: Place) -> None:
    place.host("web-1")
    place.commit({"services/web.yaml": WEB, "policies.yaml": NO_TOKENS.replace("EFFECT", "deny")}, "first")
    cases = place.base / "cases"
    cases.write_text(
        "cases:\n  - {name: tokens are fine, policy: no-tokens, change: {name: /etc/token}, expect: pass}\n"
    )
    result = place.run("policy", "test", str(cases))
    assert result.code == 1
    assert result.out == (
        f"{cases}: tokens are fine\n  no-tokens: expected pass, and it says deny\n1 of 1 case not as expected.\n"
    )
    assert "1 of 1 case not as expected" in place.run("policy", "test", str(cases), "--output", "markdown").out
    cases.write_text("cases:\n  - {name: x, polcy: no-tokens, expect: pass}\n")
    wrong = place.run("policy", "test", str(cases))
    assert wrong.code == 1
    assert f"{cases}:2:" in wrong.out
    assert 'did you mean "policy"?' in wrong.out
    assert "No such file" in place.run("policy", "test", "nowhere").err


@pytest.fixture(scope="module")
def proposed(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A policy on main; branches that break it, and that take it away as well."""
    place = place_in(tmp_path_factory.mktemp("policies"))
    place.host("web-1")
    place.commit({"services/web.yaml": WEB, "policies.yaml": NO_TOKENS.replace("EFFECT", "warn")}, "first")
    assert place.run("apply", "--yes").code == 0
    place.commit({"policies.yaml": NO_TOKENS.replace("EFFECT", "deny")}, "deny")
    place.git("checkout", "-q", "-b", "breaks")
    place.commit({"services/web.yaml": WEB.replace("s3cret-canary", "another")}, "another token")
    place.git("checkout", "-q", "-b", "loosens")
    (place.state / "policies.yaml").unlink()
    place.commit({}, "no policy")
    place.git("checkout", "-q", "main")
    return place


def test_a_pull_request_is_denied(proposed: Place) -> None:
    arguments = ("pr", "plan", "--base", "main", "--head", "breaks")
    result = proposed.run(*arguments, "--output", "markdown")
    assert result.code == 1
    assert "**would be refused: policy no-tokens**" in result.out
    assert "tokens come from the vault, @\u200bteam-sec decides" in result.out
    assert "web: 1 × update file//etc/token" in result.out
    [refusal] = proposed.run(*arguments, "--output", "json").document["refused"]
    assert (refusal["limit"], refusal["policy"], refusal["actual"]) == ("policy", "no-tokens", 1)


def test_one_that_removes_the_policy_is_shown_up(proposed: Place) -> None:
    arguments = ("pr", "plan", "--base", "main", "--head", "loosens")
    markdown = proposed.run(*arguments, "--output", "markdown").out
    assert "> **Changes or removes policies:** `no-tokens`" in markdown
    assert "As it stands on the base, it would deny this:" in markdown
    found = proposed.run(*arguments, "--output", "json").document
    assert (found["refused"], found["policies_changed"]) == ([], ["no-tokens"])
    assert "It changes or removes policies: no-tokens" in proposed.run(*arguments).out


def test_an_apply_is_refused_until_it_is_approved(tmp_path: Path) -> None:
    place = place_in(tmp_path / "place")
    place.host("web-1")
    place.commit({"services/web.yaml": WEB, "policies.yaml": NO_TOKENS.replace("EFFECT", "deny")}, "first")
    plan = place.run("plan")
    assert "refused: policy no-tokens: tokens come from the vault" in plan.out
    refused = place.run("apply", "--yes")
    assert refused.code == 1
    digest = refused.err.partition("reconciler approve ")[2].split()[0]
    assert place.run("approve", digest, "--reason", "CHG-1").code == 0
    assert place.run("apply", "--plan", digest).code == 0


def test_a_warning_is_told_with_the_plan_and_stops_nothing(tmp_path: Path) -> None:
    place = place_in(tmp_path / "place")
    place.host("web-1")
    place.commit({"services/web.yaml": WEB, "policies.yaml": NO_TOKENS.replace("EFFECT", "warn")}, "first")
    text = place.run("plan").out
    assert "warning: policy no-tokens: tokens come from the vault" in text
    assert "  web: 1 × create file//etc/token" in text
    assert "> warning: policy no-tokens" in place.run("plan", "--no-observe", "--output", "markdown").out
    assert place.run("apply", "--yes").code == 0
