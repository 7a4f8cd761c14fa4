"""The limits that a plan has to keep, as plain numbers. What each means is told where it is checked.

Shares have floors, so that small fleets are not in the way of themselves.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """`deletes` resources or `deletes_share` of the managed ones; deletes on `delete_hosts` hosts, or on these shares
    of the fleet and of a service's hosts; `coverage` of the fleet must have answered, but for fewer than
    `coverage_missing` hosts; drift on `drift_hosts` hosts, or on `drift_share` of the fleet."""

    deletes: int = 10
    deletes_share: float = 0.001
    delete_hosts: int = 10
    delete_fleet_share: float = 0.1
    delete_service_share: float = 0.25
    coverage: float = 0.95
    coverage_missing: int = 3
    drift_hosts: int = 10
    drift_share: float = 0.05


def allowed_deletes(managed: int, limits: Limits) -> int:
    """The most deletes that a plan over so many managed resources may hold without anybody's word."""
    return max(limits.deletes, int(managed * limits.deletes_share))
