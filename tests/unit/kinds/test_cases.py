"""Kinds are tested by data: each file `tests/cases/<kind>/<case>.yaml` is one spec and what must come of it.

    about: what the case is for                       # optional
    name: /etc/motd                                   # the resource's name
    spec: {content: "hi\n", mode: "0644"}             # as users write it, without `<kind>: <name>`
    error: needs %s                                   # the spec or name must be refused with this; then nothing below

    query: {probe: path, path: /etc/motd, …}          # what the host is asked
    wanted: {mode: "0644"}                            # the fields asked for, or `absent`
    texts: {content: "hi\n"}                          # readable text of fields that are digests; optional
    memory: {mode: "0644"}                            # what is remembered for the time after Git; optional
    calls:                                            # by action: the Ansible modules that carry it out
      create:
        - module: ansible.builtin.copy
          args: {dest: /etc/motd}
          paths: [dest]                               # arguments that are paths on the host
          files: {src: "hi\n"}                        # arguments that become a file with this text
    answers:                                          # what the host's probe may say, and what that means
      - facts: {exists: false}
        observed: absent
      - facts: {exists: true, type: file, mode: "0600"}
        observed: {mode: "0600"}
        differs: {mode: ["0600", "0644"]}             # [observed, wanted] of each field that differs; none if left out
      - facts: {exists: true, type: directory}
        observed: {unknown: a directory is in its place}    # that text must be in the reason

What a case does not give is not checked, except that an answer's `differs` is always complete.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import pytest
import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from reconciler.kinds import Kind, builtin
from reconciler.kinds.base import Spec
from reconciler.model.plan import Action
from reconciler.model.state import Absent, Observed, Present, Unknown, Wanted

CASES = Path(__file__).parents[2] / "cases"
KINDS = builtin()


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Answer(Strict):
    about: str = ""
    facts: dict[str, Any]
    observed: Literal["absent"] | dict[str, Any]
    texts: dict[str, str] = {}
    differs: dict[str, list[Any]] = {}


class Case(Strict):
    about: str = ""
    name: str
    spec: dict[str, Any]
    error: str | None = None
    query: dict[str, Any] | None = None
    wanted: Literal["absent"] | dict[str, Any] | None = None
    texts: dict[str, str] | None = None
    memory: dict[str, Any] | None = None
    calls: dict[Action, list[dict[str, Any]]] = {}
    answers: list[Answer] = []

    @property
    def expects_something(self) -> bool:
        expected = (self.error, self.query, self.wanted, self.texts, self.memory)
        return any(e is not None for e in expected) or bool(self.calls or self.answers)


def load(path: Path) -> Case:
    return Case.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))


PATHS = sorted(CASES.glob("*/*.yaml"))


def validated(kind: Kind[Any], case: Case) -> tuple[str, Spec]:
    name = TypeAdapter(kind.Name).validate_python(case.name)
    return name, kind.Spec.model_validate(case.spec)


def state(value: Observed | Wanted) -> Any:
    match value:
        case Present():
            return dict(value.state)
        case Absent():
            return "absent"
        case Unknown():
            return {"unknown": value.reason}


def call(kind: Kind[Any], name: str, spec: Spec, action: Action) -> list[dict[str, Any]]:
    """Calls as cases write them, without what is empty."""
    fields = [
        {
            "module": c.module,
            "args": dict(c.args),
            "paths": list(c.paths),
            "files": {k: v.decode() for k, v in c.files.items()},
            "needs": getattr(c, "needs", ""),
        }
        for c in kind.calls(name, spec, action)
    ]
    return [{k: v for k, v in f.items() if v} for f in fields]


def differs(wanted: Wanted, observed: Observed) -> Mapping[str, list[Any]]:
    if not (isinstance(wanted, Present) and isinstance(observed, Present)):
        return {}
    pairs = {k: [observed.state.get(k), v] for k, v in wanted.state.items()}
    return {k: pair for k, pair in pairs.items() if pair[0] != pair[1]}


def check_answer(kind: Kind[Any], name: str, spec: Spec, answer: Answer) -> None:
    observed = kind.observe(name, spec, answer.facts)
    if isinstance(answer.observed, dict) and "unknown" in answer.observed:
        assert isinstance(observed, Unknown), answer
        assert answer.observed["unknown"] in observed.reason
    else:
        assert state(observed) == answer.observed
    assert dict(getattr(observed, "texts", {})) == answer.texts
    assert differs(kind.wanted(name, spec), observed) == answer.differs


@pytest.mark.parametrize("path", PATHS, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_case(path: Path) -> None:
    case, kind = load(path), KINDS[path.parent.name]
    assert case.expects_something, "the case checks nothing"
    if case.error is not None:
        with pytest.raises(ValidationError) as refusal:
            validated(kind, case)
        assert case.error in str(refusal.value)
        return
    name, spec = validated(kind, case)
    if case.query is not None:
        assert kind.query(name, spec) == case.query
    if case.wanted is not None:
        assert state(kind.wanted(name, spec)) == case.wanted
    if case.texts is not None:
        assert dict(getattr(kind.wanted(name, spec), "texts", {})) == case.texts
    if case.memory is not None:
        assert kind.memory(spec) == case.memory
    for action, expected in case.calls.items():
        assert call(kind, name, spec, action) == expected
    for answer in case.answers:
        check_answer(kind, name, spec, answer)


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_what_the_cases_of_every_kind_cover(kind: Kind[Any]) -> None:
    cases = [load(p) for p in PATHS if p.parent.name == kind.name]
    observed = [a.observed for c in cases for a in c.answers]
    covered = {
        "a spec that is refused": any(c.error for c in cases),
        "absent": "absent" in observed,
        "unknown": any(isinstance(o, dict) and "unknown" in o for o in observed),
        "as wanted": any(a.observed == c.wanted for c in cases for a in c.answers),
        "create": any("create" in c.calls for c in cases),
        "delete": not kind.prunable or any("delete" in c.calls for c in cases),
        "query": any(c.query is not None for c in cases),
    }
    assert [what for what, there in covered.items() if not there] == []


@pytest.mark.parametrize("path", PATHS, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_memory_is_a_spec_that_asks_and_deletes_the_same(path: Path) -> None:
    case, kind = load(path), KINDS[path.parent.name]
    if case.error is not None:
        return
    name, spec = validated(kind, case)
    remembered = kind.Spec.model_validate(kind.memory(spec))
    assert kind.memory(remembered) == kind.memory(spec)
    if kind.prunable:
        assert kind.calls(name, remembered, "delete") == kind.calls(name, spec, "delete")
