"""What happens, as lines of a log: text for people, JSON for programs. A Listener; nobody below it logs.

Must not know what any of it leads to. Text from Git and hosts is escaped, so that it can't make lines of its own.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, Literal

import structlog

from reconciler.core.serving.condition import Condition
from reconciler.core.words import printable
from reconciler.model.event import (
    Applied,
    Event,
    GivenUp,
    HealthFinished,
    HealthStarted,
    HostFinished,
    HostObserved,
    Led,
    Notified,
    ObserveFinished,
    PlanMade,
    Polled,
    Refused,
    RolledBack,
    RolloutHalted,
    RunFinished,
    RunRecovered,
    RunStarted,
    StepFinished,
    StepStarted,
    Troubled,
)

LEVELS: Mapping[str, int] = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


class LogListener:
    """Writes to stderr. `run` and `step` stand on every line that belongs to them."""

    def __init__(self, form: Literal["text", "json"], level: str) -> None:
        self._level = LEVELS[level]
        renderer = structlog.processors.JSONRenderer() if form == "json" else _Lines()
        self._log = structlog.wrap_logger(
            structlog.PrintLogger(sys.stderr),
            processors=[structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"), _escaped, renderer],
        )
        self._run: dict[str, Any] = {}
        self._last: tuple[str, str] = ("", "")

    def set_level(self, level: str) -> None:
        """From now on."""
        self._level = LEVELS[level]

    def say(self, level: str, event: str, **more: Any) -> None:
        """A line of the process itself."""
        if LEVELS[level] >= self._level:
            self._log.msg(event, level=level, **more)

    def publish(self, condition: Condition) -> None:
        """Says how the daemon is when that is another thing than before."""
        now = (condition.role, condition.error)
        before, self._last = self._last, now
        if now == before:
            return
        if condition.error and condition.role != "leader":
            self.say("error", "this process can't go on for now", why=condition.error)
        elif condition.role == "standby":
            self.say("info", "this process waits for the lead", why=condition.leader)

    def on(self, event: Event) -> None:
        """Hears what happens (a Listener)."""
        match event:
            case RunStarted() | StepStarted() | HostFinished() | StepFinished() | RunFinished():
                self._run_event(event)
            case HealthStarted() | HealthFinished() | RolloutHalted() | RolledBack():
                self._rollout_event(event)
            case HostObserved(reply) if reply.status != "done":
                self.say("debug", "a host did not answer", host=reply.host, status=reply.status, why=reply.reason)
            case ObserveFinished(answered, unreachable):
                self.say("debug", "hosts were asked", answered=answered, unreachable=unreachable)
            case _:
                self._own(event)

    def _own(self, event: Event) -> None:
        """What only a daemon does."""
        match event:
            case Led(epoch):
                self.say("info", "this process leads" if epoch else "this process leads no more", epoch=epoch)
            case Polled(revision, _, error) if error:
                self.say("warning", "Git can't be looked at", revision=revision, why=error)
            case Polled(revision, True):
                self.say("info", "Git has moved", revision=revision)
            case PlanMade(revision, seconds, pending, drift):
                self.say("info", "looked", revision=revision, seconds=seconds, pending=pending, drift=drift)
            case Refused(limits, services, messages):
                self.say("warning", "refused", limits=limits, services=services[:20], why=messages)
            case Applied(run, status, services, seconds, why):
                level = "info" if status == "succeeded" else "warning"
                self.say(level, f"apply {status}", run=run, services=services[:20], seconds=seconds, why=why)
            case RunRecovered(run, _, done, untouched, unclear):
                more = {"done": done, "untouched": untouched, "unclear": unclear}
                self.say("warning", "an interrupted run was taken over", run=run, **more)
            case Troubled(what, why):
                self.say("error", f"trouble with {what}", why=why)
            case _:
                self._of_notices(event)

    def _of_notices(self, event: Event) -> None:
        match event:
            case Notified(channel, notices, error):
                said = "could not be told" if error else "told"
                self.say("warning" if error else "info", said, channel=channel, notices=notices, why=error)
            case GivenUp(notices):
                self.say("error", "never told: a channel could not be reached for days", notices=notices)
            case _:
                pass

    def _run_event(self, event: Event) -> None:
        match event:
            case RunStarted(run, plan, steps, hosts):
                self._run = {"run": run}
                self.say("info", "run began", **self._run, plan=plan, steps=steps, hosts=hosts)
            case StepStarted(step, service, hosts):
                self.say("info", "step began", **self._run, step=step, service=service, hosts=hosts)
            case HostFinished(step, reply):
                level = "debug" if reply.status == "done" else "warning"
                more = {"host": reply.host, "status": reply.status, "why": reply.reason}
                self.say(level, "host", **self._run, step=step, **more)
            case StepFinished(step, service):
                self.say("info", "step ended", **self._run, step=step, service=service)
            case RunFinished(run, status):
                self.say("info", "run ended", run=run, status=status)
                self._run = {}
            case _:
                pass

    def _rollout_event(self, event: Event) -> None:
        match event:
            case HealthStarted(step, service, hosts, bake):
                self.say("info", "health is watched", **self._run, step=step, service=service, hosts=hosts, bake=bake)
            case HealthFinished(step, service, unhealthy):
                level = "warning" if unhealthy else "info"
                self.say(level, "health was watched", **self._run, step=step, service=service, unhealthy=unhealthy)
            case RolloutHalted(service, reason):
                self.say("warning", "rollout halted", **self._run, service=service, why=reason)
            case RolledBack(service, run, status, revision, hosts):
                self.say("warning", f"rolled back: {status}", run=run, service=service, revision=revision, hosts=hosts)
            case _:
                pass


def _escaped(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = printable(value)
        elif isinstance(value, tuple | list):
            event[key] = [printable(each) if isinstance(each, str) else each for each in value]
        elif isinstance(value, float):
            event[key] = round(value, 3)
    return event


class _Lines:
    """`2026-11-23T09:00:00Z info  run began  run=3 plan=5c1f`"""

    def __call__(self, _: Any, __: str, event: MutableMapping[str, Any]) -> str:
        at, level, said = (event.pop(key) for key in ("at", "level", "event"))
        more = " ".join(f"{key}={_shown(value)}" for key, value in event.items() if value not in ("", [], None))
        return f"{at} {level:<7} {said}  {more}".rstrip()


def _shown(value: Any) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return f'"{text}"' if " " in text else text
