"""What travels to a host and what comes back: one round trip for observing, or for a step of a plan.

These values cross the `Carrier` port. They know Ansible modules by name and nothing else of Ansible.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from reconciler.model.desired import Host
from reconciler.model.key import Key
from reconciler.model.observation import Facts, Query

Result = Literal["changed", "ok", "failed", "stale", "skipped"]
Status = Literal["done", "failed", "stale", "refused", "unreachable", "lost", "skipped"]


@dataclass(frozen=True, slots=True)
class Call:
    """One call of an Ansible module on the host, arguments already plain values.

    `paths` names the arguments that are paths on the host: they are put under the host's `root` where it has
    one; `argv.2` is the third element of the list that is the argument `argv`. `files` maps an argument to bytes
    that the host writes into a private temporary file first, and the argument becomes that file's path. `needs` is
    a program that the host must have (`apt-get`, `dnf`), else the call is passed over: alternatives for hosts that
    differ stand side by side, and the host picks.
    """

    module: str
    args: Mapping[str, Any]
    paths: tuple[str, ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict)
    needs: str = ""


@dataclass(frozen=True, slots=True)
class Work:
    """One change on the host: its facts must still have the digest `expect` (empty: unchecked), then the calls run.

    `ordinary`: its modules can't be bundled (they are no Python modules, or do a part of their work on the
    controller). Its calls are ordinary Ansible tasks, their `files` are on the controller, and `needs` can't be used.
    """

    key: Key
    query: Query
    expect: str
    calls: tuple[Call, ...]
    sensitive: bool = False
    ordinary: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Payload:
    """What hosts get in one round trip; hosts that get the same share one object.

    The host checks every work, does nothing if one is stale, else runs them in order up to the first failure,
    then answers `queries`.
    """

    queries: Mapping[Key, Query] = field(default_factory=dict)
    works: tuple[Work, ...] = ()
    ordinary: bool = field(init=False)
    """Whether one of the works is an ordinary Ansible task, so that one round trip is not enough."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "ordinary", any(work.ordinary for work in self.works))


@dataclass(frozen=True, slots=True)
class Delivery:
    """A payload for one host. A payload with works bears the epoch of its run; the host refuses a lower one.

    With an epoch and without works it is a fence: the host answers, and refuses lower epochs from now on. `store` names
    the store that numbers the epochs. `identity` is the machine that must answer (empty: any).
    """

    host: Host
    payload: Payload
    epoch: int = 0
    store: str = ""
    identity: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What happened to one resource on one host in a run. `message` is the module's, without secrets."""

    key: Key
    result: Result
    message: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back from one host.

    `done`: all works ran (or there were none); `failed`: one failed, later ones were skipped; `stale`: the host is
    not as planned, nothing was done; `refused`: lock, epoch or identity, nothing was done; `unreachable`: the host
    was not reached, nothing was done; `lost`: contact broke after the payload was sent, `outcomes` are those of the
    first works, as far as the host had told, and what became of the others is unknown; `skipped`: not begun, because
    the run was told to stop.

    `seen` is the epoch that the host had seen before, if it was given one.
    """

    host: str
    status: Status
    reason: str = ""
    identity: str = ""
    facts: Mapping[Key, Facts] = field(default_factory=dict)
    outcomes: tuple[Outcome, ...] = ()
    seen: int = 0
