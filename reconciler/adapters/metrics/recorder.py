"""Counts what happens and shows how the daemon is: a Listener, and a place for its condition.

Must not know HTTP, nor where the numbers go.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterable, Sequence
from itertools import product
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from reconciler.adapters.metrics.catalogue import METRICS, Metric
from reconciler.core.assessing.differ import Differing
from reconciler.core.serving.condition import QUANTILES, Condition
from reconciler.model.event import (
    Applied,
    Event,
    GivenUp,
    HostFinished,
    HostObserved,
    Notified,
    PlanMade,
    Polled,
    Refused,
    RolledBack,
    RolloutHalted,
    RunFinished,
    RunRecovered,
    Troubled,
)

MOST_SERVICES = 1000
OTHER = "(other)"
_TYPES: dict[str, Any] = {"gauge": Gauge, "counter": Counter, "histogram": Histogram}
_BUCKETS = (0.1, 0.3, 1, 3, 10, 30, 60, 180, 600, 1800, 7200, 28800)


class Recorder:
    """All metrics of one process. Any thread may tell it something."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # it has no types
        self.registry = CollectorRegistry()
        self._metrics: dict[str, Any] = {}
        self._shown: set[tuple[str, str, str]] = set()
        for metric in METRICS:
            more = {"buckets": _BUCKETS} if metric.type == "histogram" else {}
            made = _TYPES[metric.type](metric.name, metric.help, metric.labels, registry=self.registry, **more)
            self._metrics[metric.name.removeprefix("reconciler_")] = made
            self._begin_at_nothing(metric, made)
        ProcessCollector(registry=self.registry)

    @staticmethod
    def _begin_at_nothing(metric: Metric, made: Any) -> None:
        """A counter that is first seen at 1 never grew, as Prometheus reckons: an alert would miss what came first."""
        if metric.type == "counter" and metric.labels and metric.known.keys() == set(metric.labels):
            for values in product(*(metric.known[label] for label in metric.labels)):
                made.labels(*values)

    def text(self) -> bytes:
        """All of them in Prometheus' text format."""
        return generate_latest(self.registry)

    def on(self, event: Event) -> None:
        """Hears what happens (a Listener)."""
        match event:
            case Polled(_, moved, error):
                self._of("polls_total", "failed" if error else "moved" if moved else "same").inc()
            case HostObserved(reply):
                self._of("host_replies_total", "observe", reply.status).inc()
            case HostFinished(_, reply):
                self._of("host_replies_total", "apply", reply.status).inc()
                for outcome in reply.outcomes:
                    self._of("outcomes_total", outcome.key.kind, outcome.result).inc()
            case RunFinished(_, status):
                self._of("runs_total", status).inc()
            case _:
                self._own(event)

    def _own(self, event: Event) -> None:
        """What only a daemon does."""
        match event:
            case PlanMade(seconds=seconds):
                self._of("plan_seconds").observe(seconds)
            case Applied(seconds=seconds):
                self._of("apply_seconds").observe(seconds)
            case Refused(limits):
                for limit in limits:
                    self._of("refusals_total", limit).inc()
            case Troubled():
                self._of("troubles_total").inc()
            case RolloutHalted():
                self._of("rollouts_halted_total").inc()
            case RolledBack(status=status):
                self._of("rollbacks_total", status).inc()
            case RunRecovered():
                self._of("runs_recovered_total").inc()
            case _:
                self._of_notices(event)

    def _of_notices(self, event: Event) -> None:
        match event:
            case Notified(_, notices, error):
                self._of("notifications_total", "failed" if error else "sent").inc(notices)
            case GivenUp(notices):
                self._of("notifications_total", "given_up").inc(notices)
            case _:
                pass

    def webhook(self, source: str, verdict: str) -> None:
        """A webhook came."""
        self._of("webhooks_total", source, verdict).inc()

    def publish(self, condition: Condition) -> None:
        """How the daemon is now."""
        leads = condition.role == "leader"
        self._of("leader").set(leads)
        self._of("leader_epoch").set(condition.epoch if leads else 0)
        self._of("paused").set(condition.pause is not None)
        self._of("problems").set(condition.problems)
        self._of("observe_queue").set(condition.queue)
        self._of("services_waiting").set(len(condition.waiting))
        self._of("applying").set(len(condition.applying))
        self._of("breaker").set(len(condition.halted))
        if condition.at:
            self._of("loop_timestamp_seconds").set(condition.at.timestamp())
            since = condition.lagging_since
            self._of("revision_lag_seconds").set((condition.at - since).total_seconds() if since else 0)
        if condition.polled_at:
            self._of("last_poll_timestamp_seconds").set(condition.polled_at.timestamp())
        self._ages(condition)
        self._resources(condition.differing)

    def _ages(self, condition: Condition) -> None:
        ages = condition.ages
        shown = self._of("observation_age_seconds")
        for quantile in QUANTILES:
            if quantile in ages.quantiles:
                shown.labels(f"{quantile:g}").set(ages.quantiles[quantile])
            else:
                # Who does not lead any more knows nothing of hosts; an age that stands still would look young.
                shown.remove(f"{quantile:g}")
        for state, count in (("all", ages.hosts), ("unknown", ages.unknown), ("unreachable", ages.unreachable)):
            self._of("hosts", state).set(count)

    def _resources(self, differing: Sequence[Differing]) -> None:
        gauge, counts = self._of("resources"), bounded(differing)
        for labels, count in counts.items():
            gauge.labels(*labels).set(count)
        # Only what is gone is taken out: who reads meanwhile must not find it empty.
        for labels in self._shown - counts.keys():
            gauge.remove(*labels)
        self._shown = set(counts)

    def _of(self, name: str, *labels: str) -> Any:
        metric = self._metrics[name]
        return metric.labels(*labels) if labels else metric


def bounded(differing: Iterable[Differing]) -> Tally[tuple[str, str, str]]:
    """Counts by project, service and state; services with few of them are put together when there are very many."""
    ordered = sorted(differing, key=lambda d: (-(d.pending + d.drift + d.unknown), d.service))
    counts: Tally[tuple[str, str, str]] = Tally()
    for number, each in enumerate(ordered):
        name = each.service if number < MOST_SERVICES else OTHER
        for state in ("pending", "drift", "unknown"):
            counts[each.project, name, state] += getattr(each, state)
    return counts
