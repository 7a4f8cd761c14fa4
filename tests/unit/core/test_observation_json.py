"""The export of observations: exact both ways, equal answers once, and refused with a reason."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from jsonschema import Draft202012Validator

from reconciler.core.observing.observation_json import (
    check_observations,
    observation_bytes,
    observation_document,
    observation_schema,
    read_observations,
)
from reconciler.model.errors import Stalled
from reconciler.model.key import Key
from reconciler.model.observation import Fact, Observation

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
MOTD = Key("file", "/etc/motd")
NGINX = Key("package", "nginx")


def seen(host: str, **more) -> Observation:
    facts = {
        MOTD: Fact("q1", {"exists": True, "text": "\x00 hello"}, "f1"),
        NGINX: Fact("q2", {"error": "no apt"}, "f2"),
    }
    values = {"observed_at": NOW, "asked_at": NOW, "identity": "m1", "fingerprint": "fp", "facts": facts, **more}
    return Observation(host=host, **values)


def plain(seen: Observation):
    facts = {k: (f.query, f.facts, f.facts_digest) for k, f in seen.facts.items()}
    return (seen.host, seen.observed_at, seen.asked_at, seen.identity, seen.fingerprint, facts, seen.since,
            seen.unreachable)  # fmt: skip


FLEET = [
    seen("b", since={MOTD: NOW - timedelta(hours=1)}),
    seen("a"),
    seen("never", observed_at=None, facts={}, fingerprint="", unreachable="ssh: timed out"),
]


def test_observations_come_back_exactly():
    back = read_observations(observation_bytes(FLEET))
    assert {name: plain(o) for name, o in back.items()} == {o.host: plain(o) for o in FLEET}


def test_what_is_equal_is_written_once_and_is_one_object_again():
    document = observation_document(seen(f"h{n}") for n in range(50))
    assert (len(document["facts"]), len(document["answers"]), len(document["hosts"])) == (2, 1, 50)
    back = read_observations(json.dumps(document).encode())
    assert len({id(o.facts) for o in back.values()}) == 1


def test_the_order_of_hosts_does_not_matter():
    assert observation_bytes(FLEET) == observation_bytes(reversed(FLEET))


def test_the_schema_accepts_what_we_write():
    Draft202012Validator.check_schema(observation_schema())
    assert check_observations(observation_document(FLEET)) == []


def test_facts_that_differ_but_claim_one_digest_stay_apart():
    liar = seen("liar", facts={MOTD: Fact("q1", {"exists": False}, "f1")})
    back = read_observations(observation_bytes([seen("a"), liar]))
    assert back["a"].facts[MOTD].facts["exists"] is True
    assert back["liar"].facts[MOTD].facts["exists"] is False


def edit(change) -> bytes:
    document = json.loads(observation_bytes(FLEET))
    change(document)
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"{", "not JSON"),
        (b'{"format_version": 9}', "format_version 9"),
        (edit(lambda d: d["facts"].clear()), "names a fact that is not in the document"),
        (edit(lambda d: d["answers"].clear()), "names a set of answers that is not in the document"),
        (edit(lambda d: d["hosts"]["a"].update(asked_at="noon")), "hosts/a: has a time"),
        (edit(lambda d: d["hosts"]["a"].update(observed_at="")), "hosts/a: has a time"),
        (edit(lambda d: d["hosts"]["a"].update(since={"motd": "2026-01-01T00:00:00Z"})), "'motd' does not match"),
        (edit(lambda d: d["hosts"]["a"].pop("identity")), "'identity' is a required property"),
    ],
)
def test_a_file_that_is_no_such_document_is_refused(data, says):
    with pytest.raises(Stalled) as stalled:
        read_observations(data)
    assert says in stalled.value.message
