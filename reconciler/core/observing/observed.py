"""Turns what hosts reply into observations. Equal answers become one object, so that they are compared once.

Knows replies and clocks' readings as values; knows nothing of kinds or of what is desired.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from reconciler.model.delivery import Payload, Reply
from reconciler.model.digest import digest
from reconciler.model.key import Key
from reconciler.model.observation import Fact, Facts, Observation, Query

Answers = Mapping[Key, Fact]


@dataclass(slots=True)
class Interned:
    """Every distinct fact, and every distinct set of them, once."""

    facts: dict[tuple[str, str], Fact] = field(default_factory=dict)
    answers: dict[str, Answers] = field(default_factory=dict)
    queries: dict[int, tuple[Query, str]] = field(default_factory=dict)

    @classmethod
    def of(cls, observations: Iterable[Observation]) -> Interned:
        """What is known already, so that unchanged answers stay the objects that they are."""
        interned = cls()
        for observation in observations:
            if observation.fingerprint:
                interned.answers.setdefault(observation.fingerprint, observation.facts)
        for answers in interned.answers.values():
            for fact in answers.values():
                interned.facts.setdefault((fact.query, fact.facts_digest), fact)
        return interned

    def fact(self, query: Query, facts: Facts) -> Fact:
        # Payloads share their queries: a digest for each object is enough; holding the object keeps its id its own.
        if id(query) not in self.queries:
            self.queries[id(query)] = (query, digest(query))
        asked, answer = self.queries[id(query)][1], digest(facts)
        return self.facts.setdefault((asked, answer), Fact(asked, facts, answer))

    def together(self, facts: Answers) -> tuple[str, Answers]:
        """The fingerprint of a host's facts, and the one object for them."""
        fingerprint = digest([[*key, fact.query, fact.facts_digest] for key, fact in sorted(facts.items())])
        return fingerprint, self.answers.setdefault(fingerprint, facts)


@dataclass(frozen=True, slots=True)
class Reading:
    """A host's reply, the payload that it answers, what was known before, and when it came."""

    reply: Reply
    payload: Payload
    previous: Observation | None
    at: datetime


def observed(reading: Reading, interned: Interned) -> Observation:
    """The observation after a payload that only asked: the answers replace what was known."""
    reply, previous = reading.reply, reading.previous
    if reply.status == "done":
        return _merged(reading, interned)
    reason = reply.reason or reply.status
    if previous is None:
        return Observation(reply.host, None, reading.at, unreachable=reason)
    return replace(previous, asked_at=reading.at, unreachable=reason)


def after_changes(reading: Reading, interned: Interned) -> Observation | None:
    """The observation after a payload that changed things, None when the host said nothing.

    What the host answers is put beside what was known of the rest. Facts of what we changed ourselves are not
    news; facts of anything else that differ are (a stale host).
    """
    if reading.reply.status == "unreachable":
        return observed(reading, interned)
    if not reading.reply.facts:
        return None
    ours = {o.key for o in reading.reply.outcomes if o.result in ("changed", "ok", "failed")}
    return _merged(reading, interned, ours, reading.previous.facts if reading.previous else {})


def _merged(
    reading: Reading, interned: Interned, ours: Collection[Key] = (), rest: Answers | None = None
) -> Observation:
    reply, previous, at = reading.reply, reading.previous, reading.at
    answers = {key: interned.fact(reading.payload.queries[key], facts) for key, facts in reply.facts.items()}
    since = _since(previous, answers, ours, at)
    fingerprint, facts = interned.together({**(rest or {}), **answers})
    # An answer to a part of the questions doesn't make the rest any younger.
    observed_at = previous.observed_at if rest and previous else at
    return Observation(
        host=reply.host,
        observed_at=observed_at or at,
        asked_at=at,
        identity=reply.identity,
        fingerprint=fingerprint,
        facts=facts,
        since={key: time for key, time in since.items() if key in facts},
    )


def _since(previous: Observation | None, answers: Answers, ours: Collection[Key], at: datetime) -> dict[Key, datetime]:
    if previous is None:
        return {}
    since = dict(previous.since)
    for key, fact in answers.items():
        before = previous.facts.get(key)
        if before is None or before.query != fact.query or key in ours:
            since.pop(key, None)
        elif before.facts_digest != fact.facts_digest:
            since[key] = at
    return since
