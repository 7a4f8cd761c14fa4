"""Observations as one JSON document and back: an export, so that a plan can be made where no host is reached.

Answers that are equal stand in it once, and so do hosts that answered the same. It holds what hosts said, which is
untrusted: nothing in it is more than data.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import islice
from typing import Annotated, Any, Literal

import orjson
from pydantic import ConfigDict, Field

from reconciler.core import exchange, instant
from reconciler.core.plan_format import Form, KeyText
from reconciler.model.digest import digest
from reconciler.model.key import Key
from reconciler.model.observation import Fact, Observation

VERSION = 1
_HINT = "export the observations again"
Moment = Annotated[str, Field(description="RFC 3339, UTC, with a Z.")]
# Without this a schema lets other names pass beside those of the pattern.
ByKey = Annotated[dict[KeyText, str], Field(json_schema_extra={"additionalProperties": False})]


class FactForm(Form):
    """One answer of a host: the digest of the question, the answer, and its digest on the host."""

    query: str
    facts: dict[str, Any]
    digest: str


class HostForm(Form):
    """When a host was asked, who answered, and (by reference) what it said."""

    observed_at: Moment | None
    asked_at: Moment
    identity: str
    fingerprint: str
    unreachable: str
    answers: str = Field(description="Which of the sets of answers it gave.")
    since: ByKey = Field(description="When facts were first seen as they are: RFC 3339, UTC, with a Z.")


class ObservationsForm(Form):
    """What the hosts of a fleet said when they were last asked."""

    model_config = ConfigDict(extra="forbid", frozen=True, title="Observations")

    format_version: Literal[1]
    facts: dict[str, FactForm] = Field(description="Each distinct answer once, by digest.")
    answers: dict[str, ByKey] = Field(description="Each distinct set of answers: resource to fact.")
    hosts: dict[str, HostForm]


def observation_document(observations: Iterable[Observation]) -> dict[str, Any]:
    """The observations as plain JSON; the same for every order in which they come."""
    facts: dict[str, dict[str, Any]] = {}
    answers: dict[str, dict[str, str]] = {}
    hosts: dict[str, dict[str, Any]] = {}
    for seen in sorted(observations, key=lambda o: o.host):
        told = {str(key): _intern(facts, _fact(seen.facts[key])) for key in sorted(seen.facts)}
        hosts[seen.host] = {
            "observed_at": None if seen.observed_at is None else instant.to_text(seen.observed_at),
            "asked_at": instant.to_text(seen.asked_at),
            "identity": seen.identity,
            "fingerprint": seen.fingerprint,
            "unreachable": seen.unreachable,
            "answers": _intern(answers, told),
            "since": {str(key): instant.to_text(seen.since[key]) for key in sorted(seen.since)},
        }
    return {"format_version": VERSION, "facts": facts, "answers": answers, "hosts": hosts}


def observations_from_document(document: Mapping[str, Any]) -> dict[str, Observation]:
    """The observations by host in a document that `check_observations` has nothing against.

    Equal facts are one object, and hosts that said the same share one mapping.
    """
    facts = {name: Fact(f["query"], f["facts"], f["digest"]) for name, f in document["facts"].items()}
    answers = {
        name: {Key.parse(key): facts[fact] for key, fact in told.items()} for name, told in document["answers"].items()
    }
    return {
        host: Observation(
            host=host,
            observed_at=None if seen["observed_at"] is None else instant.from_text(seen["observed_at"]),
            asked_at=instant.from_text(seen["asked_at"]),
            identity=seen["identity"],
            fingerprint=seen["fingerprint"],
            facts=answers[seen["answers"]],
            since={Key.parse(key): instant.from_text(at) for key, at in seen["since"].items()},
            unreachable=seen["unreachable"],
        )
        for host, seen in document["hosts"].items()
    }


@cache
def observation_schema() -> dict[str, Any]:
    """The JSON Schema of an observations document."""
    return exchange.schema_of(ObservationsForm)


def check_observations(document: Any) -> list[str]:
    """What is wrong with an observations document, in words; nothing for a good one."""
    return exchange.violations(observation_schema(), document) or list(
        islice(_contradictions(document), exchange.MOST_ERRORS)
    )


def read_observations(data: bytes) -> dict[str, Observation]:
    """The observations in a file, by host. Raises Stalled when it is not such a document."""
    form = exchange.Format("document of observations", VERSION, check_observations, _HINT)
    return observations_from_document(exchange.load(data, form))


def observation_bytes(observations: Iterable[Observation]) -> bytes:
    """The document as it is written to a file."""
    return orjson.dumps(observation_document(observations))


def _intern(table: dict[str, Any], value: Any) -> str:
    name = digest(value)
    table[name] = value
    return name


def _fact(fact: Fact) -> dict[str, Any]:
    return {"query": fact.query, "facts": fact.facts, "digest": fact.facts_digest}


def _contradictions(document: Mapping[str, Any]) -> Iterator[str]:
    for name, told in document["answers"].items():
        if not document["facts"].keys() >= set(told.values()):
            yield f"answers/{exchange.shown(name)}: names a fact that is not in the document"
    for host, seen in document["hosts"].items():
        if seen["answers"] not in document["answers"]:
            yield f"hosts/{exchange.shown(host)}/answers: names a set of answers that is not in the document"
        moments = [seen["asked_at"], seen["observed_at"], *seen["since"].values()]
        if not all(text is None or _is_moment(text) for text in moments):
            yield f"hosts/{exchange.shown(host)}: has a time that is not written as 2026-11-23T10:02:11Z"


def _is_moment(text: str) -> bool:
    try:
        instant.from_text(text)
    except ValueError:
        return False
    return True
