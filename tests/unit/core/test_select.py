"""Selectors mean what they mean in Kubernetes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.linking.select import LabelIndex
from reconciler.model.desired import Host
from reconciler.model.document import Expression, Selector
from reconciler.model.key import Place

HOSTS = {
    "a": {"role": "web", "env": "prod"},
    "b": {"role": "web", "env": "dev"},
    "c": {"role": "db", "env": "prod"},
    "d": {"role": ""},
    "e": {},
}


def index(labels: dict[str, dict[str, str]]) -> LabelIndex:
    return LabelIndex({name: Host(name, Place("h.yaml"), labels=labels[name]) for name in sorted(labels)})


@pytest.mark.parametrize(
    ("labels", "expressions", "names"),
    [
        ({"role": "web"}, (), "ab"),
        ({"role": "web", "env": "prod"}, (), "a"),
        ({"role": ""}, (), "d"),
        ({"role": "none"}, (), ""),
        ({}, (), ""),
        ({}, (Expression("role", "In", ("web", "db")),), "abc"),
        ({}, (Expression("role", "In", ("none",)),), ""),
        ({}, (Expression("role", "NotIn", ("web",)),), "cde"),
        ({}, (Expression("role", "Exists"),), "abcd"),
        ({}, (Expression("role", "DoesNotExist"),), "e"),
        ({}, (Expression("none", "DoesNotExist"),), "abcde"),
        ({"env": "prod"}, (Expression("role", "NotIn", ("web",)),), "c"),
        ({}, (Expression("role", "In", ("web",)), Expression("env", "NotIn", ("dev",))), "a"),
    ],
)  # fmt: skip
def test_meaning(labels: dict[str, str], expressions: tuple[Expression, ...], names: str) -> None:
    for order in (HOSTS, dict(reversed(HOSTS.items()))):
        assert "".join(index(order).select(Selector(labels, expressions))) == names


def test_no_hosts() -> None:
    assert index({}).select(Selector({"a": "b"})) == ()
    assert index({}).select(Selector({}, (Expression("a", "DoesNotExist"),))) == ()


LABELS = st.dictionaries(st.sampled_from("xyz"), st.sampled_from("123"))
EXPRESSIONS = st.builds(
    Expression,
    st.sampled_from("xyz"),
    st.sampled_from(["In", "NotIn", "Exists", "DoesNotExist"]),
    st.lists(st.sampled_from("123"), max_size=2).map(tuple),
)


def _matches(own: dict[str, str], expression: Expression) -> bool:
    match expression.operator:
        case "In":
            return own.get(expression.key) in expression.values
        case "NotIn":
            return own.get(expression.key) not in expression.values
        case "Exists":
            return expression.key in own
        case "DoesNotExist":
            return expression.key not in own


@given(st.lists(LABELS, max_size=20), LABELS, st.lists(EXPRESSIONS, max_size=3))
def test_the_index_says_what_looking_at_each_host_says(
    hosts: list[dict[str, str]], labels: dict[str, str], expressions: list[Expression]
) -> None:
    named = {f"h{i:02}": own for i, own in enumerate(hosts)}
    wanted = [
        name
        for name, own in named.items()
        if (labels or expressions) and labels.items() <= own.items() and all(_matches(own, e) for e in expressions)
    ]
    assert list(index(named).select(Selector(labels, tuple(expressions)))) == wanted
