"""Applying: saved plans and their pins, targets, healing, limits, two at once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reconciler.adapters.store.store import open_store
from tests.cli.place import WEB, Place

BASE = """\
apiVersion: reconciler/v1
kind: Service
metadata: {name: base}
spec:
  hosts: {matchExpressions: [{key: role, operator: Exists}]}
  resources:
"""


@pytest.fixture
def plan(fleet: Place, tmp_path: Path) -> Path:
    file = tmp_path / "plan.json"
    said = fleet.run("plan", "--out", str(file))
    assert said.code == 2
    assert f"reconciler apply {file}" in said.err
    return file


def test_a_saved_plan_is_applied_without_asking_and_only_once(fleet: Place, plan: Path) -> None:
    said = fleet.run("apply", str(plan))
    assert (said.code, said.out.splitlines()[-1]) == (0, "Run 1 succeeded: 4 created, 0 updated, 0 deleted on 2 hosts.")
    assert (fleet.root("web-1") / "etc/web.conf").read_text() == "listen 8080\nname web-1\n"
    again = fleet.run("apply", str(plan))
    assert (again.code, again.out) == (1, "")
    assert "applied already, in run 1" in again.err
    assert "make a new plan" in again.err


def test_an_altered_plan_is_refused(fleet: Place, plan: Path) -> None:
    document = json.loads(plan.read_bytes())
    document["summary"]["create"] = 0
    plan.write_text(json.dumps(document))
    said = fleet.run("apply", str(plan))
    assert (said.code, said.out) == (1, "")
    assert "altered after it was made" in said.err
    assert fleet.run("runs").out == "Nothing was applied yet.\n"


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "not JSON"),
        (b"{}", "no format_version"),
        (b'{"format_version": 2}', "format_version 2"),
        (b'{"format_version": 1}', "is not a valid plan"),
        (b"\xff\xfe\x00", "not JSON"),
        (b"[" * 100_000, "not JSON"),
    ],
)
def test_what_is_no_plan_is_refused(fleet: Place, tmp_path: Path, content: bytes, word: str) -> None:
    (tmp_path / "plan.json").write_bytes(content)
    said = fleet.run("apply", str(tmp_path / "plan.json"))
    assert (said.code, said.out) == (1, "")
    assert word in said.err
    assert "reconciler plan --out" in said.err


def test_a_plan_that_is_not_there(fleet: Place) -> None:
    said = fleet.run("apply", "nowhere.json")
    assert (said.code, "nowhere.json: No such file" in said.err) == (1, True)


def test_a_plan_is_refused_when_git_has_moved(fleet: Place, plan: Path) -> None:
    planned = fleet.git("rev-parse", "--short=7", "HEAD")
    moved = fleet.commit({"services/web.yaml": WEB.replace("8080", "9090")})
    said = fleet.run("apply", str(plan))
    assert (said.code, said.out) == (1, "")
    assert f"for revision {planned}, and Git is at {moved[:7]}" in said.err
    assert f"--rev {planned}" in said.err
    assert fleet.run("apply", str(plan), "--rev", planned).code == 0


def test_a_host_that_has_moved_makes_a_plan_stale_there_only(fleet: Place, plan: Path) -> None:
    (fleet.root("web-2") / "etc/web.conf").write_text("by hand\n")
    said = fleet.run("apply", str(plan))
    assert said.code == 1
    assert "Stale" in said.out
    assert (fleet.root("web-1") / "etc/web.conf").exists()
    assert (fleet.root("web-2") / "etc/web.conf").read_text() == "by hand\n"
    assert not (fleet.root("web-2") / "etc/token").exists()


def test_without_a_terminal_and_without_yes_nothing_happens(fleet: Place) -> None:
    said = fleet.run("apply")
    assert said.code == 1
    assert "Plan: 4 to create" in said.out
    assert "there is no terminal to ask on" in said.err
    assert "--yes" in said.err
    assert not (fleet.root("web-1") / "etc/web.conf").exists()


def test_target_and_exclude(fleet: Place) -> None:
    fleet.commit({"services/base.yaml": BASE + "    - file: /etc/motd\n      content: hello\n"})
    assert fleet.run("observe").code == 0

    def planned(*arguments: str) -> set[tuple[str, str]]:
        document = fleet.run("plan", "--no-observe", "--output", "json", *arguments).document
        assert document["incomplete"] is True
        return {
            (host, change["name"])
            for step in document["steps"]
            for program, hosts in step["programs"].items()
            for change in document["programs"][program]["changes"]
            for host in hosts
        }

    motd = {("web-1", "/etc/motd"), ("web-2", "/etc/motd")}
    web = {(host, name) for host in ("web-1", "web-2") for name in ("/etc/web.conf", "/etc/token")}
    assert planned("--target", "service:base") == motd
    assert planned("--target", "base") == motd
    assert planned("--target", "file//etc/motd") == motd
    assert planned("--exclude", "web") == motd
    assert planned("--exclude", "file//etc/motd") == web
    assert planned("--target", "host:web-1", "--exclude", "base") == {pair for pair in web if pair[0] == "web-1"}
    assert planned("--target", "web-1", "--target", "base") == motd | {pair for pair in web if pair[0] == "web-1"}
    assert planned("--target", "label:role=web") == web | motd


@pytest.mark.parametrize("option", ["--target", "--exclude"])
@pytest.mark.parametrize(
    "what", ["wbe", "service:wbe", "host:wbe", "project:x", "label:role=db", "file/", "/", "file/x"]
)
def test_a_target_that_means_nothing_is_an_error(moved: Place, option: str, what: str) -> None:
    said = moved.run("plan", "--no-observe", option, what)
    assert (said.code, said.out) == (1, "")
    assert "nothing is meant by" in said.err
    assert "kind/name" in said.err
    near = {"wbe": "web", "service:wbe": "service:web", "host:wbe": "host:web-", "label:role=db": "label:role=web"}
    assert f'did you mean "{near.get(what, "")}' in said.err or what not in near


def test_heal_undoes_drift_and_leaves_what_is_pending(fleet: Place) -> None:
    assert fleet.run("apply", "--yes").code == 0
    (fleet.root("web-2") / "etc/web.conf").chmod(0o600)
    fleet.commit({"services/base.yaml": BASE + "    - file: /etc/motd\n      content: hello\n"})
    assert fleet.run("drift").code == 2
    said = fleet.run("apply", "--heal", "--yes")
    assert (said.code, said.out.splitlines()[-1]) == (0, "Run 2 succeeded: 0 created, 1 updated, 0 deleted on 1 host.")
    assert (fleet.root("web-2") / "etc/web.conf").stat().st_mode & 0o777 == 0o644
    assert not (fleet.root("web-2") / "etc/motd").exists()
    assert fleet.run("drift").code == 0
    assert fleet.run("plan", "--no-observe").code == 2


def test_what_git_changed_too_is_left_to_a_whole_apply(moved: Place) -> None:
    """A resource is brought into order as a whole: healing one field of it would apply the other."""
    said = moved.run("drift", "--no-observe")
    assert (said.code, "Git changed it too" in said.out) == (2, True)
    assert "Heal: reconciler apply\n" in said.out


def test_many_deletes_need_to_be_allowed(fleet: Place) -> None:
    files = "".join(f"    - file: /etc/f{n}\n      content: x\n" for n in range(6))
    fleet.commit({"services/base.yaml": BASE + files})
    assert fleet.run("apply", "--yes").code == 0
    (fleet.state / "services/base.yaml").unlink()
    fleet.commit()
    plan = fleet.run("plan")
    assert plan.code == 2
    assert plan.out.splitlines()[-1] == "Plan: 0 to create, 0 to update, 12 to delete on 2 hosts."
    said = fleet.run("apply", "--yes", "--allow-deletes", "11")
    assert said.code == 1
    for word in (
        "deletes 12 resources",
        "the limit is 10",
        "limits.deletes",
        "--allow-deletes 12",
        "nothing was applied",
    ):
        assert word in said.err
    assert (fleet.root("web-1") / "etc/f0").exists()
    assert fleet.run("apply", "--yes", "--allow-deletes", "12").code == 0
    assert not (fleet.root("web-1") / "etc/f0").exists()


def test_of_two_applies_at_once_the_second_is_refused(fleet: Place, tmp_path: Path) -> None:
    store = tmp_path / "store.db"
    assert fleet.run("observe", "--store", str(store)).code == 0
    first = open_store(store, create_parent=False)
    try:
        with first.hold("apply"):
            said = fleet.run("apply", "--yes", "--store", str(store))
            assert said.code == 1
            assert "apply" in said.err
            assert str(first.id) not in said.err
            assert not (fleet.root("web-1") / "etc/web.conf").exists()
            assert fleet.run("plan", "--no-observe", "--store", str(store)).code == 2
        assert fleet.run("apply", "--yes", "--store", str(store)).code == 0
    finally:
        first.close()


def test_max_age_asks_only_hosts_whose_answers_are_older(fleet: Place) -> None:
    assert fleet.run("apply", "--yes").code == 0
    (fleet.root("web-2") / "etc/web.conf").chmod(0o600)
    assert fleet.run("drift", "--no-observe").code == 0
    assert fleet.run("drift", "--max-age", "1h").code == 0
    assert fleet.run("drift", "--max-age", "0s").code == 2
    assert fleet.run("drift", "--no-observe").code == 2


def test_without_an_observation_nothing_is_planned(fleet: Place) -> None:
    said = fleet.run("plan", "--no-observe")
    assert said.code == 0
    assert "nothing is known of 2 hosts (web-1, web-2) yet" in said.out
    assert said.out.splitlines()[-1].startswith("No changes. 0 hosts match")
