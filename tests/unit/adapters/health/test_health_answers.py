"""What is sent for a check, and what Prometheus' answers mean."""

from __future__ import annotations

import pytest

from reconciler.adapters.health import prometheus
from reconciler.adapters.outward.request import Target, Unanswered
from reconciler.model.rollout import PrometheusCheck


@pytest.mark.parametrize(
    ("url", "expected", "authority"),
    [
        ("http://a/", Target(False, "a", 80, "/"), "a"),
        ("https://a:8443/x?y=1#z", Target(True, "a", 8443, "/x?y=1"), "a:8443"),
        ("http://[2001:db8::1]:80", Target(False, "2001:db8::1", 80, "/"), "[2001:db8::1]"),
    ],
)
def test_urls(url: str, expected: Target, authority: str) -> None:
    assert (Target.of(url), Target.of(url).authority) == (expected, authority)


@pytest.mark.parametrize(
    "url",
    ["ftp://a/", "http://", "file:///etc/passwd", "http://u:p@a/", "http://a/\r\nHost: b", "http://a/ b", "http://a:0x/",
     "http://[::1", "http://é/", "a"],
)  # fmt: skip
def test_urls_that_are_not_asked(url: str) -> None:
    with pytest.raises(Unanswered):
        Target.of(url)


def vector(*values: str) -> bytes:
    samples = ", ".join(f'{{"metric": {{}}, "value": [1, "{value}"]}}' for value in values)
    return f'{{"status": "success", "data": {{"resultType": "vector", "result": [{samples}]}}}}'.encode()


SCALAR = b'{"status": "success", "data": {"resultType": "scalar", "result": [1, "2"]}}'
BOUNDED = PrometheusCheck("up", at_least=1, at_most=3)


@pytest.mark.parametrize(
    ("status", "body", "check", "expected"),
    [
        (200, vector("0"), PrometheusCheck("up"), ""),
        (200, vector("1", "3"), BOUNDED, ""),
        (200, SCALAR, BOUNDED, ""),
        (200, vector("2", "0.5"), BOUNDED, "the query gives 0.5, less than 1"),
        (200, vector("4"), BOUNDED, "the query gives 4, more than 3"),
        (200, vector("NaN"), BOUNDED, "the query gives no number"),
        (200, vector("+Inf"), BOUNDED, "the query gives inf, more than 3"),
        (200, vector(), BOUNDED, "the query has no result"),
        (400, b'{"status": "error", "error": "parse error"}', BOUNDED, "Prometheus refuses the query: parse error"),
        (503, b'{"status": "success"}', BOUNDED, "Prometheus refuses the query: HTTP 503"),
        (200, b"<html>", BOUNDED, "what answers there (HTTP 200) is not Prometheus"),
        (200, b"[1]", BOUNDED, "what answers there (HTTP 200) is not Prometheus"),
        (200, b'{"status": "success", "data": {"resultType": "matrix", "result": []}}', BOUNDED,
         "what answers there (HTTP 200) is not Prometheus"),
        (200, vector("x"), BOUNDED, "what answers there (HTTP 200) is not Prometheus"),
    ],
)  # fmt: skip
def test_answers_of_prometheus(status: int, body: bytes, check: PrometheusCheck, expected: str) -> None:
    assert prometheus.objection(status, body, check) == expected


def test_a_query_is_one_value_of_the_url() -> None:
    url = prometheus.address("http://prom:9090/", PrometheusCheck('up{a="b&c"} > 1'))
    assert url == "http://prom:9090/api/v1/query?query=up%7Ba%3D%22b%26c%22%7D%20%3E%201"
