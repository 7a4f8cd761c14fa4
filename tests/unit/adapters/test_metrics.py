"""Metrics: what is counted, in a form that Prometheus reads, and no more series than there may be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import prod

from prometheus_client.parser import text_string_to_metric_families

from reconciler.adapters.metrics.catalogue import METRICS, page
from reconciler.adapters.metrics.recorder import MOST_SERVICES, OTHER, Recorder, bounded
from reconciler.core.assessing.differ import Differing
from reconciler.core.serving.condition import Ages, Condition
from reconciler.model.delivery import Outcome, Reply
from reconciler.model.event import (
    Applied,
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
from reconciler.model.key import Key
from tests.command_line import ROOT

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
EVENTS = (
    Polled("r1", moved=True),
    Polled("r1"),
    Polled("r1", error="down"),
    HostObserved(Reply("secret-host", "unreachable", "ssh: timed out")),
    HostFinished("edge", Reply("secret-host", "done", outcomes=(Outcome(Key("file", "/etc/x"), "changed"),))),
    PlanMade("r1", 0.2, 3, 4),
    Refused(("deletes", "window"), ("edge",), ("a", "b")),
    RunFinished(1, "failed"),
    Applied(1, "failed", ("edge",), 7.0),
    Troubled("the loop", "why"),
    RolloutHalted("edge", "1 of 2"),
    RolledBack("edge", 2, "succeeded", "r1", 3),
    RunRecovered(1, NOW, 2, 1, 0),
    Notified("team", 2),
    Notified("team", 1, "down"),
    GivenUp(3),
)


def values(recorder: Recorder) -> dict[tuple[str, ...], float]:
    found = {}
    for family in text_string_to_metric_families(recorder.text().decode()):
        for sample in family.samples:
            found[(sample.name, *(v for _, v in sorted(sample.labels.items())))] = sample.value
    return found


def filled() -> Recorder:
    recorder = Recorder()
    for event in EVENTS:
        recorder.on(event)
    recorder.webhook("github", "accepted")
    recorder.publish(
        Condition(
            role="leader",
            at=NOW,
            epoch=41,
            polled_at=NOW,
            lagging_since=NOW - timedelta(seconds=90),
            halted=("edge",),
            ages=Ages({0.5: 30.0, 1.0: 60.0}, 12, 1, 2),
            differing=(Differing("edge", "web", "auto", "auto", 3, 2, 1),),
        )
    )
    return recorder


def test_the_page_is_fresh():
    assert (ROOT / "docs/metrics.md").read_text() == page(), "run: make docs-metrics"


def test_everything_that_happens_is_counted():
    found = values(filled())
    expected = {
        ("reconciler_polls_total", "moved"): 1,
        ("reconciler_polls_total", "failed"): 1,
        ("reconciler_host_replies_total", "unreachable", "observe"): 1,
        ("reconciler_outcomes_total", "file", "changed"): 1,
        ("reconciler_refusals_total", "window"): 1,
        ("reconciler_runs_total", "failed"): 1,
        ("reconciler_apply_seconds_sum",): 7,
        ("reconciler_plan_seconds_count",): 1,
        ("reconciler_troubles_total",): 1,
        ("reconciler_notifications_total", "sent"): 2,
        ("reconciler_notifications_total", "failed"): 1,
        ("reconciler_notifications_total", "given_up"): 3,
        ("reconciler_rollouts_halted_total",): 1,
        ("reconciler_rollbacks_total", "succeeded"): 1,
        ("reconciler_runs_recovered_total",): 1,
        ("reconciler_breaker",): 1,
        ("reconciler_webhooks_total", "accepted", "github"): 1,
        ("reconciler_leader_epoch",): 41,
        ("reconciler_revision_lag_seconds",): 90,
        ("reconciler_observation_age_seconds", "0.5"): 30,
        ("reconciler_hosts", "unreachable"): 2,
        ("reconciler_resources", "web", "edge", "drift"): 2,
    }
    assert {key: found.get(key) for key in expected} == expected


def test_every_metric_of_the_list_is_there_with_its_type_and_help():
    families = {family.name: family for family in text_string_to_metric_families(filled().text().decode())}
    for metric in METRICS:
        family = families[metric.name.removesuffix("_total")]
        assert (family.type, family.documentation) == (metric.type, metric.help)
        assert all(set(sample.labels) - {"le"} == set(metric.labels) for sample in family.samples)
    ours = {name for name in families if name.startswith("reconciler_")}
    assert ours == {metric.name.removesuffix("_total") for metric in METRICS}


def test_counters_begin_at_nothing_so_that_the_first_of_something_is_noticed():
    found = values(Recorder())
    counters = [metric for metric in METRICS if metric.known.keys() == set(metric.labels) and metric.type == "counter"]
    for metric in counters:
        of_metric = [value for (name, *_), value in found.items() if name == metric.name]
        assert of_metric == [0] * prod(len(known) for known in metric.known.values())


def test_what_labels_are_known_to_hold_is_all_that_they_do():
    families = {family.name: family for family in text_string_to_metric_families(filled().text().decode())}
    for metric in METRICS:
        for sample in families[metric.name.removesuffix("_total")].samples:
            assert all(sample.labels[label] in known for label, known in metric.known.items())


def test_no_host_is_in_any_label():
    assert "secret-host" not in filled().text().decode()


def test_very_many_services_are_put_together_and_nothing_is_lost():
    many = [Differing(f"s{n:05}", f"p{n % 3}", "auto", "auto", pending=1 + n % 7) for n in range(5000)]
    found = bounded(many)
    assert len({service for _, service, _ in found}) == MOST_SERVICES + 1
    assert sum(count for (_, _, state), count in found.items() if state == "pending") == sum(d.pending for d in many)
    assert {project for project, service, _ in found if service == OTHER} == {"p0", "p1", "p2"}


def test_what_is_in_order_again_is_not_shown_any_more():
    recorder = filled()
    recorder.publish(Condition(role="standby"))
    found = values(recorder)
    assert found["reconciler_leader",] == 0
    assert ("reconciler_resources", "web", "edge", "drift") not in found
    assert ("reconciler_observation_age_seconds", "0.5") not in found
