"""A payload as the JSON that a host's driver reads."""

from __future__ import annotations

import json

import pytest

from reconciler.adapters.ansible import request
from reconciler.model.delivery import Call, Payload, Work
from reconciler.model.key import Key


def KEY() -> bytes:
    return b"k" * 32


def _payload(*calls: Call) -> Payload:
    work = Work(Key("file", "/etc/x"), {"probe": "path", "path": "/etc/x"}, "d1", calls, sensitive=True)
    return Payload({Key("file", "/etc/y"): {"probe": "path", "path": "/etc/y"}}, (work,))


def test_document_has_order_and_no_keys():
    call = Call(
        "ansible.builtin.copy", {"dest": "/etc/x", "mode": "0600"}, ("dest",), {"src": b"\x00secret"}, needs="cp"
    )
    assert json.loads(request.document(_payload(call), KEY)) == {
        "queries": [{"probe": "path", "path": "/etc/y"}],
        "works": [
            {
                "query": {"probe": "path", "path": "/etc/x"},
                "expect": "d1",
                "sensitive": True,
                "calls": [
                    {
                        "module": "ansible.builtin.copy",
                        "args": {"dest": "/etc/x", "mode": "0600"},
                        "paths": ["dest"],
                        "files": {"src": "AHNlY3JldA=="},
                        "needs": "cp",
                    }
                ],
            }
        ],
    }


def test_modules_are_named_once():
    calls = [Call(name, {}) for name in ("ansible.builtin.file", "ansible.builtin.copy", "ansible.builtin.file")]
    assert request.modules(_payload(*calls)) == ["ansible.builtin.copy", "ansible.builtin.file"]
    assert request.modules(Payload()) == []


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (Call("copy", {}), "full name"),
        (Call("ansible.builtin.../../x", {}), "full name"),
        (Call("ansible.builtin.copy; id", {}), "full name"),
        (Call("ansible.builtin.copy", {"_ansible_check_mode": True}), "Ansible's own"),
        (Call("ansible.builtin.copy", {"a": [{"__ansible_type": "X"}]}), "Ansible's own"),
        (Call("ansible.builtin.copy", {"a": {1, 2}}), "plain JSON"),
    ],
)
def test_what_may_not_reach_ansible_is_refused(call, says):
    with pytest.raises(request.Unsendable, match=says):
        request.document(_payload(call), KEY)


def test_each_keyed_question_gets_a_key_of_its_own():
    """Hosts never get ours, and what is not asked for a keyed digest gets none."""
    keyed = {"probe": "path", "path": "/etc/x", "keyed": True}
    queries = {Key("file", "/etc/x"): keyed, Key("file", "/etc/y"): {**keyed, "path": "/etc/y"}}
    work = Work(Key("file", "/etc/x"), keyed, "d1", ())
    plain = Payload({Key("file", "/etc/z"): {"probe": "path", "path": "/etc/z"}})
    sent = json.loads(request.document(Payload(queries, (work,)), KEY))
    first, second = (query["key"] for query in sent["queries"])
    assert sent["works"][0]["query"]["key"] == first != second
    assert KEY().hex() not in (first, second)
    assert "key" not in json.loads(request.document(plain, KEY))["queries"][0]
    assert "key" not in keyed
