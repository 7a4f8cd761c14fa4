"""Bugs that are planted to see that they are found: each takes away one thing that keeps the daemon from harm.

Each is given a way to replace an attribute, which is undone afterwards.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from reconciler.core.assessing.differ import Differing
from reconciler.core.gate import timetable
from reconciler.core.gate.timetable import Timetable
from reconciler.core.recording import settle
from reconciler.core.serving import agenda
from reconciler.core.serving.rota import Rota
from reconciler.loop import aside, reconcile, recover, serve
from reconciler.loop.aside import Aside
from reconciler.loop.lookout import Lookout
from reconciler.loop.observe import Asked
from reconciler.model.lease import Lease
from reconciler.model.order import NO_ORDERS
from tests.fakes.store import Hold, MemoryStore

Patch = Callable[[Any, str, Any], None]
BOTH = frozenset({"pending", "drift"})


def _off_by_one(patch: Patch) -> None:
    real = reconcile.gate

    def gate(plan: Any, desired: Any, limits: Any, allowance: Any) -> Any:
        return real(plan, desired, replace(limits, deletes=limits.deletes + 1), allowance)

    patch(reconcile, "gate", gate)


def _unnoticed(patch: Patch) -> None:
    real = Asked.note

    def note(self: Asked, *seen: Any) -> None:
        real(self, *seen)
        self.changed.clear()

    patch(Asked, "note", note)


def _unwritten(patch: Patch) -> None:
    real = MemoryStore.record

    def record(self: MemoryStore, run: Any, _: Any, *rest: Any) -> None:
        real(self, run, [], *rest)

    patch(MemoryStore, "record", record)


def _read_once(patch: Patch) -> None:
    real = Lookout.take

    def take(self: Lookout, *given: Any) -> None:
        if self.read is None:
            real(self, *given)

    patch(Lookout, "take", take)


def _on_record(patch: Patch) -> None:
    real = serve.watch
    patch(settle, "GONE", "never")
    patch(serve, "watch", lambda world, made, _: real(world, made))


class _Forever:
    """A lease that nobody gave."""

    epoch = 1
    lease = Lease("apply", "nobody", epoch, datetime(2026, 11, 23, tzinfo=UTC), None)

    def fading(self) -> bool:
        return False

    over = fading


def _careless(patch: Patch) -> None:
    patch(Hold, "fading", lambda _: False)
    patch(Hold, "over", lambda _: False)
    patch(MemoryStore, "_check", lambda *_: None)
    patch(MemoryStore, "_known", lambda self, run: self.kept.runs[run.id])


def _believed(patch: Patch) -> None:
    patch(recover, "in_doubt", lambda *_: {})


def _all_lead(patch: Patch) -> None:
    patch(MemoryStore, "_check", lambda *_: None)
    patch(MemoryStore, "hold", lambda self, purpose: nullcontext(_Forever()))


BUGS: dict[str, Callable[[Patch], None]] = {
    "the pause is looked at once": lambda patch: patch(
        Aside, "_stopping", lambda _, under_way: bool(under_way.stopped)
    ),
    "ordered freezes are forgotten": lambda patch: patch(Timetable, "_frozen", lambda self: iter(self.freezes)),
    "Git's freezes are forgotten": lambda patch: patch(
        Timetable, "_frozen", lambda self: map(timetable.as_freeze, self.orders.freezes)
    ),
    "windows are forgotten": lambda patch: patch(timetable, "_by_windows", lambda windows, now: None),
    "nothing stops what is under way": lambda patch: patch(Aside, "watch", lambda *_: None),
    "modes are not looked at": lambda patch: patch(Differing, "permitted", property(lambda _: BOTH)),
    "attempts are forgotten": lambda patch: patch(agenda, "fresh", lambda *_: True),
    "attempts are not kept": lambda patch: patch(MemoryStore, "save_attempts", lambda *_: None),
    "the cap of deletes is off by one": _off_by_one,
    "the daemon asks no gate": lambda patch: patch(aside, "refusals", lambda *_: []),
    "changes on hosts go unnoticed": _unnoticed,
    "hosts that answered are forgotten": lambda patch: patch(
        Rota, "answered", lambda self, host, at, reached: self._turns.pop(host, None)
    ),
    "pins are forgotten": lambda patch: patch(serve, "orders", lambda _: NO_ORDERS),
    "every daemon leads": _all_lead,
    "nobody looks at the lease": _careless,
    "who died is believed to be through": _believed,
    "outcomes are not written": _unwritten,
    "what is gone stays on record": _on_record,
    "Git is read once": _read_once,
}
