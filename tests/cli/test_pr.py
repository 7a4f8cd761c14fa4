"""`reconciler pr plan` and what follows from it, with real repositories, hosts and stores."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.place import WEB, Place, place_in

NEW = "    - file: /etc/new.conf\n      content: new\n"
OLD = "    - file: /etc/old.conf\n      content: old\n"
LIMITS = "[limits]\ndeletes = 1\ndeletes_share = 0\n"


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Two hosts as Git says; a branch `pr` that takes a file away and brings another. Only for looking at."""
    place = place_in(tmp_path_factory.mktemp("pr"))
    begin(place)
    return place


def begin(place: Place) -> None:
    place.host("web-1")
    place.host("web-2")
    place.commit({"services/web.yaml": WEB + OLD}, "first state")
    assert place.run("apply", "--yes").code == 0
    place.git("checkout", "-q", "-b", "pr")
    place.commit({"services/web.yaml": WEB + NEW}, "new instead of old")
    place.git("checkout", "-q", "main")
    place.commit({"services/web.yaml": WEB.replace("8080", "9090") + OLD}, "web: port 9090")


def counts(part: dict[str, Any]) -> dict[str, int]:
    return {name: count for name, count in part["summary"].items() if count}


def test_it_says_what_it_brings_and_what_is_pending(applied: Place) -> None:
    result = applied.run("pr", "plan", "--base", "main", "--head", "pr", "--output", "json")
    assert result.code == 2, result.err
    found = result.document
    assert counts(found["own"]) == {"create": 2, "delete": 2, "hosts": 2}
    assert counts(found["pending"]) == {"update": 2, "hosts": 2}
    assert found["evidence"]["basis"] == "store"
    assert found["plan"]["summary"]["update"] == 2
    assert len(found["effect"]) == 32
    again = applied.run(*found["command"].split()[1:], "--output", "json").document
    assert again["effect"] == found["effect"]


def test_the_forms_say_the_same(applied: Place) -> None:
    arguments = ("pr", "plan", "--base", "main", "--head", "pr")
    text, markdown = applied.run(*arguments).out, applied.run(*arguments, "--output", "markdown").out
    verdict = "1 service changes on 2 hosts, 2 things deleted"
    assert verdict in text
    assert verdict in markdown
    assert text.splitlines()[-1] == "Plan: 2 to create, 0 to update, 2 to delete on 2 hosts."
    assert "reconciler apply --expect" in markdown
    assert "\x1b" not in text + markdown


def test_without_a_store_nothing_is_known_of_hosts(applied: Place) -> None:
    arguments = ("pr", "plan", "--base", "main", "--head", "pr", "--no-store")
    result = applied.run(*arguments, "--output", "json", HOME=str(applied.base / "nobody"))
    assert result.code == 2, result.err
    assert (counts(result.document["own"]), result.document["effect"]) == ({"create": 2, "delete": 2, "hosts": 2}, "")
    assert not (applied.base / "nobody/.local/state").exists()
    assert "compares two states of Git" in applied.run(*arguments, "--output", "markdown").out


def test_nothing_of_a_secret_is_in_any_form(applied: Place) -> None:
    for output in ("text", "json", "markdown"):
        for more in ((), ("--no-store",)):
            result = applied.run("pr", "plan", "--base", "pr", "--head", "main", "--output", output, *more)
            assert "s3cret-canary" not in result.out + result.err


def test_no_host_is_asked_and_nothing_is_written(applied: Place) -> None:
    before = applied.git("count-objects"), applied.git("for-each-ref")
    files = {path: path.read_bytes() for path in applied.base.glob("hosts/*/etc/*")}
    observed = applied.run("pr", "plan", "--base", "main", "--head", "pr", "--output", "json").document["evidence"][
        "oldest"
    ]
    again = applied.run("pr", "plan", "--base", "main", "--head", "pr", "--output", "json").document["evidence"][
        "oldest"
    ]
    assert observed == again
    assert (applied.git("count-objects"), applied.git("for-each-ref")) == before
    assert {path: path.read_bytes() for path in applied.base.glob("hosts/*/etc/*")} == files


def test_a_pull_request_that_breaks_a_document_fails(applied: Place) -> None:
    applied.git("checkout", "-q", "-b", "broken", "main")
    applied.commit({"services/web.yaml": WEB.replace("hosts:", "host:")}, "a typo")
    applied.git("checkout", "-q", "main")
    result = applied.run("pr", "plan", "--base", "main", "--head", "broken")
    assert result.code == 1
    assert "new problem" in result.out
    assert "Nothing changes on hosts" in result.out
    assert result.out.splitlines()[-1] == "Plan: 0 to create, 0 to update, 0 to delete on 0 hosts."


def test_one_that_conflicts_says_where(applied: Place) -> None:
    applied.git("checkout", "-q", "-b", "conflict", "main~1")
    applied.commit({"services/web.yaml": WEB.replace("8080", "7070") + OLD}, "another port")
    applied.git("checkout", "-q", "main")
    result = applied.run("pr", "plan", "--base", "main", "--head", "conflict")
    assert (result.code, result.out) == (1, "")
    assert "both change services/web.yaml" in result.err


def test_the_digest_is_what_apply_may_run_after_the_merge(tmp_path: Path) -> None:
    place = place_in(tmp_path / "place")
    begin(place)
    shown = place.run("pr", "plan", "--base", "main", "--head", "pr", "--output", "json", "--out", "../shown.json")
    effect = shown.document["effect"]
    place.git("merge", "-q", "--no-edit", "pr")
    (place.root("web-2") / "etc/web.conf").chmod(0o600)
    other = place.run("apply", "--yes", "--expect", str(place.base / "shown.json"))
    assert other.code == 1
    assert "is not what" in other.err
    assert "more: update file//etc/web.conf of web on web-2" in other.err
    assert "old.conf" not in other.err
    assert (place.root("web-1") / "etc/old.conf").exists()
    by_digest = place.run("apply", "--yes", "--expect", effect[:16])
    assert (by_digest.code, by_digest.err.splitlines()[1:]) == (1, other.err.splitlines()[1:])
    unknown = place.run("apply", "--yes", "--expect", "0" * 16)
    assert unknown.code == 1
    assert "pr plan --out FILE keeps it" in unknown.err
    (place.root("web-2") / "etc/web.conf").chmod(0o644)
    done = place.run("apply", "--yes", "--expect", effect[:16])
    assert done.code == 0, done.err
    assert not (place.root("web-1") / "etc/old.conf").exists()
    nothing = place.run("apply", "--yes", "--expect", effect[:16])
    assert nothing.code == 0, nothing.err


def test_a_digest_that_is_too_short_is_no_digest(applied: Place) -> None:
    result = applied.run("apply", "--yes", "--expect", "5c1f09ab")
    assert result.code == 1
    assert "16 or more digits" in result.err


def test_what_a_limit_would_refuse_is_approved_before_the_merge(tmp_path: Path) -> None:
    place = place_in(tmp_path / "place")
    begin(place)
    settings = place.base / "reconciler.toml"
    settings.write_text(LIMITS)
    with_limits = ("--config", str(settings))
    shown = place.run("pr", "plan", "--base", "main", "--head", "pr", "--output", "json", *with_limits)
    assert shown.code == 1, shown.err
    [refusal] = shown.document["refused"]
    assert (refusal["limit"], refusal["value"], refusal["actual"]) == ("deletes", 1, 2)
    effect = shown.document["effect"]
    approved = place.run("approve", effect[:8], "--reason", "retire it, CHG-1", *with_limits)
    assert approved.code == 0, approved.err
    assert f"reconciler apply --expect {effect[:16]} (after the merge)" in approved.out
    place.git("merge", "-q", "--no-edit", "pr")
    done = place.run("apply", "--yes", "--expect", effect[:16], *with_limits)
    assert done.code == 0, done.err
    assert not (place.root("web-1") / "etc/old.conf").exists()
    refused = place.run("apply", "--plan", effect[:16], *with_limits)
    assert refused.code == 1
    assert "is what a pull request would do, and no plan" in refused.err


def test_json_is_one_document_with_the_plan_in_it(applied: Place) -> None:
    result = applied.run("pr", "plan", "--base", "main", "--head", "pr", "--output", "json")
    assert set(json.loads(result.out)) >= {"own", "pending", "drift", "dropped", "plan", "refused", "problems"}
