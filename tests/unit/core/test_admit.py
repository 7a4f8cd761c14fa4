"""Which hosts from outside of Git are usable, and what is said of the others."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.core.inventories.admit import MOST, Entry, Unfit, admit
from reconciler.model.inventory import Admitted


def admitted(*entries: Entry | Unfit, allow_local: bool = False) -> Admitted:
    return admit(entries, "src", allow_local=allow_local)


def test_a_host_is_as_its_document_would_be() -> None:
    found = admitted(
        Entry("b.example.com", {"role": "web"}, "192.0.2.1", 2222, "ops", "ssh", True, vars={"a": [1, {"b": True}]}),
        Entry("a"),
    )
    assert list(found.hosts) == ["a", "b.example.com"]
    assert (found.left_out, found.problems) == (0, ())
    host = found.hosts["b.example.com"]
    assert (host.address, host.port, host.user, host.connection, host.become) == ("192.0.2.1", 2222, "ops", "ssh", True)
    assert (host.labels, host.vars, str(host.place)) == ({"role": "web"}, {"a": [1, {"b": True}]}, "inventory:src")
    assert found.hosts["a"].address == "a"


def test_equal_labels_and_vars_are_one_object() -> None:
    hosts = admitted(*(Entry(f"h{i}", {"a": "1", "b": str(i % 2)}, vars={"x": [i % 3]}) for i in range(60))).hosts
    assert len({id(host.labels) for host in hosts.values()}) == 2
    assert len({id(host.vars) for host in hosts.values()}) == 3


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (Entry("Web_1"), "bad-name"),
        (Entry(""), "bad-name"),
        (Entry(7), "wrong-type"),
        (Entry("a", address="{{ lookup('pipe', 'id') }}"), "bad-address"),
        (Entry("a", address="-oProxyCommand=id"), "bad-address"),
        (Entry("a", address=["x"]), "wrong-type"),
        (Entry("a", port=0), "out-of-range"),
        (Entry("a", port="22; id"), "out-of-range"),
        (Entry("a", port=True), "out-of-range"),
        (Entry("a", user="-x"), "bad-user"),
        (Entry("a", become="{{ x }}"), "wrong-type"),
        (Entry("a", connection="winrm"), "bad-choice"),
        (Entry("a", connection="local"), "local-not-allowed"),
        (Entry("a", root="/srv"), "root-without-local"),
        (Entry("a", labels=["x"]), "wrong-type"),
        (Entry("a", labels={"role": 1}), "wrong-type"),
        (Entry("a", labels={"role": "eu west"}), "bad-label"),
        (Entry("a", labels={"a b": "x"}), "bad-label"),
        (Entry("a", vars="x"), "wrong-type"),
        (Entry("a", vars={"x": "{{ lookup('pipe', 'id') }}"}), "template-in-vars"),
        (Entry("a", vars={"x": [{"{% x %}": 1}]}), "bad-name"),
        (Entry("a", vars={"x": {"ansible_become": True}}), "ansible-key"),
        (Entry("a", vars={"x": None}), "null-value"),
        (Entry("a", vars={"x": 2**70}), "wrong-type"),
        (Entry("a", vars={"x": "y" * 70_000}), "too-large"),
        (Unfit("a", "ambiguous-label", "two"), "ambiguous-label"),
    ],
)
def test_a_host_with_anything_wrong_is_left_out_whole(entry: Entry | Unfit, reason: str) -> None:
    found = admitted(entry, Entry("fine"))
    assert [problem.reason for problem in found.problems] == [reason]
    assert (list(found.hosts), found.left_out) == (["fine"], 1)
    assert str(found.problems[0].place) == "inventory:src"


def test_deep_vars_are_refused_and_not_followed() -> None:
    deep: Any = 1
    for _ in range(5000):
        deep = [deep]
    assert [p.reason for p in admitted(Entry("a", vars={"x": deep})).problems] == ["too-deep"]


def test_a_local_host_needs_the_operators_word() -> None:
    found = admitted(Entry("me", connection="local", root="/srv/x"), allow_local=True)
    assert (found.hosts["me"].connection, found.hosts["me"].root, found.problems) == ("local", "/srv/x", ())


def test_a_host_that_is_listed_twice_is_not_used_at_all() -> None:
    found = admitted(Entry("a", address="192.0.2.1"), Entry("b"), Entry("a", address="192.0.2.2"), Entry("a"))
    assert list(found.hosts) == ["b"]
    assert {problem.reason for problem in found.problems} == {"duplicate-name"}


def test_many_problems_are_counted() -> None:
    found = admitted(*(Entry(f"H{i}") for i in range(MOST + 30)))
    assert (found.left_out, len(found.problems)) == (MOST + 30, MOST + 1)
    assert found.problems[-1].message == "30 more problems of hosts are not shown"


def test_messages_hold_nothing_that_a_terminal_acts_on() -> None:
    found = admitted(Entry("a\x1b[2J"), Entry("b", vars={"x": "{{\x1b]0;x"}))
    assert all(problem.message.isprintable() for problem in found.problems)
