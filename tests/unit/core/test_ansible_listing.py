"""Labels, connections and vars of what ansible-inventory lists."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.core.inventories.admit import Entry, Unfit
from reconciler.core.inventories.ansible_listing import Mapped, entries, label_rule
from reconciler.model.errors import Stalled


def listing(groups: dict[str, Any] | None = None, **hostvars: Any) -> dict[str, Any]:
    return {"_meta": {"hostvars": hostvars}, **(groups or {})}


def mapped(**labels: str) -> Mapped:
    return Mapped({key: label_rule(text) for key, text in labels.items()})


def only(given: Any, rules: Mapped | None = None) -> Entry:
    (entry,) = entries(given, rules or Mapped())
    assert isinstance(entry, Entry)
    return entry


def unfit(given: Any, rules: Mapped | None = None) -> str:
    (entry,) = entries(given, rules or Mapped())
    assert isinstance(entry, Unfit)
    return entry.reason


def test_labels_come_from_groups_variables_and_the_operator() -> None:
    groups = {
        "all": {"children": ["role_web", "emea"]},
        "emea": {"children": ["site_lon"]},
        "site_lon": {"hosts": ["a"]},
        "role_web": {"hosts": ["a"]},
        "role_": {"hosts": ["a"]},
    }
    rules = mapped(role="groups:role_*", site="groups:site_*", env="hostvars:tags.env", n="hostvars:n", by="value:x")
    entry = only(listing(groups, a={"tags": {"env": "prod"}, "n": 3}), rules)
    assert entry.labels == {"role": "web", "site": "lon", "env": "prod", "n": "3", "by": "x"}


def test_a_parent_group_labels_the_hosts_of_its_children_and_circles_end() -> None:
    groups = {"role_db": {"children": ["x"]}, "x": {"children": ["y"]}, "y": {"hosts": ["a"], "children": ["x"]}}
    assert only(listing(groups), mapped(role="groups:role_*")).labels == {"role": "db"}


def test_what_is_not_there_gives_no_label() -> None:
    rules = mapped(role="groups:role_*", site="hostvars:a.b.c", null="hostvars:null")
    assert only(listing(a={"a": "text", "null": None}), rules).labels == {}


def test_a_variable_whose_name_has_a_dot_is_found() -> None:
    assert only(listing(a={"x.y": True}), mapped(l="hostvars:x.y")).labels == {"l": "true"}


def test_two_values_for_a_label_are_none() -> None:
    groups = {"role_web": {"hosts": ["a"]}, "role_db": {"hosts": ["a"]}}
    assert unfit(listing(groups), mapped(role="groups:role_*")) == "ambiguous-label"


@pytest.mark.parametrize("value", [["x"], {"a": 1}, 1.5])
def test_only_plain_values_are_labels(value: Any) -> None:
    assert unfit(listing(a={"v": value}), mapped(l="hostvars:v")) == "bad-label"


def test_connection_settings_are_an_allow_list() -> None:
    entry = only(
        listing(
            a={
                "ansible_host": "192.0.2.1",
                "ansible_port": "2222",
                "ansible_user": "ops",
                "ansible_become": "yes",
                "ansible_connection": "smart",
                "ansible_ssh_common_args": "-oProxyCommand=id",
                "ansible_python_interpreter": "/tmp/evil",
                "ansible_become_method": "sudo",
            }
        )
    )
    assert entry == Entry("a", {}, "192.0.2.1", 2222, "ops", "ssh", True)


def test_the_operators_defaults_are_for_hosts_that_say_nothing() -> None:
    rules = Mapped(user="ops", become=True)
    silent, loud = entries(listing(a={"x": 1}, b={"ansible_user": "root", "ansible_become": False}), rules)
    assert (silent.user, silent.become) == ("ops", True)
    assert (loud.user, loud.become) == ("root", False)


def test_the_older_names_of_settings_count_too() -> None:
    entry = only(listing(a={"ansible_ssh_host": "192.0.2.9", "ansible_ssh_port": 23, "ansible_ssh_user": "x"}))
    assert (entry.address, entry.port, entry.user) == ("192.0.2.9", 23, "x")


@pytest.mark.parametrize("setting", ["ansible_become_method", "ansible_become_user"])
def test_what_we_would_do_in_another_way_is_refused(setting: str) -> None:
    assert unfit(listing(a={setting: "other"})) == "bad-choice"


def test_only_named_variables_become_vars() -> None:
    rules = Mapped(vars=("ntp", "gone"), vars_from="ours")
    entry = only(listing(a={"ntp": "192.0.2.1", "secret": "s", "ours": {"port": 80, "ntp": "x"}}), rules)
    assert entry.vars == {"port": 80, "ntp": "192.0.2.1"}
    assert unfit(listing(a={"ours": "text"}), rules) == "wrong-type"


@pytest.mark.parametrize("given", [None, [], {}, {"_meta": []}, {"_meta": {"hostvars": []}}, "text"])
def test_something_else_is_no_inventory(given: Any) -> None:
    with pytest.raises(Stalled, match="no inventory"):
        list(entries(given, Mapped()))


@pytest.mark.parametrize("text", ["role", "groups:role", "groups:*_*", "hostvars:", "value:", "facts:x", ""])
def test_rules_are_checked(text: str) -> None:
    with pytest.raises(ValueError, match="groups:role_"):
        label_rule(text)
