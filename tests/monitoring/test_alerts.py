"""Every alert fires when it should, not before, alone, and says what it should."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from reconciler.adapters.metrics.alerts import GROUPS
from reconciler.adapters.metrics.files import RULES
from reconciler.core.assessing.differ import Differing
from reconciler.model.event import Notified, Refused, RunFinished, Troubled
from reconciler.model.order import Order
from tests.command_line import ROOT
from tests.monitoring.promtool import examined, promtool
from tests.monitoring.scrapes import FIRST, JOB, SECOND, Happening, Pair, answers, leads, moment, scraped

FILE = ROOT / "packaging" / RULES
ALERTS = {alert.name: alert for alerts in GROUPS.values() for alert in alerts}
PAUSE = Order("pause", "ada", "look", moment(0))


@dataclass(frozen=True)
class Case:
    """What happens each minute; a minute at which the alert does not fire yet, and one at which it does; the labels
    that it has then beside the job, and its summary."""

    alert: str
    happens: Happening
    quiet: int
    fires: int
    says: str
    labels: dict[str, str] = field(default_factory=lambda: {"job": JOB})
    every: int = 1


def is_so(**more: Any) -> Happening:
    """The one that leads is like this all the time."""
    return lambda pair, minute: pair.first.publish(leads(minute, **more))


def every(minutes: int, event: Any, begin: int = 0) -> Happening:
    def happens(pair: Pair, minute: int) -> None:
        if minute >= begin and (minute - begin) % minutes == 0 and minute:
            pair.first.on(event)

    return happens


def is_down(pair: Pair, minute: int) -> None:
    pair.down = True


def is_gone(pair: Pair, minute: int) -> None:
    pair.gone = minute >= 1


def nobody_leads(pair: Pair, minute: int) -> None:
    pair.first.publish(leads(minute, role="standby"))


def both_lead(pair: Pair, minute: int) -> None:
    pair.second.publish(leads(minute))


def hangs(pair: Pair, minute: int) -> None:
    pair.first.publish(leads(minute, at=moment(min(minute, 3))))


def guessed(pair: Pair, minute: int) -> None:
    if minute:
        pair.first.webhook("github", "refused")


DRIFTING = (Differing("edge", "web", "auto", "report", drift=3),)
REFUSED = Refused(("deletes",), ("edge",), ("too many",))
MASS = Refused(("mass-drift",), ("edge",), ("too many",))
CASES = (
    Case("ReconcilerDown", is_down, 4, 6, f"{SECOND} does not answer", {"job": JOB, "instance": SECOND}),
    Case("ReconcilerNoLeader", nobody_leads, 4, 6, "No daemon leads"),
    Case("ReconcilerNoLeader", is_gone, 8, 12, "No daemon leads", {}),
    Case("ReconcilerSeveralLeaders", both_lead, 2, 4, "2 daemons of reconciler lead"),
    Case(
        "ReconcilerLoopStuck",
        hangs,
        15,
        20,
        f"{FIRST} leads, but was last alive 17m 0s ago",
        {"job": JOB, "instance": FIRST},
    ),
    Case(
        "ReconcilerGitUnreachable",
        is_so(polled_at=moment(0)),
        19,
        22,
        "Git was last looked at 22m 0s ago",
        {"job": JOB, "instance": FIRST},
    ),
    Case(
        "ReconcilerTroubles",
        every(1, Troubled("the loop", "why")),
        6,
        20,
        "15 things could not be done within 15 minutes",
    ),
    Case("ReconcilerNotificationsFail", every(1, Notified("team", 1, "refused")), 12, 20, "Notices do not arrive"),
    Case(
        "ReconcilerWebhooksRefused", guessed, 6, 20, "Webhooks of github are refused", {"job": JOB, "source": "github"}
    ),
    Case("ReconcilerHostsUnreachable", is_so(ages=answers(100, 10)), 28, 32, "10 hosts can't be reached"),
    Case(
        "ReconcilerObservationsOld",
        is_so(ages=answers(oldest=10_000)),
        28,
        32,
        "A tenth of the hosts were last heard of more than 2h 30m 0s ago",
        {"job": JOB, "instance": FIRST, "share": "0.9"},
    ),
    Case("ReconcilerObservationsLag", is_so(queue=60), 58, 62, "60 hosts wait for their turn to be asked"),
    Case(
        "ReconcilerDrift",
        is_so(differing=DRIFTING),
        58,
        62,
        "edge drifts, in resources on hosts: 3",
        {"job": JOB, "project": "web", "service": "edge"},
    ),
    Case("ReconcilerMassDrift", every(5, MASS, 5), 4, 6, "So many hosts drift at once that healing is held"),
    Case("ReconcilerStateBroken", is_so(problems=2), 13, 17, "Errors in the state repository: 2"),
    Case(
        "ReconcilerRevisionLags",
        is_so(lagging_since=moment(-24 * 60)),
        13,
        20,
        "What Git says is not on all hosts after 1d 0h 20m 0s",
        {"job": JOB, "instance": FIRST},
    ),
    Case(
        "ReconcilerRolloutHalted",
        lambda pair, minute: pair.first.publish(leads(minute, halted=("edge",) if minute > 2 else ())),
        2,
        4,
        "Services that were halted by their failures: 1",
    ),
    Case("ReconcilerRunsFail", every(10, RunFinished(1, "failed")), 25, 31, "3 runs failed within an hour"),
    Case(
        "ReconcilerRefused",
        every(5, REFUSED, 5),
        4,
        6,
        "A plan is refused by the limit deletes",
        {"job": JOB, "limit": "deletes"},
    ),
    Case("ReconcilerPaused", is_so(pause=PAUSE), 236, 244, "Everything has been paused for four hours", every=4),
)


def expected(case: Case) -> dict[str, Any]:
    alert = ALERTS[case.alert]
    return {
        "exp_labels": {"severity": alert.severity, **case.labels},
        "exp_annotations": {
            "summary": case.says,
            "description": alert.description,
            "runbook_url": f"docs/runbooks.md#{alert.anchor}",
        },
    }


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.alert)
def test_it_fires_in_time_alone_and_says_why(case: Case, tmp_path: Path) -> None:
    firing = 'count by (alertname) (ALERTS{alertstate="firing"})'
    alone = [{"labels": f'{{alertname="{case.alert}"}}', "value": 1}]
    test = {
        "interval": f"{case.every}m",
        "input_series": scraped(case.happens, case.fires, case.every),
        "alert_rule_test": [
            {"alertname": case.alert, "eval_time": f"{case.quiet}m", "exp_alerts": []},
            {"alertname": case.alert, "eval_time": f"{case.fires}m", "exp_alerts": [expected(case)]},
        ],
        "promql_expr_test": [{"expr": firing, "eval_time": f"{case.fires}m", "exp_samples": alone}],
    }
    examined(tmp_path, FILE, test)


def five_machines(pair: Pair, minute: int) -> None:
    """Two of five are switched off: that is no emergency."""
    pair.first.publish(leads(minute, ages=answers(5, 2)))


@pytest.mark.parametrize("happens", [lambda pair, minute: None, five_machines], ids=["all is well", "five machines"])
def test_none_fires_without_need(happens: Happening, tmp_path: Path) -> None:
    calm = {"expr": 'count(ALERTS{alertstate="firing"}) or vector(0)', "eval_time": "70m"}
    test = {
        "interval": "1m",
        "input_series": scraped(happens, 70),
        "promql_expr_test": [{**calm, "exp_samples": [{"labels": "{}", "value": 0}]}],
    }
    examined(tmp_path, FILE, test)


def test_a_bad_expectation_would_be_noticed(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="got"):
        examined(
            tmp_path,
            FILE,
            {
                "interval": "1m",
                "input_series": scraped(nobody_leads, 6),
                "alert_rule_test": [{"alertname": "ReconcilerNoLeader", "eval_time": "6m", "exp_alerts": []}],
            },
        )


def test_every_alert_is_tried() -> None:
    assert {case.alert for case in CASES} == ALERTS.keys()


def test_prometheus_takes_the_rules() -> None:
    assert f"SUCCESS: {len(ALERTS)} rules found" in promtool("check", "rules", str(FILE))
