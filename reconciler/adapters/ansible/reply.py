"""Reads what a host answered, as the untrusted text that it is, into a Reply. Pure.

A host can only answer what it was asked: facts and outcomes come back in the order of the request, without keys.
"""

from __future__ import annotations

import contextlib
from typing import Any

import orjson

from reconciler.adapters.ansible import reasons
from reconciler.adapters.ansible.reasons import Reached
from reconciler.adapters.ansible.settings import SshSettings
from reconciler.model.delivery import Delivery, Outcome, Reply, Result, Work
from reconciler.model.observation import Facts

LARGEST = 8 * 1024 * 1024
DEPTH = 64
_WHOLE = 2**63 - 1
_MESSAGE = 4000
_RESULTS: dict[str, Result] = {
    "changed": "changed",
    "ok": "ok",
    "failed": "failed",
    "stale": "stale",
    "skipped": "skipped",
}


_DONE = ("changed", "ok", "failed")


class Malformed(Exception):
    """The answer is not what a driver sends."""


def from_record(record: bytes, delivery: Delivery, settings: SshSettings) -> Reply | None:
    """What an action plugin wrote down about one host; None when it has to go another way. Never raises."""
    host = delivery.host
    found = orjson.loads(record)
    match found["kind"]:
        case "reply":
            return from_host(found["reply"], delivery)
        case "skipped":
            return Reply(host.name, "skipped", "not begun: the run was stopped")
        case "unfit":
            return undone(delivery, reasons.shown(found["reason"]))
        case "unable" if settings.carrier == "auto":
            return None
        case "unable":
            return Reply(host.name, "unreachable", f"the fan-out carrier can't be used: {found['reason']}")
        case _:
            return _broken(found, delivery, settings)


def undone(delivery: Delivery, reason: str) -> Reply:
    """The host could not be given its works, through no fault of its own: the first fails, the others are skipped."""
    works = delivery.payload.works
    outcomes = tuple(
        Outcome(work.key, "skipped" if number else "failed", "" if number else reason)
        for number, work in enumerate(works)
    )
    return Reply(delivery.host.name, "failed", reason, outcomes=outcomes)


def _broken(found: dict[str, Any], delivery: Delivery, settings: SshSettings) -> Reply:
    reached = Reached(delivery.host.address or delivery.host.name, delivery.host.user or settings.user or "(default)")
    reason = None
    if not found["begun"]:
        reason = reasons.no_python(found["rc"], settings) or reasons.before(found["error"], reached, settings)
        if not found.get("sent", True):  # one carrier knows for certain
            reason = reason or reasons.last_line(found["error"]) or "ssh: the host gave no reason"
    if reason:
        return Reply(delivery.host.name, "unreachable", reason)
    outcomes: list[Outcome] = []
    for text in found.get("told", ()):
        outcomes += told(text, delivery, len(outcomes))
    return Reply(delivery.host.name, "lost", reasons.after(found["error"], reached, settings), outcomes=tuple(outcomes))


def told(text: str, delivery: Delivery, before: int) -> list[Outcome]:
    """The outcomes that a host told in one message while it was at work, after so many others.

    Works are done one after the other: what is out of order, or not what a driver sends, ends it.
    """
    works = delivery.payload.works[before:]
    outcomes: list[Outcome] = []
    with contextlib.suppress(ValueError, Malformed):
        found = orjson.loads(text)
        for work, item in zip(works, found if isinstance(found, list) else (), strict=False):
            number, *outcome = _list(item, 4)
            if number != before + len(outcomes) or outcome[0] not in _DONE:
                break
            outcomes.append(_outcome(work, outcome))
    return outcomes


def from_host(text: str, delivery: Delivery) -> Reply:
    """The driver's own reply. What is not well formed counts as lost when there were works, else as failed."""
    try:
        return _read(text, delivery)
    except Malformed as error:
        works = delivery.payload.works
        return Reply(delivery.host.name, "lost" if works else "failed", f"the host's answer can't be used: {error}")


def _read(text: str, delivery: Delivery) -> Reply:
    if len(text) > LARGEST + 1024:
        raise Malformed(f"it is larger than {LARGEST // 1024 // 1024} MiB")
    try:
        reply = orjson.loads(text)
    except ValueError as error:
        raise Malformed("it is not JSON") from error
    if not isinstance(reply, dict):
        raise Malformed("it is not an object")
    name, reason = delivery.host.name, _text(reply.get("reason", ""))
    match reply.get("status"):
        case "refused":
            return Reply(name, "refused", reason or "refused without a reason")
        case "broken":
            raise Malformed(reason)
        case "done" | "failed" | "stale" as status:
            return _answered(reply, status, delivery)
        case _:
            raise Malformed("its status is none that there is")


def _answered(reply: dict[str, Any], status: str, delivery: Delivery) -> Reply:
    keys = tuple(delivery.payload.queries)
    facts = _list(reply.get("facts"), len(keys))
    outcomes = _outcomes(reply.get("outcomes"), delivery)
    identity = _text(reply.get("identity", ""))[:200]
    answered = {key: _facts(value) for key, value in zip(keys, facts, strict=True)}
    seen = _epoch(reply.get("seen", 0))
    results = {outcome.result for outcome in outcomes}
    name, rest = delivery.host.name, (identity, answered, outcomes, seen)
    if status == "stale" and "stale" in results and not results & {"changed", "ok", "failed"}:
        changed = ", ".join(str(o.key) for o in outcomes if o.result == "stale")
        return Reply(
            delivery.host.name, "stale", f"not as planned any more: {changed}", identity, answered, outcomes, seen
        )
    if status == "failed" and "failed" in results and "stale" not in results:
        first = next(o for o in outcomes if o.result == "failed")
        return Reply(name, "failed", f"{first.key}: {first.message}", *rest)
    if status == "done" and results <= {"changed", "ok"}:
        return Reply(name, "done", "", *rest)
    raise Malformed("its status contradicts its outcomes")


def _outcomes(given: Any, delivery: Delivery) -> tuple[Outcome, ...]:
    works = delivery.payload.works
    return tuple(_outcome(work, item) for work, item in zip(works, _list(given, len(works)), strict=True))


def _outcome(work: Work, item: Any) -> Outcome:
    result, message, milliseconds = _list(item, 3)
    if not isinstance(result, str) or result not in _RESULTS:
        raise Malformed("an outcome's result is none that there is")
    if not isinstance(milliseconds, int) or not 0 <= milliseconds < 10**9:
        raise Malformed("an outcome's time is not a number of milliseconds")
    return Outcome(work.key, _RESULTS[result], _text(message)[:_MESSAGE], milliseconds / 1000)


def _facts(value: Any) -> Facts:
    if not isinstance(value, dict):
        raise Malformed("an answer is not an object")
    _plain(value, 0)
    return value


def _plain(value: Any, depth: int) -> None:
    """Raises Malformed unless facts are what digests can be made of: no floats, numbers of 64 bits, not too deep."""
    if isinstance(value, float):
        raise Malformed("a fact is a number with a fraction")
    if isinstance(value, int) and not -_WHOLE <= value <= _WHOLE:
        raise Malformed("a fact is a number beyond 64 bits")
    if isinstance(value, dict | list):
        if depth >= DEPTH:
            raise Malformed(f"facts are nested more than {DEPTH} deep")
        for below in value.values() if isinstance(value, dict) else value:
            _plain(below, depth + 1)


def _epoch(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= _WHOLE:
        raise Malformed("the epoch that it has seen is no number")
    return value


def _list(value: Any, length: int) -> list[Any]:
    if not isinstance(value, list) or len(value) != length:
        raise Malformed(f"it has not the {length} entries that were asked for")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise Malformed("a text is missing")
    return reasons.shown(value)
