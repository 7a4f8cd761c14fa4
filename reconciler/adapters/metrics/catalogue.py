"""Every metric there is: name, type, help, labels. docs/metrics.md is made from this. Must not know who counts.

No label ever holds a host, a path or a message: what labels may hold does not grow with the fleet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Metric:
    """`known` are all values of the labels that have a fixed list of them; `values` says more of what labels may hold,
    for people."""

    name: str
    type: Literal["gauge", "counter", "histogram"]
    help: str
    labels: tuple[str, ...] = ()
    values: str = ""
    known: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def words(self) -> str:
        """What the labels may hold."""
        named = len(self.labels) > 1
        listed = [(f"{label}: " if named else "") + ", ".join(values) for label, values in self.known.items()]
        return "; ".join([*listed, *([self.values] if self.values else [])])


LIMITS = (
    "deletes",
    "project-deletes",
    "service-deletes",
    "fleet-deletes",
    "coverage",
    "mass-drift",
    "breaker",
    "policy",
    "pause",
    "freeze",
    "window",
)
"""What the gate may name as the reason of a refusal."""

METRICS = (
    Metric("reconciler_leader", "gauge", "1 if this process leads, 0 if it is a standby or can't go on."),
    Metric("reconciler_leader_epoch", "gauge", "The epoch under which this process leads; 0 if it does not."),
    Metric("reconciler_paused", "gauge", "1 while everything is paused."),
    Metric("reconciler_loop_timestamp_seconds", "gauge", "When the loop was last alive, in Unix time."),
    Metric("reconciler_last_poll_timestamp_seconds", "gauge", "When Git was last looked at, in Unix time."),
    Metric(
        "reconciler_revision_lag_seconds",
        "gauge",
        "For how long the newest revision has been known without all of it being on the hosts; 0 when it is.",
    ),
    Metric("reconciler_problems", "gauge", "Errors in the state repository, as reconciler validate shows them."),
    Metric(
        "reconciler_observation_age_seconds",
        "gauge",
        "How old hosts' last answers are: so much or younger for that share of them.",
        ("share",),
        known={"share": ("0.5", "0.9", "0.99", "1")},
    ),
    Metric(
        "reconciler_hosts",
        "gauge",
        "Hosts by what is known of them.",
        ("state",),
        known={"state": ("all", "unknown", "unreachable")},
    ),
    Metric(
        "reconciler_resources",
        "gauge",
        "Resources on hosts that are not known to be as Git says.",
        ("project", "service", "state"),
        "the 1,000 services with most of them, the rest of each project as (other)",
        known={"state": ("pending", "drift", "unknown")},
    ),
    Metric("reconciler_observe_queue", "gauge", "Hosts whose turn to be asked has come."),
    Metric("reconciler_services_waiting", "gauge", "Services that differ and are left so for now."),
    Metric("reconciler_applying", "gauge", "Services that an apply of this process is at work on."),
    Metric(
        "reconciler_breaker",
        "gauge",
        "Services that were halted by their failures at the newest revision, and are not tried again by themselves; 0: "
        "the breaker is closed.",
    ),
    Metric(
        "reconciler_polls_total",
        "counter",
        "Looks at Git.",
        ("result",),
        known={"result": ("moved", "same", "failed")},
    ),
    Metric(
        "reconciler_host_replies_total",
        "counter",
        "What came back from hosts that were asked or changed.",
        ("visit", "status"),
        known={
            "visit": ("observe", "apply"),
            "status": ("done", "failed", "stale", "refused", "unreachable", "lost", "skipped"),
        },
    ),
    Metric(
        "reconciler_outcomes_total",
        "counter",
        "What became of single resources on hosts.",
        ("kind", "result"),
        "kind: kinds of resources",
        known={"result": ("changed", "ok", "failed", "stale", "skipped")},
    ),
    Metric(
        "reconciler_runs_total",
        "counter",
        "Runs that ended.",
        ("status",),
        known={"status": ("succeeded", "failed", "stopped", "halted")},
    ),
    Metric("reconciler_runs_recovered_total", "counter", "Runs whose process died and that were taken over."),
    Metric("reconciler_rollouts_halted_total", "counter", "Services that were halted in a run, by failures or health."),
    Metric(
        "reconciler_rollbacks_total",
        "counter",
        "Batches that were brought back.",
        ("status",),
        known={"status": ("succeeded", "failed", "stopped", "halted")},
    ),
    Metric(
        "reconciler_refusals_total",
        "counter",
        "Plans that the gate refused.",
        ("limit",),
        known={"limit": LIMITS},
    ),
    Metric(
        "reconciler_webhooks_total",
        "counter",
        "Webhooks that came.",
        ("source", "result"),
        known={
            "source": ("github", "gitlab", "generic"),
            "result": ("accepted", "refused", "limited", "too_large"),
        },
    ),
    Metric(
        "reconciler_notifications_total",
        "counter",
        "Notices to channels: those that arrived, and each time that one did not.",
        ("result",),
        known={"result": ("sent", "failed", "given_up")},
    ),
    Metric("reconciler_troubles_total", "counter", "Things that could not be done and are tried again."),
    Metric("reconciler_plan_seconds", "histogram", "How long it took to work out what differs."),
    Metric("reconciler_apply_seconds", "histogram", "How long applies took, from the gate to their end."),
)


def page() -> str:
    """The list in Markdown."""
    rows = [
        f"| `{m.name}` | {m.type} | {', '.join(f'`{label}`' for label in m.labels)} | {m.help}"
        + (f" ({m.words})" if m.words else "")
        + " |"
        for m in METRICS
    ]
    return "\n".join([_HEAD, *rows, ""])


_HEAD = """\
# Metrics

<!-- Made from reconciler/adapters/metrics/catalogue.py by `make docs-metrics`; don't edit. -->

`reconciler serve` has these at `/metrics`, beside those of its process (`process_…`). No label holds a host, a path or
a message, so the number of series does not grow with the fleet.

| metric | type | labels | meaning |
| --- | --- | --- | --- |"""
