"""A Prometheus server's instant queries: the address of a query, and what its answer means.

Must not know how it is asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import isnan
from typing import Any
from urllib.parse import quote

import orjson

from reconciler.model.rollout import PrometheusCheck


def address(server: str, check: PrometheusCheck) -> str:
    """The URL that gives the query's result."""
    return f"{server.rstrip('/')}/api/v1/query?query={quote(check.query, safe='')}"


def objection(status: int, body: bytes, check: PrometheusCheck) -> str:
    """What is wrong by the answer; empty: nothing. No result at all is never healthy."""
    try:
        document = orjson.loads(body)
        if status != 200 or document["status"] != "success":
            said = document.get("error") or f"HTTP {status}"
            return f"Prometheus refuses the query: {str(said)[:200]}"
        values = list(_values(document["data"]))
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, IndexError, AttributeError):
        return f"what answers there (HTTP {status}) is not Prometheus"
    if not values:
        return "the query has no result"
    for value in values:
        if isnan(value):
            return "the query gives no number"
        if check.at_least is not None and value < check.at_least:
            return f"the query gives {value:g}, less than {check.at_least:g}"
        if check.at_most is not None and value > check.at_most:
            return f"the query gives {value:g}, more than {check.at_most:g}"
    return ""


def _values(data: Any) -> Iterator[float]:
    match data["resultType"]:
        case "scalar":
            yield float(data["result"][1])
        case "vector":
            for sample in data["result"]:
                yield float(sample["value"][1])
        case other:
            raise ValueError(other)
