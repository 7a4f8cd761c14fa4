"""What an apply leaves behind is what was wanted, for any spec, as far as it shows without a host."""

from __future__ import annotations

import string
from collections.abc import Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from reconciler.adapters.ansible.collections.ansible_collections.reconciler.fleet.plugins.module_utils.host.probes import (  # noqa: E501
    cron,
    line,
    sysctl,
)
from reconciler.kinds import Kind, builtin
from reconciler.model.digest import text_digest
from reconciler.model.plan import Action
from reconciler.model.state import Absent, Present

KINDS = builtin()
WORDS = st.text(string.ascii_letters + string.digits + "._-/ ü\"'#=*$%", min_size=1, max_size=30)
NAMES = st.from_regex(r"\A[a-z_][a-z0-9_-]{0,10}\Z")
MODES = st.from_regex(r"\A0?[0-7]{3,4}\Z")
ATTRIBUTES = {"owner": NAMES, "group": NAMES, "mode": MODES}


def optional(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


def check(kind: str, name: str, fields: dict[str, Any], facts: Mapping[str, Any]) -> None:
    spec = KINDS[kind].Spec.model_validate(fields)
    wanted, observed = KINDS[kind].wanted(name, spec), KINDS[kind].observe(name, spec, facts)
    assert isinstance(observed, Present)
    assert isinstance(wanted, Present)
    assert {k: observed.state.get(k) for k in wanted.state} == wanted.state


def only_call(kind: Kind[Any], name: str, fields: dict[str, Any], action: Action) -> Any:
    return kind.calls(name, kind.Spec.model_validate(fields), action)[-1]


def attributes(args: Mapping[str, Any]) -> dict[str, Any]:
    return {k: args[k] for k in ATTRIBUTES if k in args}


@given(optional(content=st.text(max_size=50), **ATTRIBUTES))
def test_file(fields: dict[str, Any]) -> None:
    call = only_call(KINDS["file"], "/f", fields, "create")
    content = {"sha256": text_digest(call.files["src"])} if "src" in call.files else {}
    check("file", "/f", fields, {"exists": True, "type": "file", **content, **attributes(call.args)})


@given(optional(**ATTRIBUTES))
def test_directory(fields: dict[str, Any]) -> None:
    call = only_call(KINDS["directory"], "/d", fields, "create")
    check("directory", "/d", fields, {"exists": True, "type": "directory", **attributes(call.args)})


@given(st.from_regex(r"\A[a-z./][a-z./ -]{0,20}\Z"))
def test_link(target: str) -> None:
    call = only_call(KINDS["link"], "/l", {"target": target}, "create")
    check("link", "/l", {"target": target}, {"exists": True, "type": "link", "target": call.args["src"]})


@given(WORDS, st.lists(WORDS))
def test_line(text: str, others: list[str]) -> None:
    fields = {"path": "/f", "text": text}
    call = only_call(KINDS["line"], "x", fields, "create")
    lines = [f"{other}\n".encode() for other in others if other != text]
    assert line.find(lines, text, None) is None
    added = line.find([*lines, f"{call.args['line']}\n".encode()], text, None)
    assert added is not None
    check("line", "x", fields, {"line": added.decode()})


def times(first: int, last: int) -> st.SearchStrategy[Any]:
    number = st.integers(first, last)
    ranges = st.tuples(number, number).map(lambda ends: f"{min(ends)}-{max(ends)}")
    steps = st.builds("{}/{}".format, st.just("*") | ranges, st.integers(1, last))
    one = number.map(str) | ranges | steps | st.just("*")
    return number | st.lists(one, min_size=1, max_size=3).map(",".join)


SCHEDULES = optional(
    minute=times(0, 59), hour=times(0, 23), day=times(1, 31), month=times(1, 12), weekday=times(0, 7)
) | st.fixed_dictionaries({"special": st.sampled_from(["reboot", "daily"])})


@given(SCHEDULES, WORDS.map(str.strip).filter(bool), st.text(string.ascii_letters + "#: \n", max_size=40))
def test_cron(schedule: dict[str, Any], job: str, before: str) -> None:
    fields = {**schedule, "job": job}
    args = only_call(KINDS["cron"], "entry", fields, "create").args
    special = args.get("special_time")
    when = f"@{special}" if special else " ".join(args[time] for time in cron.TIMES)
    crontab = f"{before}\n\n#Ansible: {args['name']}\n{when} {args['job']}\n"
    check("cron", "entry", fields, cron.find(crontab, "entry"))


@given(
    st.integers() | st.text(string.ascii_letters + " #=", max_size=20).filter(str.strip),
    st.text(string.ascii_letters + "#.= \n", max_size=40),
)
def test_sysctl(value: int | str, before: str) -> None:
    fields = {"value": value}
    text = only_call(KINDS["sysctl"], "vm.x", fields, "create").files["src"].decode()
    persisted = sysctl.persisted(f"{before}\n{text}", "vm.x")
    running = str(value).replace(" ", "\t")
    facts = {"value": " ".join(running.split()), "exists": True, "persisted": persisted}
    check("sysctl", "vm.x", fields, facts)


@given(st.sampled_from(["file", "directory", "link"]))
def test_what_is_not_there_is_never_a_difference(kind: str) -> None:
    spec = KINDS[kind].Spec.model_validate({"target": "x"} if kind == "link" else {})
    assert KINDS[kind].observe("/x", spec, {"exists": False}) == Absent()
