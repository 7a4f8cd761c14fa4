"""Many hosts at once: how many, for how long, until when; and that each ends as a record."""

from __future__ import annotations

import asyncio
import importlib
import json
from pathlib import Path

import pytest

from reconciler.adapters.ansible.directory import RunDirectory


@pytest.fixture
def fan(plugins):
    return importlib.import_module(f"{plugins}.fan")


def _run(fan, path: Path, names: list[str], visit, limits=(2, 5.0)) -> dict[str, dict]:
    directory = RunDirectory(path)
    journal = fan.Journal(path)
    asyncio.run(fan.visit_all(names, lambda name: visit(name, journal), journal, limits))
    finished = directory.finished()
    assert sorted(finished) == sorted(names)
    assert directory.finished() == []
    return {name: json.loads(directory.result(name)) for name in finished}


def test_so_many_at_a_time_and_every_host_gets_a_record(fan, tmp_path):
    now, most = 0, 0

    async def visit(name, journal):
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0)
        now -= 1
        return {"kind": "reply", "reply": name}

    names = [f"h{n}" for n in range(20)]
    assert _run(fan, tmp_path, names, visit) == {name: {"kind": "reply", "reply": name} for name in names}
    assert most == 2


def test_a_host_that_takes_too_long_is_given_up_and_holds_nobody(fan, tmp_path):
    async def visit(name, journal):
        if name == "sent":
            journal.sending(name)
        if name != "quick":
            await asyncio.Event().wait()
        return {"kind": "reply", "reply": ""}

    records = _run(fan, tmp_path, ["sent", "unsent", "quick"], visit, (2, 0.05))
    assert {name: (r["kind"], r.get("sent")) for name, r in records.items()} == {
        "sent": ("broken", True),
        "unsent": ("broken", False),
        "quick": ("reply", None),
    }
    assert records["sent"]["error"] == "no reply within 0 seconds"


def test_a_visit_that_breaks_is_the_hosts_own(fan, tmp_path):
    async def visit(name, journal):
        if name == "bad":
            raise LookupError("odd")
        return {"kind": "reply", "reply": ""}

    records = _run(fan, tmp_path, ["bad", "good"], visit)
    assert (records["bad"]["kind"], records["bad"]["error"]) == ("broken", "LookupError: odd")
    assert records["good"]["kind"] == "reply"


def test_after_a_stop_nobody_is_begun(fan, tmp_path):
    begun = []

    async def visit(name, journal):
        begun.append(name)
        (tmp_path / "stop").touch()
        return {"kind": "reply", "reply": ""}

    records = _run(fan, tmp_path, ["a", "b", "c"], visit, (1, 5.0))
    assert begun == ["a"]
    assert [records[name]["kind"] for name in "abc"] == ["reply", "skipped", "skipped"]


def test_a_name_that_is_half_written_is_not_finished_yet(tmp_path):
    directory = RunDirectory(tmp_path)
    assert directory.finished() == []
    with (tmp_path / "done").open("ab", buffering=0) as done:
        done.write(b"h1\nh")
        assert directory.finished() == ["h1"]
        assert directory.finished() == []
        done.write(b"2\nh3\n")
        assert directory.finished() == ["h2", "h3"]
