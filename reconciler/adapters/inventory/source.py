"""An inventory as the loop sees it: read when it is old, checked against the one before, held or taken.

Whatever happens to the source, the last good reading stays in use; nothing follows from what could not be read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from reconciler.adapters.inventory import ansible
from reconciler.adapters.inventory.memory import Memory
from reconciler.adapters.inventory.settings import SourceSettings
from reconciler.core.inventories.admit import Entry, Unfit, admit
from reconciler.core.inventories.ansible_listing import entries
from reconciler.core.inventories.inventory_file import csv_entries, json_entries
from reconciler.core.inventories.size_check import delta, objection
from reconciler.core.words import ago
from reconciler.model.errors import ReconcilerError, Retry, Stalled
from reconciler.model.inventory import Listing, OnHold, Snapshot, place_of
from reconciler.model.problem import Problem, Severity
from reconciler.ports import Clock


@dataclass(frozen=True, slots=True)
class _State:
    """The reading in use, and the one on hold."""

    used: Snapshot | None
    held: Snapshot | None


class InventorySource:
    """An `Inventory` (see ports)."""

    def __init__(self, settings: SourceSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._used = Memory(settings.memory / f"{settings.name}.json", settings.name)
        self._held = Memory(settings.memory / f"{settings.name}.held.json", settings.name)

    @property
    def name(self) -> str:
        return self._settings.name

    def listing(self, *, refresh: bool) -> Listing:
        """See `ports.Inventory`."""
        problems: list[Problem] = []
        try:
            state = _State(self._used.load(), self._held.load())
        except Stalled as error:
            problem = self._problem("inventory-unreadable", error, "nothing of it is used")
            return Listing(self.name, problems=(problem,))
        if refresh and self._due(state):
            try:
                state = self._refreshed(state)
            except ReconcilerError as error:
                problems.append(self._unread(error, state.used))
        return self._told(state, problems)

    def accept(self) -> Listing:
        """See `ports.Inventory`. What was held is taken as it was shown, without reading the source again."""
        try:
            self._used.load()
            held = self._held.load()
        except Stalled:
            # Nobody can say what was held: the word is then for what the source lists now.
            held = self._read()
        if held is None:
            raise Stalled(f"nothing of the inventory {self.name} is held", "`reconciler inventory` shows all of them")
        return self._told(self._taken(held), [])

    def _due(self, state: _State) -> bool:
        """A reading on hold is as new as one in use; other settings need a new one at once."""
        rules = self._settings.rules()
        known = [s for s in (state.used, state.held) if s is not None and s.rules == rules]
        return all(self._clock.now() - s.read_at > self._settings.max_age for s in known)

    def _refreshed(self, state: _State) -> _State:
        fresh = self._read()
        if self._objection(state.used, fresh):
            self._held.save(fresh)
            return _State(state.used, fresh)
        return self._taken(fresh)

    def _taken(self, snapshot: Snapshot) -> _State:
        self._used.save(snapshot)
        self._held.forget()
        return _State(snapshot, None)

    def _objection(self, used: Snapshot | None, fresh: Snapshot) -> str:
        return objection(delta(used, fresh), self._settings.bounds, first=used is None)

    def _read(self) -> Snapshot:
        """The source as it is now. Raises Retry or Stalled."""
        at, settings = self._clock.now(), self._settings
        admitted = admit(_entries(settings), settings.name, allow_local=settings.allow_local)
        return Snapshot(admitted, at, settings.rules())

    def _told(self, state: _State, problems: list[Problem]) -> Listing:
        used, held = state.used, None
        if state.held is not None:
            found = delta(used, state.held)
            why = objection(found, self._settings.bounds, first=used is None) or "it was held before"
            held = OnHold(found, why, state.held.read_at)
            problems.append(self._on_hold(held, used))
            problems += state.held.admitted.problems
        if used is None:
            told = problems or [self._never_read()]
            return Listing(self.name, held=held, problems=tuple(told))
        return Listing(
            source=self.name,
            hosts=used.admitted.hosts,
            read_at=used.read_at,
            whole=not used.admitted.left_out,
            held=held,
            problems=tuple(dict.fromkeys((*problems, *used.admitted.problems))),
        )

    def _unread(self, error: ReconcilerError, used: Snapshot | None) -> Problem:
        instead = f"the hosts that it listed {self._ago(used)} stay in use" if used else "none of its hosts is known"
        return self._problem("inventory-unreadable", error, instead, "warning" if used else "error")

    def _on_hold(self, held: OnHold, used: Snapshot | None) -> Problem:
        instead = f"what it listed {self._ago(used)} stays in use" if used else "none of its hosts is known"
        message = f"the inventory {self.name} is held: {held.reason}; {instead}"
        hint = f"if that is right: reconciler inventory accept {self.name}"
        severity: Severity = "warning" if used else "error"
        return Problem(place_of(self.name), "inventory-held", message, hint=hint, severity=severity)

    def _never_read(self) -> Problem:
        message = f"the inventory {self.name} was never read; none of its hosts is known"
        return Problem(
            place_of(self.name), "inventory-unread", message, hint="reconciler inventory --refresh", severity="warning"
        )

    def _problem(self, reason: str, error: ReconcilerError, instead: str, severity: Severity = "error") -> Problem:
        message = f"the inventory {self.name} can't be read: {error.message}; {instead}"
        return Problem(place_of(self.name), reason, message, hint=error.hint, severity=severity)

    def _ago(self, used: Snapshot) -> str:
        return ago(used.read_at, self._clock.now())


def _entries(settings: SourceSettings) -> Iterator[Entry | Unfit]:
    parsers: dict[str, Callable[[bytes], Iterator[Entry | Unfit]]] = {"json": json_entries, "csv": csv_entries}
    if settings.type == "ansible":
        return entries(ansible.listing(settings), settings.mapped)
    return parsers[settings.type](_bytes(settings))


def _bytes(settings: SourceSettings) -> bytes:
    path = settings.file()
    try:
        return path.read_bytes()
    except OSError as error:
        raise Retry(f"{path}: {error.strerror}", "check its permissions") from None
