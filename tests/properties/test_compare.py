"""What holds for any two states: equal ones give nothing, others exactly the fields that differ and are managed."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.assessing.compare import Different, Equal, NotKnown, compare, remembered_state, text_diff
from reconciler.kinds.base import Absent, Kind, Spec, Unknown
from reconciler.model.delivery import Call
from reconciler.model.desired import Resource
from reconciler.model.digest import digest
from reconciler.model.key import Key, Place
from reconciler.model.observation import Fact, Facts, Owned, Query
from reconciler.model.plan import Action
from reconciler.model.state import Observed, Present, Wanted
from tests.fakes.fleet import START

FIELDS = ("a", "b", "c", "d")
VALUES = st.none() | st.integers(-2, 2) | st.text("xy\n", max_size=3) | st.lists(st.integers(0, 1))
STATES = st.dictionaries(st.sampled_from(FIELDS), VALUES)
SOME = st.sets(st.sampled_from(FIELDS)).map(lambda names: tuple(sorted(names)))


class AnythingSpec(Spec):
    fields: dict[str, Any] | None


class Anything(Kind[AnythingSpec]):
    """A kind whose states are whatever it is told; `c` is secret."""

    name = "anything"
    Spec = AnythingSpec
    secret = frozenset({"c"})

    def query(self, name: str, spec: AnythingSpec) -> Query:
        return {}

    def wanted(self, name: str, spec: AnythingSpec) -> Wanted:
        return Absent() if spec.fields is None else Present(spec.fields)

    def interpret(self, name: str, spec: AnythingSpec, facts: Facts) -> Observed:
        return Absent() if facts["state"] is None else Present(facts["state"])

    def calls(self, name: str, spec: AnythingSpec, action: Action) -> tuple[Call, ...]:
        return ()


KIND = Anything()
KEY = Key("anything", "x")


def resource(fields: dict[str, Any] | None, ignore: tuple[str, ...] = ()) -> Resource:
    return Resource(KEY, AnythingSpec(fields=fields), "edge", Place("x.yaml"), digest(fields), ignore=ignore)


def fact(state: dict[str, Any] | None) -> Fact:
    return Fact("q", {"state": state}, digest(state))


def owned(fields: dict[str, Any] | None) -> Owned:
    """Our record of having asked for this."""
    state = remembered_state(KIND.wanted("x", AnythingSpec(fields=fields)), KIND.secret)
    return Owned(KEY, "edge", True, digest(fields), digest("then"), "r", 1, START, "x.yaml", state=state)


@given(STATES | st.none(), SOME, st.none() | STATES)
def test_a_state_equals_itself(
    state: dict[str, Any] | None, ignore: tuple[str, ...], before: dict[str, Any] | None
) -> None:
    record = None if before is None else owned(before)
    assert isinstance(compare(resource(state, ignore), KIND, fact(state), record), Equal)


@given(STATES, STATES, SOME)
def test_fields_that_differ_are_told_and_no_others(
    wanted: dict[str, Any], there: dict[str, Any], ignore: tuple[str, ...]
) -> None:
    differ = {f for f in wanted if f not in ignore and there.get(f) != wanted[f]}
    match compare(resource(wanted, ignore), KIND, fact(there), None):
        case Equal():
            assert differ == set()
        case Different(action, cause, fields):
            assert (action, cause, {f.path for f in fields}) == ("update", "pending", differ)
            assert [f.path for f in fields] == sorted(differ)
            assert all((f.before, f.after) == (None, None) for f in fields if f.path == "c")
            shown = [f for f in fields if f.path != "c"]
            assert all((f.before, f.after) == (there.get(f.path), wanted[f.path]) for f in shown)


@given(STATES, STATES, STATES)
def test_a_field_drifts_exactly_if_git_asks_for_what_it_asked_for_last(
    last: dict[str, Any], wanted: dict[str, Any], there: dict[str, Any]
) -> None:
    found = compare(resource(wanted), KIND, fact(there), owned(last))
    if isinstance(found, Different):
        for field in found.fields:
            same = field.path in last and digest(last[field.path]) == digest(wanted[field.path])
            assert field.cause == ("drift" if same else "pending")
        assert (found.cause == "drift") == all(field.cause == "drift" for field in found.fields)


@given(STATES | st.none(), st.none() | STATES)
def test_what_is_not_known_is_no_difference(wanted: dict[str, Any] | None, last: dict[str, Any] | None) -> None:
    error = Fact("q", {"error": "permission denied"}, digest("error"))
    assert compare(resource(wanted), KIND, error, owned(last)) == NotKnown("permission denied")
    assert KIND.observe("x", AnythingSpec(fields=wanted), error.facts) == Unknown("permission denied")


@given(STATES)
def test_all_of_something_that_comes_or_goes_is_told(state: dict[str, Any]) -> None:
    created = compare(resource(state), KIND, fact(None), None)
    deleted = compare(resource(None), KIND, fact(state), owned(None))
    assert isinstance(created, Different)
    assert isinstance(deleted, Different)
    assert (created.action, created.cause, [f.path for f in created.fields]) == ("create", "pending", sorted(state))
    assert (deleted.action, deleted.cause, [f.path for f in deleted.fields]) == ("delete", "drift", sorted(state))
    assert {f.cause for f in deleted.fields} <= {"drift"}
    assert all(f.sensitive == (f.path == "c") for f in (*created.fields, *deleted.fields))


TEXTS = st.lists(st.sampled_from(["a", "b", "c"])).map("\n".join) | st.text("ab\n", max_size=12)


@given(TEXTS, TEXTS)
def test_a_text_diff_tells_every_line_that_is_added_or_removed(before: str, after: str) -> None:
    lines = text_diff(before, after)
    assert (lines == ()) == (before == after)
    added = sum(line.startswith("+") for line in lines)
    removed = sum(line.startswith("-") for line in lines)
    assert len(after.splitlines()) - len(before.splitlines()) == added - removed
