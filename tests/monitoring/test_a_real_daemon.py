"""What a real daemon answers at /metrics, as Prometheus reads it."""

from __future__ import annotations

import re
from pathlib import Path

from reconciler.adapters.metrics.catalogue import METRICS
from tests.cli.daemon import serving, until
from tests.cli.place import WEB, place_in
from tests.monitoring.promtool import promtool


def test_prometheus_has_nothing_to_say_against_it(tmp_path: Path) -> None:
    place = place_in(tmp_path)
    place.host("web-1")
    place.commit({"services/web.yaml": WEB})
    with serving(place) as served:
        until(lambda: served.metric('reconciler_hosts{state="all"}') > 0, served)
        scraped = served.get("/metrics")[1].decode()
    assert promtool("check", "metrics", stdin=scraped) == ""
    told = set(re.findall(r"^# TYPE (reconciler_\w+) (\w+)$", scraped, re.MULTILINE))
    assert told == {(metric.name, metric.type) for metric in METRICS}
