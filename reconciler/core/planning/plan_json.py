"""The plan as a JSON document and back, exactly; its digest, its schema, and the check of a plan from a file.

The document's digest covers everything else in it. It tells a plan that was altered by mistake from the one that was
reviewed; it is no signature.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from graphlib import CycleError, TopologicalSorter
from itertools import islice
from typing import Any

import orjson

from reconciler.core import exchange, instant
from reconciler.core.parsing.rollout_json import batch_fields, batch_from, terms_fields, terms_from
from reconciler.model.digest import digest
from reconciler.model.errors import Stalled
from reconciler.model.key import Key
from reconciler.model.plan import Blocked, Change, FieldChange, Plan, Program, Release, Step, Summary

VERSION = 1
_HINT = "make a new one: reconciler plan --out plan.json"


def plan_document(plan: Plan) -> dict[str, Any]:
    """The plan as plain JSON, in the order in which people read it. `digest` is the plan's own, unchecked."""
    content = _content(plan)
    for part in ("machines", "rollouts", "programs"):
        content[part] = {name: content[part][name] for name in sorted(content[part])}
    return {**content, "digest": plan.digest}


def _content(plan: Plan) -> dict[str, Any]:
    """All that the digest covers. Names stand in any order, since the digest has them in its own."""
    return {
        "format_version": VERSION,
        "revision": plan.revision,
        "observed_at": None if plan.observed_at is None else instant.to_text(plan.observed_at),
        "fingerprint": plan.fingerprint,
        "fleet": plan.fleet,
        "managed": plan.managed,
        "incomplete": plan.incomplete,
        "machines": plan.machines,
        "summary": {name: getattr(plan.summary, name) for name in Summary.__slots__},
        "rollouts": {name: terms_fields(terms) for name, terms in plan.rollouts.items()},
        "steps": [_step(step) for step in plan.steps],
        "programs": {name: _program(program) for name, program in plan.programs.items()},
        "blocked": [_blocked(blocked) for blocked in plan.blocked],
        "released": [_release(release) for release in plan.releases],
    }


def plan_from_document(document: Mapping[str, Any]) -> Plan:
    """The plan in a document that `check_plan` has nothing against."""
    observed_at = document["observed_at"]
    return Plan(
        revision=document["revision"],
        fingerprint=document["fingerprint"],
        observed_at=None if observed_at is None else instant.from_text(observed_at),
        fleet=document["fleet"],
        managed=document["managed"],
        steps=tuple(_to_step(step) for step in document["steps"]),
        programs={name: _to_program(name, program) for name, program in document["programs"].items()},
        blocked=tuple(_to_blocked(blocked) for blocked in document["blocked"]),
        releases=tuple(_to_release(release) for release in document["released"]),
        summary=Summary(**document["summary"]),
        incomplete=document["incomplete"],
        machines=document["machines"],
        rollouts={name: terms_from(terms) for name, terms in document["rollouts"].items()},
        digest=document["digest"],
    )


def plan_digest(plan: Plan) -> str:
    """The digest that the plan should have."""
    return digest(_content(plan))


def sealed(plan: Plan) -> Plan:
    """The plan with its digest filled in."""
    return replace(plan, digest=plan_digest(plan))


def plan_bytes(plan: Plan) -> bytes:
    """A sealed plan as it is written to files and to the store. Raises ValueError when its digest is not its own."""
    document = plan_document(plan)
    if _document_digest(document) != plan.digest:
        raise ValueError(f"the plan is not sealed: its digest is {plan.digest!r}")
    return orjson.dumps(document)


@cache
def plan_schema() -> dict[str, Any]:
    """The JSON Schema of a plan document."""
    from reconciler.core.plan_format import PlanForm

    return exchange.schema_of(PlanForm)


def check_plan(document: Any) -> list[str]:
    """What is wrong with a plan document, in words; nothing for a good one. Leaves the digest to `read_plan`."""
    return exchange.violations(plan_schema(), document) or list(islice(_contradictions(document), exchange.MOST_ERRORS))


def read_plan(data: bytes) -> Plan:
    """The plan in a file. Raises Stalled when it is not one, of an unknown version, or altered since it was made."""
    document = exchange.load(data, exchange.Format("plan", VERSION, check_plan, _HINT))
    try:
        actual = _document_digest(document)
    except orjson.JSONEncodeError:
        # orjson reads deeper nesting than it writes.
        raise Stalled("this is not a valid plan: it is nested too deeply", _HINT) from None
    if actual != document["digest"]:
        raise Stalled("this plan was altered after it was made: its digest does not match its content", _HINT)
    return plan_from_document(document)


def intact(data: bytes, expected: str) -> bool:
    """Whether a stored plan is the one that was sealed with this digest, also if it has an older form, which is of use
    to nobody any more but people who look back."""
    try:
        document = orjson.loads(data)
        return bool(document["digest"] == _document_digest(document) == expected)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError, KeyError, TypeError, AttributeError):
        return False


def _document_digest(document: Mapping[str, Any]) -> str:
    return digest({name: value for name, value in document.items() if name != "digest"})


def _contradictions(document: Mapping[str, Any]) -> Iterator[str]:
    """What a schema can't say: references that lead nowhere, hosts that come twice, steps that wait for each other."""
    if document["observed_at"] is not None:
        try:
            instant.from_text(document["observed_at"])
        except ValueError:
            yield "observed_at: is not a time such as 2026-11-23T10:02:11Z"
    ids = {step["id"] for step in document["steps"]}
    if len(ids) != len(document["steps"]):
        yield "steps: an id comes twice"
    for at, step in enumerate(document["steps"]):
        yield from _step_contradictions(f"steps/{at}", step, ids, document["programs"])
    try:
        TopologicalSorter({step["id"]: step["needs"] for step in document["steps"]}).prepare()
    except CycleError:
        yield "steps: they wait for each other in a circle"


def _step_contradictions(place: str, step: Mapping[str, Any], ids: set[str], programs: Any) -> Iterator[str]:
    if not ids.issuperset(step["needs"]):
        yield f"{place}/needs: names a step that is not in the plan"
    if not programs.keys() >= step["programs"].keys():
        yield f"{place}/programs: names a program that is not in the plan"
    hosts = [host for names in step["programs"].values() for host in names]
    if len(set(hosts)) != len(hosts):
        yield f"{place}/programs: a host comes twice"


def _step(step: Step) -> dict[str, Any]:
    return {
        "id": step.id,
        "service": step.service,
        "needs": list(step.needs),
        "batch": batch_fields(step.batch),
        "programs": {name: list(hosts) for name, hosts in step.programs.items()},
    }


def _to_step(step: Mapping[str, Any]) -> Step:
    programs = {name: tuple(hosts) for name, hosts in step["programs"].items()}
    return Step(step["id"], step["service"], tuple(step["needs"]), programs, batch_from(step["batch"]))


def _program(program: Program) -> dict[str, Any]:
    return {"shape": program.shape, "changes": [_change(change) for change in program.changes]}


def _to_program(name: str, program: Mapping[str, Any]) -> Program:
    return Program(name, program["shape"], tuple(_to_change(change) for change in program["changes"]))


def _change(change: Change) -> dict[str, Any]:
    return {
        "kind": change.key.kind,
        "name": change.key.name,
        "action": change.action,
        "cause": change.cause,
        "requires": [str(key) for key in change.requires],
        "because": change.because,
        "fields": [_field(item) for item in change.fields],
        "desired": change.desired,
        "query": dict(change.query),
        "expect": change.expect,
        "sensitive": change.sensitive,
        **({"ordinary": True} if change.ordinary else {}),
    }


def _to_change(change: Mapping[str, Any]) -> Change:
    return Change(
        key=Key(change["kind"], change["name"]),
        action=change["action"],
        cause=change["cause"],
        fields=tuple(_to_field(item) for item in change["fields"]),
        requires=tuple(Key.parse(text) for text in change["requires"]),
        because=change["because"],
        desired=change["desired"],
        query=change["query"],
        expect=change["expect"],
        sensitive=change["sensitive"],
        ordinary=change.get("ordinary", False),
    )


def _field(change: FieldChange) -> dict[str, Any]:
    return {
        "path": change.path,
        "before": change.before,
        "after": change.after,
        "sensitive": change.sensitive,
        "cause": change.cause,
        "diff": list(change.diff),
    }


def _to_field(item: Mapping[str, Any]) -> FieldChange:
    return FieldChange(
        item["path"], item["before"], item["after"], item["cause"], item["sensitive"], tuple(item["diff"])
    )


def _blocked(blocked: Blocked) -> dict[str, Any]:
    return {
        "reason": blocked.reason,
        "message": blocked.message,
        "service": blocked.service,
        "kind": blocked.key.kind if blocked.key else None,
        "name": blocked.key.name if blocked.key else None,
        "root": blocked.root,
        "hosts": list(blocked.hosts),
    }


def _to_blocked(item: Mapping[str, Any]) -> Blocked:
    key = None if item["kind"] is None or item["name"] is None else Key(item["kind"], item["name"])
    return Blocked(item["reason"], item["message"], tuple(item["hosts"]), item["service"], key, item["root"])


def _release(release: Release) -> dict[str, Any]:
    return {
        "reason": release.reason,
        "service": release.service,
        "kind": release.key.kind,
        "name": release.key.name,
        "hosts": list(release.hosts),
    }


def _to_release(item: Mapping[str, Any]) -> Release:
    return Release(item["reason"], tuple(item["hosts"]), Key(item["kind"], item["name"]), item["service"])
