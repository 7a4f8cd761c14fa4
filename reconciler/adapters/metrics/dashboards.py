"""The three dashboards: how the fleet is, what drifts, how rollouts go. Each with its questions, in the order in which
somebody on call asks them.

Knows the metrics of `catalogue` by name; a test holds both together. Must not know Grafana's form.
"""

from __future__ import annotations

from dataclasses import replace

from reconciler.adapters.metrics.panels import (
    BAD_WHEN_ANY,
    GOOD_WHEN_NONE,
    Dashboard,
    Panel,
    Query,
    Row,
    Variable,
    lines,
    ranking,
    stat,
)

JOB = Variable("job", "Job", "label_values(reconciler_leader, job)")
PROJECT = Variable("project", "Project", 'label_values(reconciler_resources{job=~"$job"}, project)')
SERVICE = Variable(
    "service", "Service", 'label_values(reconciler_resources{job=~"$job", project=~"$project"}, service)'
)

_OURS = 'job=~"$job"'
_ALL, _UNREACHABLE = ', state="all"', ', state="unreachable"'
_CHOSEN = f'{_OURS}, project=~"$project", service=~"$service"'

ALERTS = Panel(
    "Alerts",
    "table",
    (Query('ALERTS{alertname=~"Reconciler.*", alertstate="firing"}', now=True),),
    "What Prometheus alerts about now, by the rules in packaging/prometheus.",
    width=24,
    height=5,
)


def _sum(metric: str, more: str = "") -> str:
    return f"sum({metric}{{{_OURS}{more}}})"


def _grown(metric: str, by: str, more: str = "") -> str:
    """How much a counter grew within a step of the picture."""
    return f"sum by ({by}) (increase({metric}{{{_OURS}{more}}}[$__rate_interval]))"


def _quantile(share: float, metric: str) -> str:
    return f"histogram_quantile({share}, sum by (le) (rate({metric}_bucket{{{_OURS}}}[$__rate_interval])))"


_LEADER = replace(
    stat(
        "Leader",
        _sum("reconciler_leader"),
        "How many daemons lead: one should.",
        ((None, "red"), (1, "green"), (2, "red")),
    ),
    names=(("0", "none"), ("1", "one")),
)
_PAUSED = replace(
    stat("Paused", f"max(reconciler_paused{{{_OURS}}})", "Whether everything is paused.", GOOD_WHEN_NONE),
    names=(("0", "no"), ("1", "paused")),
)
_LAG = stat(
    "Git to hosts",
    f"max(reconciler_revision_lag_seconds{{{_OURS}}})",
    "For how long the newest revision has been known without all of it being on the hosts; 0 when it is.",
    ((None, "green"), (3600, "orange"), (86400, "red")),
    "s",
)
_PENDING = stat(
    "Pending",
    _sum("reconciler_resources", ', state="pending"'),
    "Changes on hosts that are due because Git moved.",
    GOOD_WHEN_NONE,
)
_DRIFT = replace(
    stat(
        "Drift",
        _sum("reconciler_resources", ', state="drift"'),
        "Changes on hosts that are due because somebody changed a host.",
        GOOD_WHEN_NONE,
    ),
    link="reconciler-drift",
)
_HALTED = replace(
    stat("Halted", f"max(reconciler_breaker{{{_OURS}}})", "Services that were halted by their failures.", BAD_WHEN_ANY),
    link="reconciler-rollouts",
)
_WAITING = stat(
    "Services waiting",
    _sum("reconciler_services_waiting"),
    "Services that differ and are left so for now; `reconciler status` says why.",
    GOOD_WHEN_NONE,
)

FLEET = Dashboard(
    "reconciler-fleet",
    "Reconciler: fleet",
    "Whether the daemon is well, what it knows of the hosts, and whether they are as Git says.",
    (
        Row(
            "Now",
            (
                _LEADER,
                _PAUSED,
                _HALTED,
                _LAG,
                _PENDING,
                _DRIFT,
                stat("Hosts", _sum("reconciler_hosts", _ALL), "Hosts that there are."),
                stat(
                    "Not reached",
                    _sum("reconciler_hosts", _UNREACHABLE),
                    "Hosts that can't be reached.",
                    GOOD_WHEN_NONE,
                ),
                stat(
                    "Reached",
                    f"1 - {_sum('reconciler_hosts', _UNREACHABLE)} / {_sum('reconciler_hosts', _ALL)}",
                    "The share of hosts that answer; below 95 % nothing is deleted.",
                    ((None, "red"), (0.95, "orange"), (0.99, "green")),
                    "percentunit",
                ),
                stat(
                    "Problems in Git",
                    f"max(reconciler_problems{{{_OURS}}})",
                    "Errors in the state repository, as reconciler validate shows them.",
                    GOOD_WHEN_NONE,
                ),
                _WAITING,
                stat("Applying", _sum("reconciler_applying"), "Services that an apply is at work on."),
                ALERTS,
            ),
        ),
        Row(
            "Hosts",
            (
                lines(
                    "Hosts by what is known of them",
                    "Hosts that never answered, and that can't be reached.",
                    (f'sum by (state) (reconciler_hosts{{{_OURS}, state!="all"}})', "{{state}}"),
                ),
                lines(
                    "Age of the last answers",
                    "So old or younger is what that share of the hosts said last.",
                    (f"max by (share) (reconciler_observation_age_seconds{{{_OURS}}})", "{{share}}"),
                    unit="s",
                ),
                lines(
                    "Answers of hosts that were asked",
                    "What came back.",
                    (_grown("reconciler_host_replies_total", "status", ', visit="observe"'), "{{status}}"),
                    stacked=True,
                ),
                lines(
                    "Hosts whose turn has come",
                    "They wait to be asked. It should come back to none within serve.observe_interval.",
                    (_sum("reconciler_observe_queue"), "hosts"),
                ),
            ),
        ),
        Row(
            "The daemon",
            (
                lines("Who leads", "1 is the one that leads.", (f"reconciler_leader{{{_OURS}}}", "{{instance}}")),
                lines(
                    "Looks at Git",
                    "By what came of them.",
                    (_grown("reconciler_polls_total", "result"), "{{result}}"),
                    stacked=True,
                ),
                lines(
                    "Time to work out what differs",
                    "Half of the looks took so long or less, and 95 % of them.",
                    (_quantile(0.5, "reconciler_plan_seconds"), "half"),
                    (_quantile(0.95, "reconciler_plan_seconds"), "95 %"),
                    unit="s",
                ),
                lines(
                    "Troubles",
                    "Things that could not be done and are tried again; the log says which.",
                    (_grown("reconciler_troubles_total", "instance"), "{{instance}}"),
                ),
                lines(
                    "Webhooks",
                    "By what became of them.",
                    (_grown("reconciler_webhooks_total", "source, result"), "{{source}} {{result}}"),
                    stacked=True,
                ),
                lines(
                    "Notices to people and programs",
                    "Those that arrived, and each time that one did not.",
                    (_grown("reconciler_notifications_total", "result"), "{{result}}"),
                    stacked=True,
                ),
                lines(
                    "Memory",
                    "Of the process.",
                    (f"process_resident_memory_bytes{{{_OURS}}}", "{{instance}}"),
                    unit="bytes",
                ),
            ),
        ),
    ),
    (JOB,),
)

DRIFT = Dashboard(
    "reconciler-drift",
    "Reconciler: drift",
    "What somebody changed on hosts, where, since when, and whether it is healed.",
    (
        Row(
            "Now",
            (
                stat(
                    "Drift",
                    f'sum(reconciler_resources{{{_CHOSEN}, state="drift"}})',
                    "Resources on hosts that somebody changed.",
                    GOOD_WHEN_NONE,
                ),
                stat(
                    "Services that drift",
                    f'count(sum by (project, service) (reconciler_resources{{{_CHOSEN}, state="drift"}}) > 0) '
                    "or vector(0)",
                    "Services with drift on some host.",
                    GOOD_WHEN_NONE,
                ),
                stat(
                    "Not known",
                    f'sum(reconciler_resources{{{_CHOSEN}, state="unknown"}})',
                    "Resources of which nothing is known: there may be drift that nobody sees.",
                    GOOD_WHEN_NONE,
                ),
                stat(
                    "Healing held, 24 h",
                    f'sum(increase(reconciler_refusals_total{{{_OURS}, limit="mass-drift"}}[24h]))',
                    "How often so much drifted at once that a person has to look first.",
                    BAD_WHEN_ANY,
                ),
                _PAUSED,
                _LEADER,
            ),
        ),
        Row(
            "Where",
            (
                ranking(
                    "Services with the most drift",
                    "`reconciler drift` says what it is.",
                    f'topk(15, sum by (project, service) (reconciler_resources{{{_CHOSEN}, state="drift"}}) > 0)',
                    "{{project}} {{service}}",
                ),
                ranking(
                    "Services of which the least is known",
                    "`reconciler observe` asks their hosts.",
                    f'topk(15, sum by (project, service) (reconciler_resources{{{_CHOSEN}, state="unknown"}}) > 0)',
                    "{{project}} {{service}}",
                ),
            ),
        ),
        Row(
            "Since when",
            (
                lines(
                    "Drift by project",
                    "Resources on hosts.",
                    (f'sum by (project) (reconciler_resources{{{_CHOSEN}, state="drift"}})', "{{project}}"),
                    stacked=True,
                ),
                lines(
                    "Drift by service",
                    "The services with the most drift.",
                    (
                        f'topk(10, sum by (project, service) (reconciler_resources{{{_CHOSEN}, state="drift"}}) > 0)',
                        "{{project}} {{service}}",
                    ),
                ),
                lines(
                    "Resources that were changed by runs",
                    "Drift that was undone is among them, and changes that Git asked for.",
                    (_grown("reconciler_outcomes_total", "kind", ', result="changed"'), "{{kind}}"),
                    stacked=True,
                ),
                lines(
                    "Age of the last answers",
                    "Drift is noticed when a host is asked: that can't be sooner.",
                    (f"max by (share) (reconciler_observation_age_seconds{{{_OURS}}})", "{{share}}"),
                    unit="s",
                ),
            ),
        ),
    ),
    (JOB, PROJECT, SERVICE),
    "7d",
)

ROLLOUTS = Dashboard(
    "reconciler-rollouts",
    "Reconciler: rollouts",
    "What is being changed, how it goes, and what waits for whom.",
    (
        Row(
            "Now",
            (
                stat("Applying", _sum("reconciler_applying"), "Services that an apply is at work on."),
                stat(
                    "Pending",
                    f'sum(reconciler_resources{{{_CHOSEN}, state="pending"}})',
                    "Changes on hosts that are due because Git moved.",
                    GOOD_WHEN_NONE,
                ),
                _WAITING,
                replace(_HALTED, link=""),
                _LAG,
                _PAUSED,
            ),
        ),
        Row(
            "How it goes",
            (
                lines(
                    "Runs that ended",
                    "By how they ended.",
                    (_grown("reconciler_runs_total", "status"), "{{status}}"),
                    stacked=True,
                ),
                lines(
                    "How long applies take",
                    "Half of them so long or less, and 95 % of them.",
                    (_quantile(0.5, "reconciler_apply_seconds"), "half"),
                    (_quantile(0.95, "reconciler_apply_seconds"), "95 %"),
                    unit="s",
                ),
                lines(
                    "Hosts that were visited",
                    "By what came of the visit.",
                    (_grown("reconciler_host_replies_total", "status", ', visit="apply"'), "{{status}}"),
                    stacked=True,
                ),
                lines(
                    "Resources",
                    "By what became of them.",
                    (_grown("reconciler_outcomes_total", "result"), "{{result}}"),
                    stacked=True,
                ),
            ),
        ),
        Row(
            "What went wrong",
            (
                lines(
                    "Halted and brought back",
                    "Services that were halted in a run, and batches that were brought back.",
                    (_grown("reconciler_rollouts_halted_total", "job"), "halted"),
                    (_grown("reconciler_rollbacks_total", "status"), "brought back: {{status}}"),
                ),
                lines(
                    "Plans that the gate refused",
                    "By the limit that refused them. `reconciler status` says how to approve.",
                    (_grown("reconciler_refusals_total", "limit"), "{{limit}}"),
                    stacked=True,
                ),
                lines(
                    "Runs that were taken over",
                    "Their process died.",
                    (_grown("reconciler_runs_recovered_total", "job"), "taken over"),
                ),
            ),
        ),
        Row(
            "What is left",
            (
                ranking(
                    "Services with the most pending changes",
                    "`reconciler plan` shows them.",
                    f'topk(15, sum by (project, service) (reconciler_resources{{{_CHOSEN}, state="pending"}}) > 0)',
                    "{{project}} {{service}}",
                ),
                lines(
                    "Pending changes by project",
                    "A rollout that goes well brings them down in steps.",
                    (f'sum by (project) (reconciler_resources{{{_CHOSEN}, state="pending"}})', "{{project}}"),
                    stacked=True,
                ),
            ),
        ),
    ),
    (JOB, PROJECT, SERVICE),
    "24h",
)

DASHBOARDS = (FLEET, DRIFT, ROLLOUTS)
