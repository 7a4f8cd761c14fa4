"""The edges, as small Protocols: everything that touches Git, hosts, clocks, disks or people is behind one.

Adapters implement them; `bootstrap` picks; `loop` uses them. Nothing below `loop` knows that they exist.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol, TypeAlias

from reconciler.core.gate import Limits
from reconciler.core.planning.batch import Caution
from reconciler.model.approval import Approval
from reconciler.model.attempt import Attempt
from reconciler.model.delivery import Delivery, Outcome, Reply
from reconciler.model.episode import Episode
from reconciler.model.event import Event
from reconciler.model.inventory import Listing
from reconciler.model.key import Key
from reconciler.model.lease import Lease
from reconciler.model.observation import Head, InOrder, Observation, Ownership
from reconciler.model.order import Order, OrderKind, Orders
from reconciler.model.plan import Plan
from reconciler.model.problem import Problem
from reconciler.model.rollout import Outside
from reconciler.model.run import HostOutcome, Intent, Run, RunOutcome, RunStatus
from reconciler.model.secret import Secret

if TYPE_CHECKING:
    from reconciler.core.serving.condition import Pace


@dataclass(frozen=True, slots=True)
class Revision:
    """A commit. `subject` is its first line, as untrusted text; `committed_at` is in UTC."""

    sha: str
    subject: str
    committed_at: datetime


@dataclass(frozen=True, slots=True)
class Tree:
    """The files under the state path at one revision: path (relative to it) to blob id, sorted by path.

    `problems` tell of entries that were refused: symlinks, submodules, odd names.
    """

    revision: Revision
    blobs: Mapping[str, str]
    problems: tuple[Problem, ...] = ()


class Source(Protocol):
    """A Git repository, read as blobs at a commit."""

    def revision(self, rev: str | None = None) -> Revision:
        """The commit that a branch, tag or SHA means now (None: the default branch). Else Stalled."""

    def tree(self, revision: Revision) -> Tree:
        """The files under the state path. Raises Stalled when the path is not there."""

    def read(self, blob: str, limit: int) -> bytes | None:
        """A blob's bytes, None when it is larger than `limit` bytes."""

    def poll(self, rev: str | None = None) -> Revision:
        """Look at the remote (fetch), then as `revision`. Raises Retry when the remote can't be reached."""

    def merge(self, base: Revision, head: Revision) -> Revision:
        """What merging `head` into `base` would give, as a commit that only this source knows; `head` itself where it
        comes after `base`. Nothing is written to the repository. Raises Stalled when they conflict, or have no history
        in common."""


class DocumentCache(Protocol):
    """Keeps pages of what files say across restarts, for one version of everything that they depend on.

    Only a help: it may have lost anything, does nothing where it can't, and never raises. What it gives is what was
    put there, or nothing.
    """

    def pages(self) -> Iterator[bytes]:
        """All pages, in the order in which they came."""

    def add(self, pages: Sequence[bytes]) -> None:
        """After those that are there."""

    def replace(self, pages: Sequence[bytes]) -> None:
        """Instead of those that are there."""


class Inventory(Protocol):
    """A source of hosts outside of Git, as the operator configured it. It remembers what it last listed."""

    @property
    def name(self) -> str: ...

    def listing(self, *, refresh: bool) -> Listing:
        """What is in use. With `refresh` the source is read again if that is older than it may be.

        Never raises for what the source does or lists: what is wrong stands in the listing's problems.
        """

    def accept(self) -> Listing:
        """Takes the reading that is held. Raises Stalled when there is none."""


Hearing: TypeAlias = Callable[[str, Sequence[Outcome]], None]
"""Gets a host's name, and outcomes of works that it has done while it does others."""


def unheard(host: str, outcomes: Sequence[Outcome]) -> None:
    """For who waits for replies only."""


class Carrier(Protocol):
    """Brings payloads to hosts, one round trip each."""

    def carry(
        self, deliveries: Sequence[Delivery], stopping: Callable[[], bool], hearing: Hearing = unheard
    ) -> Iterator[Reply]:
        """Replies as they come, exactly one for each delivery, in any order.

        What a host has done before its reply is told to `hearing` where the way to it lets it through: outcomes in
        the order of the works, each at most once, and the same that its reply has. They are called from within the
        iterator. A reply `lost` has the outcomes that had come by then.
        Once `stopping()` is true no further host is begun; hosts not begun get the status `skipped`. When `stopping()`
        raises, everything that was begun from here is ended at once, and the error goes on. Never raises for what a
        host does. Raises Stalled when nothing can be sent at all (Ansible missing, key file unreadable).
        """


class Secrets(Protocol):
    """Opens secrets for one run: what it has opened it may keep until it is let go."""

    def value(self, secret: Secret) -> str:
        """Raises Stalled when it can't be had, saying why with no value in it."""


class Held(Protocol):
    """A lease while it is held. Whoever holds it looks at these often."""

    @property
    def epoch(self) -> int: ...

    def fading(self) -> bool:
        """Whether it is too late to begin anything new."""

    def over(self) -> bool:
        """Whether everything that was begun must be ended now, because another may hold it soon."""


class Known(Protocol):
    """What is known of hosts, and of our own doing there: enough for a plan. A store knows it, so does a snapshot."""

    def heads(self) -> Mapping[str, Head]:
        """What is looked at first, of every host that is known."""

    def observations(self, hosts: Collection[str] | None = None) -> Mapping[str, Observation]:
        """What these hosts (None: all) said last."""

    def ownership(self, hosts: Collection[str] | None = None) -> Mapping[str, Ownership]:
        """What is on record as ours on these hosts (None: all)."""

    def runs(self, limit: int = 20) -> list[Run]:
        """The newest first, without their outcomes."""


class Store(Known, Protocol):
    """What must be remembered. Writes are whole: all of a call, or nothing of it."""

    @property
    def id(self) -> str:
        """Names this store for ever; hosts keep the epochs of different stores apart."""

    def note_in_order(self, found: Mapping[str, InOrder]) -> None:
        """Keeps marks of hosts on which all is in order; see `Head`. New records of a host end it."""

    def save_observations(
        self, observations: Iterable[Observation], known: Mapping[str, Observation] | None = None
    ) -> None:
        """What hosts said. `known` is what was known of them when they were asked: where something else has been
        written since, that stays, for it may be newer."""

    def save_ownership(self, ownership: Iterable[Ownership]) -> None:
        """Replaces what is known of these hosts. One that owns nothing is forgotten."""

    def begin_run(self, plan: Plan, actor: str, at: datetime, epoch: int, undoes: int | None = None) -> Run:
        """Stores the plan and a new run of it, in one transaction. Ids count up and are never used again.

        `undoes` is the run of which this one takes a part back. This and `take_over` and `intend` raise Stalled when
        the lease of the epoch is not in force any more.
        """

    def unfinished(self) -> list[Run]:
        """Runs without an end, the oldest first. To whoever holds the lease to apply, they are interrupted."""

    def take_over(self, run: Run, epoch: int) -> Run:
        """The run, from now on under this epoch. What its former holder still writes is refused (Stalled)."""

    def intend(self, run: Run, step: str, hosts: Sequence[str]) -> None:
        """Notes, before anything is sent, which hosts are about to be given their programs of a step."""

    def intents(self, run_id: int) -> list[Intent]:
        """What a run was about to do, in order."""

    def record(
        self,
        run: Run,
        outcomes: Sequence[RunOutcome],
        host_outcomes: Sequence[HostOutcome],
        observations: Sequence[Observation],
        ownership: Sequence[Ownership],
    ) -> None:
        """What a part of a run did and left behind, in one transaction."""

    def end_run(self, run: Run, status: RunStatus, at: datetime) -> None:
        """Also ends the drift that the run has undone."""

    def drifting(self) -> tuple[str, Sequence[Episode]]:
        """The episodes of drift without an end, and a mark that every write to them changes."""
        ...

    def note_drift(self, mark: str, changed: Sequence[Episode]) -> bool:
        """Writes episodes that were worked out from those of the mark. False, and nothing is written, if somebody else
        has written meanwhile."""
        ...

    def episodes(self, since: datetime, key: Key | None = None) -> Sequence[Episode]:
        """Episodes (of one resource) that ended at that time or later, or not yet."""
        ...

    def run(self, run_id: int) -> Run | None: ...

    def runs_of(self, plan_digest: str) -> list[Run]: ...

    def last_runs(self, revision: str) -> Mapping[str, Run]:
        """The last run of each service at a revision, without outcomes; those that took something back don't count."""

    def runs_undoing(self, run_id: int) -> list[Run]:
        """The runs that took a part of this one back, oldest first, without their outcomes."""

    def plan(self, plan_digest: str) -> bytes | None:
        """The stored plan as its JSON document."""

    def tidy(self, at: datetime, keep: timedelta | None) -> int:
        """The first time on a day: deletes runs that began, and drift that ended, longer than `keep` ago (None: none),
        what only they needed, and all values that nothing refers to any more; how many runs.

        What is owned, what hosts said last, and what has no end are never touched.
        """

    def hold(self, purpose: str) -> AbstractContextManager[Held]:
        """The right to do something, held by one process at a time under a new epoch, freed some time after it died.

        Raises Taken (saying who holds it) at once if somebody else does.
        """

    def holder(self, purpose: str) -> Lease | None:
        """Who holds it; or held it last, if that process died."""

    def keep_plan(self, plan: Plan, at: datetime) -> None:
        """Stores a sealed plan without a run of it, so that it can be approved."""

    def plans_like(self, prefix: str) -> list[str]:
        """The digests of stored plans that begin so, sorted; at most ten."""

    def approve(self, approval: Approval) -> None:
        """Writes down somebody's word for a plan. Raises ValueError for one that is not stored."""

    def approvals(self, plan_digest: str) -> list[Approval]:
        """All that were ever given for a plan, oldest first."""

    def orders(self, now: datetime) -> Orders:
        """What operators ordered and holds at this time."""

    def give_order(self, order: Order) -> None:
        """Keeps an order; one of the same kind and subject that holds ends."""

    def end_order(self, kind: OrderKind, subject: str, who: str, at: datetime) -> bool:
        """Takes an order back; whether there was one."""

    def ordered(self, limit: int = 20) -> list[Order]:
        """All orders, the newest first, whether they hold or not."""

    def attempts(self) -> Mapping[str, Attempt]:
        """The last attempt at each service."""

    def save_attempts(self, made: Sequence[Attempt]) -> None: ...

    def claim_tick(self, schedule: str, fire_time: datetime) -> bool:
        """Whether this tick of a schedule is ours: of all that claim it, one gets it, once."""

    def see_delivery(self, source: str, name: str, at: datetime, *, waits: bool = False) -> bool:
        """Whether a webhook's delivery is seen for the first time. One that `waits` is for whoever leads."""

    def take_waiting(self) -> bool:
        """Whether there are deliveries that wait. From now on they don't."""

    def close(self) -> None: ...


class Brake(Protocol):
    """The pause that needs no store: whoever can reach the store's directory can stop everything."""

    def pulled(self) -> Order | None:
        """The pause that holds. One that can't be read holds too."""

    def pull(self, pause: Order) -> None:
        """Raises Stalled when it can't be kept."""

    def release(self) -> bool:
        """Whether there was one."""


class Prober(Protocol):
    """Makes health checks from here: http, tcp, Prometheus."""

    def probe(self, checks: Sequence[Outside], stopping: Callable[[], bool]) -> Iterator[tuple[Outside, str]]:
        """Each check with what is wrong; empty words: it is healthy. Several at once, in any order.

        Never raises for what a server does. Once `stopping()` is true, the rest is left out.
        """


class Clock(Protocol):
    def now(self) -> datetime:
        """The time, in UTC."""

    def wait(self, seconds: float, stopping: Callable[[], bool]) -> None:
        """Lets so much time pass, or less once `stopping()` is true."""


class Listener(Protocol):
    def on(self, event: Event) -> None:
        """Hears what happens. Must not raise, must not block."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A time at which a schedule fires. It may be lost, and it may come twice."""

    schedule: str
    fire_time: datetime


@dataclass(frozen=True, slots=True)
class Hint:
    """A verified webhook: Git may have moved. `id` names the delivery; the same one counts once."""

    source: str
    id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Reloaded:
    """New settings, as far as they can change while a daemon runs."""

    pace: Pace
    limits: Limits
    caution: Caution


@dataclass(frozen=True, slots=True)
class Woken:
    """Something happened aside."""


Message: TypeAlias = Tick | Hint | Reloaded | Woken


class Post(Protocol):
    """Where messages for a daemon arrive. Every one of them may be lost."""

    def stopping(self) -> bool:
        """Whether the daemon is to end."""

    def wait(self, seconds: float) -> Sequence[Message]:
        """The messages that there are; waits that long for the first. Comes back at once when it is to end."""

    def pause(self, seconds: float) -> None:
        """Waits, also when it is to end."""
