"""What Prometheus should wake or tell people for: each alert with its query, its patience, and the words that it says.

Knows the metrics of `catalogue` by name; a test holds both together. What to do about each is in docs/runbooks.md.
Must not know who is told, nor how.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

RUNBOOKS = "docs/runbooks.md"
"""Where the runbooks are, for who has the repository before him; an installation has its own address for them."""


@dataclass(frozen=True, slots=True)
class Alert:
    """Fires when `query` has had a result for so long (as Prometheus writes spans). `critical` wakes somebody;
    `warning` is for today; `info` is for whoever looks."""

    name: str
    query: str
    lasts: str
    severity: Literal["critical", "warning", "info"]
    summary: str
    description: str

    @property
    def anchor(self) -> str:
        """The heading of its runbook, as links name it."""
        return self.name.lower()


LEADS = "and on (job, instance) reconciler_leader == 1"
"""Only who leads knows how things are."""

DAEMON = (
    Alert(
        "ReconcilerDown",
        'up{job=~".*reconciler.*"} == 0',
        "5m",
        "warning",
        "{{ $labels.instance }} does not answer",
        "Prometheus can't get the metrics of this daemon. If it was the only one, nothing is watched or healed.",
    ),
    Alert(
        "ReconcilerNoLeader",
        "sum by (job) (reconciler_leader) == 0 or absent(reconciler_leader)",
        "5m",
        "critical",
        "No daemon leads",
        "Nothing is planned, applied, healed or observed until one does. Hosts stay as they are.",
    ),
    Alert(
        "ReconcilerSeveralLeaders",
        "sum by (job) (reconciler_leader) > 1",
        "3m",
        "critical",
        "{{ $value }} daemons of {{ $labels.job }} lead",
        "On one store there is one at a time, and hosts refuse the older epoch; so these are daemons of several "
        "stores, or one hangs.",
    ),
    Alert(
        "ReconcilerLoopStuck",
        f"time() - reconciler_loop_timestamp_seconds > 300 {LEADS}",
        "10m",
        "critical",
        "{{ $labels.instance }} leads, but was last alive {{ $value | humanizeDuration }} ago",
        "One duty takes very long, or the process hangs. Others can't lead as long as it holds the lease.",
    ),
    Alert(
        "ReconcilerGitUnreachable",
        f"time() - reconciler_last_poll_timestamp_seconds > 900 {LEADS}",
        "5m",
        "warning",
        "Git was last looked at {{ $value | humanizeDuration }} ago",
        "The daemon goes on with the last revision that it knows; new commits have no effect.",
    ),
    Alert(
        "ReconcilerTroubles",
        "sum by (job) (increase(reconciler_troubles_total[15m])) > 5",
        "5m",
        "warning",
        "{{ $value | humanize }} things could not be done within 15 minutes",
        "Each is tried again. The log says what and why (`trouble with`), /readyz what is stale by now.",
    ),
    Alert(
        "ReconcilerNotificationsFail",
        'sum by (job) (increase(reconciler_notifications_total{result=~"failed|given_up"}[1h])) > 5',
        "10m",
        "warning",
        "Notices do not arrive",
        "They are kept and tried again for three days; the log says which channel and why (`could not be told`).",
    ),
    Alert(
        "ReconcilerWebhooksRefused",
        'sum by (job, source) (increase(reconciler_webhooks_total{result="refused"}[15m])) > 5',
        "5m",
        "info",
        "Webhooks of {{ $labels.source }} are refused",
        "Their secret is not ours, their time is off, or somebody guesses. Git is looked at in its interval anyway.",
    ),
)

FLEET = (
    Alert(
        "ReconcilerHostsUnreachable",
        'sum by (job) (reconciler_hosts{state="unreachable"}) > 2 and '
        'sum by (job) (reconciler_hosts{state="unreachable"}) '
        '> 0.05 * sum by (job) (reconciler_hosts{state="all"})',
        "30m",
        "warning",
        "{{ $value }} hosts can't be reached",
        "More than 5 % of the fleet. They are skipped and caught up later; below 95 % coverage nothing is deleted.",
    ),
    Alert(
        "ReconcilerObservationsOld",
        f'reconciler_observation_age_seconds{{share="0.9"}} > 7200 {LEADS}',
        "30m",
        "warning",
        "A tenth of the hosts were last heard of more than {{ $value | humanizeDuration }} ago",
        "Drift on them goes unnoticed, and plans rest on old answers.",
    ),
    Alert(
        "ReconcilerObservationsLag",
        'sum by (job) (reconciler_observe_queue) > 0.5 * sum by (job) (reconciler_hosts{state="all"})',
        "1h",
        "warning",
        "{{ $value }} hosts wait for their turn to be asked",
        "More than half of the fleet for an hour: hosts can't be asked as often as serve.observe_interval says.",
    ),
    Alert(
        "ReconcilerDrift",
        'sum by (job, project, service) (reconciler_resources{state="drift"}) > 0',
        "1h",
        "info",
        "{{ $labels.service }} drifts, in resources on hosts: {{ $value }}",
        "Somebody changed hosts, and nothing has undone it for an hour.",
    ),
    Alert(
        "ReconcilerMassDrift",
        'sum by (job) (increase(reconciler_refusals_total{limit="mass-drift"}[15m])) > 0',
        "0m",
        "critical",
        "So many hosts drift at once that healing is held",
        "Either something changed a large part of the fleet, or Git is wrong about it. A person has to look first.",
    ),
)

CHANGES = (
    Alert(
        "ReconcilerStateBroken",
        "max by (job) (reconciler_problems) > 0",
        "15m",
        "warning",
        "Errors in the state repository: {{ $value }}",
        "Documents with errors are held with what requires them; everything else goes on.",
    ),
    Alert(
        "ReconcilerRevisionLags",
        f"reconciler_revision_lag_seconds > 86400 {LEADS}",
        "15m",
        "info",
        "What Git says is not on all hosts after {{ $value | humanizeDuration }}",
        "Something waits: for a person (`sync: manual`, an approval), a window, or hosts that don't answer.",
    ),
    Alert(
        "ReconcilerRolloutHalted",
        "max by (job) (reconciler_breaker) > 0",
        "0m",
        "critical",
        "Services that were halted by their failures: {{ $value }}",
        "Their rollout used up its budget or was not healthy. Nothing more of them is begun at this revision.",
    ),
    Alert(
        "ReconcilerRunsFail",
        'sum by (job) (increase(reconciler_runs_total{status="failed"}[1h])) > 2',
        "0m",
        "warning",
        "{{ $value | humanize }} runs failed within an hour",
        "The same changes are tried again, less and less often.",
    ),
    Alert(
        "ReconcilerRefused",
        "sum by (job, limit) (increase(reconciler_refusals_total"
        '{limit!~"pause|freeze|window|mass-drift|breaker"}[15m])) > 0',
        "0m",
        "warning",
        "A plan is refused by the limit {{ $labels.limit }}",
        "It does more than may be done without anybody's word, and waits for an approval.",
    ),
    Alert(
        "ReconcilerPaused",
        "max by (job) (reconciler_paused) == 1",
        "4h",
        "warning",
        "Everything has been paused for four hours",
        "Nothing changes hosts, not even healing. Perhaps somebody forgot to resume.",
    ),
)

GROUPS = {"reconciler-daemon": DAEMON, "reconciler-fleet": FLEET, "reconciler-changes": CHANGES}


def rules(runbooks: str = RUNBOOKS) -> dict[str, Any]:
    """Prometheus' rule file as a value. `runbooks` is where people find docs/runbooks.md."""
    return {"groups": [{"name": n, "rules": [_rule(a, runbooks) for a in alerts]} for n, alerts in GROUPS.items()]}


def _rule(alert: Alert, runbooks: str) -> dict[str, Any]:
    return {
        "alert": alert.name,
        "expr": alert.query,
        "for": alert.lasts,
        "labels": {"severity": alert.severity},
        "annotations": {
            "summary": alert.summary,
            "description": alert.description,
            "runbook_url": f"{runbooks}#{alert.anchor}",
        },
    }
