"""What a plan does, whatever it was made from: so that what was looked at on a pull request can be told from other
plans after the merge, when commit and answers are newer.

Two plans have the same effect when the same hosts get the same changes, from the same to the same, in the same order
and batches. Must not know where plans are kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from reconciler.core.planning.order import program_of
from reconciler.core.planning.plan import changes_of
from reconciler.core.planning.plan_json import sealed
from reconciler.core.words import printable, where
from reconciler.model.key import Key
from reconciler.model.plan import Change, Plan, Program, Step

_SHOWN = 8


def effect_of(plan: Plan) -> Plan:
    """The plan without its pins: commit, answers, machines, counts of what it leaves alone. Its digest is the effect's.

    It can be kept, shown and approved as any plan; it can't be run, since it is for no commit.
    """
    programs = {name: _effect(program) for name, program in plan.programs.items()}
    steps = tuple(_renamed(step, programs) for step in plan.steps)
    found = {program.id: program for program in programs.values()}
    bare = Plan(
        revision="",
        fingerprint="",
        observed_at=None,
        fleet=0,
        managed=0,
        steps=steps,
        programs=dict(sorted(found.items())),
        blocked=(),
        releases=(),
        summary=changes_of(steps, found),
        incomplete=plan.incomplete,
        rollouts={name: replace(terms, good={}) for name, terms in plan.rollouts.items()},
    )
    return sealed(bare)


def is_effect(plan: Plan) -> bool:
    """Whether it only says what a plan does."""
    return not plan.revision


def _effect(program: Program) -> Program:
    return program_of([_bare(change) for change in program.changes])


def _bare(change: Change) -> Change:
    """A change without what it was made from. What is deleted goes whatever it is like by then."""
    gone = change.action == "delete"
    return replace(change, expect="", query={}, fields=() if gone else change.fields)


def _renamed(step: Step, programs: Mapping[str, Program]) -> Step:
    """Programs that differed only in what hosts answer beside what is changed are one."""
    hosts: dict[str, list[str]] = {}
    for name, members in step.programs.items():
        hosts.setdefault(programs[name].id, []).extend(members)
    return replace(step, programs={name: tuple(sorted(hosts[name])) for name in sorted(hosts)})


def differences(shown: Plan, now: Plan) -> list[str]:
    """How a plan differs from one that was shown before, in words, at most some lines; nothing for the same effect."""
    before, after = _lines(shown), _lines(now)
    more = [_said(key, hosts - before.get(key, set()), "more") for key, hosts in after.items()]
    less = [_said(key, hosts - after.get(key, set()), "not any more") for key, hosts in before.items()]
    found = [line for line in (*more, *less) if line]
    if not found and effect_of(shown).digest != effect_of(now).digest:
        found = ["the same changes on the same hosts, in another order, in other batches or under another rollout"]
    return found if len(found) <= _SHOWN else [*found[:_SHOWN], f"… and {len(found) - _SHOWN:,} more"]


def _lines(plan: Plan) -> dict[tuple[str, Key, str, str], set[str]]:
    """The hosts of each distinct change: service, resource, action and all that it does there."""
    found: dict[tuple[str, Key, str, str], set[str]] = {}
    for step in plan.steps:
        for program, hosts in step.programs.items():
            for name in _named(step.service, plan.programs[program].changes):
                found.setdefault(name, set()).update(hosts)
    return found


def _named(service: str, changes: Iterable[Change]) -> Iterator[tuple[str, Key, str, str]]:
    for change in map(_bare, changes):
        yield service, change.key, change.action, repr((change.fields, change.because, change.desired))


def _said(key: tuple[str, Key, str, str], hosts: set[str], how: str) -> str:
    if not hosts:
        return ""
    service, resource, action, _ = key
    return f"{how}: {action} {printable(str(resource))} of {service} on {where(sorted(hosts))}"
